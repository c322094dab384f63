package monitor

import (
	"slices"
	"strings"
	"sync"
	"time"

	"tcpprobe/probe"
)

// Options say how much a Store keeps. Each 0 stands for its default.
type Options struct {
	History  int // checks of each target; 100
	Octets   int // of all evidence together; 16 MiB
	Latest   int // results of Probed that are kept whatever they are; 100
	OnDemand int // targets that Probed has added; 1,000
}

// Label is what tells a target apart, beside its name.
type Label struct{ Name, Value string }

// Store is the targets that are watched. Its methods may be called from any goroutine.
type Store struct {
	options  Options
	zero     time.Time // times are kept since then: by the monotonic clock, whatever becomes of the other
	evidence evidence

	mu       sync.RWMutex
	targets  map[string]*Target
	demanded []*Target // that Probed has added, in that order
}

// New returns a Store without targets. now is the time of its beginning, by the monotonic clock, too.
func New(o Options, now time.Time) *Store {
	set := func(option *int, otherwise int) {
		if *option <= 0 {
			*option = otherwise
		}
	}
	set(&o.History, 100)
	set(&o.Octets, 16<<20)
	set(&o.Latest, 100)
	set(&o.OnDemand, 1000)
	return &Store{options: o, zero: now, evidence: newEvidence(o, now), targets: make(map[string]*Target)}
}

// Watch returns the target of a name, HOST:PORT, which is added if it is not there. Its labels become those given.
func (s *Store) Watch(name string, labels ...Label) *Target {
	s.mu.Lock()
	defer s.mu.Unlock()
	t := s.targets[name]
	if t == nil {
		t = &Target{store: s, name: name}
		s.targets[name] = t
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.watched, t.labels = true, slices.Clone(labels)
	return t
}

// Forget removes a target. Its evidence stays, as long as there is room.
func (s *Store) Forget(name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.targets, name)
}

// Target returns the target of a name, if there is one.
func (s *Store) Target(name string) (*Target, bool) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	t, ok := s.targets[name]
	return t, ok
}

// Targets returns all targets, by name.
func (s *Store) Targets() []*Target {
	s.mu.RLock()
	all := make([]*Target, 0, len(s.targets))
	for _, t := range s.targets {
		all = append(all, t)
	}
	s.mu.RUnlock()
	slices.SortFunc(all, func(a, b *Target) int { return strings.Compare(a.name, b.name) })
	return all
}

// Probed takes the result of a probe on demand, of a module, and returns the ID of what is kept of it. r is copied. Its target is
// added if it is not there, in place of one that was added so before, if there are too many.
func (s *Store) Probed(r *probe.Result, module string) ID {
	t := s.onDemand(r.Target)
	c, _ := t.add(r)
	return t.keep(c, Evidence{Module: module, Result: r.Clone()})
}

// onDemand returns the target of a name that is probed on demand.
func (s *Store) onDemand(name string) *Target {
	s.mu.Lock()
	defer s.mu.Unlock()
	if t := s.targets[name]; t != nil {
		return t
	}
	t := &Target{store: s, name: name}
	s.targets[name] = t
	s.demanded = append(s.demanded, t)
	if len(s.demanded) > s.options.OnDemand {
		out := s.demanded[0]
		s.demanded = slices.Delete(s.demanded, 0, 1)
		if !out.Watched() && s.targets[out.name] == out {
			delete(s.targets, out.name)
		}
	}
	return t
}

// Evidence returns what was kept with an ID, if it still is.
func (s *Store) Evidence(id ID) (Evidence, bool) { return s.evidence.get(id) }

// Latest returns the latest results of Probed, the newest first.
func (s *Store) Latest() []Evidence {
	return s.evidence.newest(func(e *entry) bool { return e.latest })
}

// Failures returns the failures and findings that are kept, the newest first.
func (s *Store) Failures() []Evidence {
	return s.evidence.newest(func(e *entry) bool { return e.noted })
}
