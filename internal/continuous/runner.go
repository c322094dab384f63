package continuous

import (
	"hash/fnv"
	"sync"
	"time"

	"tcpprobe/internal/monitor"
	"tcpprobe/internal/prober"
	"tcpprobe/internal/target"
)

// Target is what is probed for ever.
type Target struct {
	target.Target
	Labels []monitor.Label

	// Spec says how. Nobody changes it: a target with another Spec, that differs, is begun anew.
	Spec prober.Spec
}

// Runner has targets probed. Its methods may be called from any goroutine.
type Runner struct {
	prober *prober.Prober
	store  *monitor.Store

	mu      sync.Mutex
	running map[string]running // by the name of the target
}

// running is a target that is probed.
type running struct {
	spec   *prober.Spec
	handle *prober.Handle
}

// New returns a Runner without targets.
func New(p *prober.Prober, s *monitor.Store) *Runner {
	return &Runner{prober: p, store: s, running: make(map[string]running)}
}

// Set makes the targets those that are probed. Those that were probed before, and in the same way, go on as if nothing had happened;
// of those that are gone the Store forgets everything but the evidence. Of several with the same name the first counts.
func (r *Runner) Set(targets []Target) {
	r.mu.Lock()
	defer r.mu.Unlock()
	wanted := make(map[string]bool, len(targets))
	var begin requests
	for i := range targets {
		t := &targets[i]
		if wanted[t.Text] {
			continue
		}
		wanted[t.Text] = true
		watched := r.store.Watch(t.Text, t.Labels...)
		spec := forEver(t.Spec)
		if before, is := r.running[t.Text]; is {
			if *before.spec == spec {
				continue
			}
			before.handle.Cancel()
		}
		now := running{&spec, new(prober.Handle)}
		r.running[t.Text] = now
		begin = append(begin, prober.Request{Target: t.Target, Spec: now.spec, Observer: watched, Handle: now.handle, Delay: delay(t.Text, spec.Interval)})
	}
	for name, before := range r.running {
		if !wanted[name] {
			before.handle.Cancel()
			delete(r.running, name)
			r.store.Forget(name)
		}
	}
	if len(begin) > 0 {
		r.prober.Submit(&source{requests: begin})
	}
}

// Len returns how many targets are probed.
func (r *Runner) Len() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.running)
}

// forEver returns the Spec of handshakes without end, of which a Store copies what it keeps.
func forEver(s prober.Spec) prober.Spec {
	s.Count, s.UntilEstablished, s.All, s.Reuse = 0, false, false, true
	return s
}

// delay spreads the targets over an interval: by their names, so that each has the same place after every change, and after a restart.
func delay(name string, interval time.Duration) time.Duration {
	hash := fnv.New64a()
	hash.Write([]byte(name))
	return time.Duration(hash.Sum64() % uint64(interval))
}

type requests []prober.Request

// source gives requests, one after the other.
type source struct {
	mu       sync.Mutex
	requests requests
}

// Next returns the next request, if there is one left.
func (s *source) Next() (prober.Request, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.requests) == 0 {
		return prober.Request{}, false
	}
	next := s.requests[0]
	s.requests = s.requests[1:]
	return next, true
}
