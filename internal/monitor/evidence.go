package monitor

import (
	"cmp"
	"errors"
	"slices"
	"strconv"
	"sync"
	"time"

	"tcpprobe/internal/deadline"
	"tcpprobe/probe"
)

// ID names what is kept of one handshake. It is of no use to a Store that began in another second.
type ID uint64

// String returns the ID as ParseID reads it: digits and lower-case letters.
func (id ID) String() string { return strconv.FormatUint(uint64(id), 36) }

// ErrID is what ParseID says of everything that is no ID.
var ErrID = errors.New("no ID of a handshake")

// ParseID returns the ID that a string says.
func ParseID(s string) (ID, error) {
	n, err := strconv.ParseUint(s, 36, 64)
	if err != nil || ID(n).String() != s {
		return 0, ErrID
	}
	return ID(n), nil
}

// idsPerSecond is how many IDs are set aside for each second, so that a Store does not use those of one before it.
const idsPerSecond = 1 << 20

// Evidence is a handshake with all that was seen of it.
type Evidence struct {
	ID      ID
	Watched bool          // it is of a target that is watched, and not of a probe on demand
	Module  string        // by which it was asked for, if it was on demand
	Result  *probe.Result // with its events; nobody changes it
}

// Failed reports whether the handshake was not established.
func (e Evidence) Failed() bool { return e.Result.Outcome != probe.OutcomeEstablished }

// Noteworthy reports whether there is a reason to keep it beyond the next handshakes: it failed, or something was found.
func (e Evidence) Noteworthy() bool { return e.Failed() || len(e.Result.Findings) > 0 }

// entry is evidence in the store.
type entry struct {
	Evidence
	deadline.Timer // its age: what is due first is the first to go
	octets         int
	latest         bool // it is one of the latest on demand
	noted          bool // it is in one of the two queues
	last           bool // it is the last failure of its target
}

// entryOctets is what an entry takes beside its result, with its place in the table, about.
const entryOctets = 256

// evidence is all that is kept, bounded in octets.
type evidence struct {
	most       int // octets
	mostLatest int

	mu      sync.Mutex
	id      ID // the last that was given
	octets  int
	entries map[ID]*entry
	latest  []*entry               // on demand, the oldest first
	spare   deadline.Queue[*entry] // failures and findings, but for
	last    deadline.Queue[*entry] // the last failure of each target
}

func newEvidence(o Options, now time.Time) evidence {
	return evidence{most: o.Octets, mostLatest: o.Latest, id: ID(max(now.Unix(), 0)) * idsPerSecond, entries: make(map[ID]*entry)}
}

// add keeps a result, which nobody changes any more. latest is for those on demand; last is the ID of what was the last failure of its target
// before, if this is one.
func (v *evidence) add(e Evidence, last ID) ID {
	n := &entry{Evidence: e, octets: e.Result.Octets() + entryOctets, latest: !e.Watched, noted: e.Noteworthy(), last: e.Failed()}
	v.mu.Lock()
	defer v.mu.Unlock()
	v.id++
	n.ID, n.Due = v.id, e.Result.Time
	v.entries[n.ID] = n
	v.octets += n.octets
	if n.latest {
		v.latest = append(v.latest, n)
		if len(v.latest) > v.mostLatest {
			v.leaveLatest()
		}
	}
	if n.last {
		v.supersede(last)
		v.last.Add(n)
	} else if n.noted {
		v.spare.Add(n)
	}
	v.shrink()
	return n.ID
}

// supersede takes note that a failure is not its target's last any more.
func (v *evidence) supersede(id ID) {
	if e := v.entries[id]; e != nil && e.last {
		v.last.Remove(e)
		e.last = false
		v.spare.Add(e)
	}
}

// leaveLatest takes the oldest on demand out of the latest.
func (v *evidence) leaveLatest() {
	e := v.latest[0]
	v.latest[0] = nil
	v.latest = v.latest[1:]
	e.latest = false
	v.dropUnwanted(e)
}

// drop takes a failure or finding out of its queue.
func (v *evidence) drop(e *entry) {
	if e.last {
		v.last.Remove(e)
	} else {
		v.spare.Remove(e)
	}
	e.noted, e.last = false, false
	v.dropUnwanted(e)
}

// dropUnwanted forgets what is neither among the latest nor noteworthy.
func (v *evidence) dropUnwanted(e *entry) {
	if !e.latest && !e.noted {
		delete(v.entries, e.ID)
		v.octets -= e.octets
	}
}

// shrink makes room: the oldest goes first, what was the last failure of a target after everything else.
func (v *evidence) shrink() {
	for v.octets > v.most {
		if e, ok := v.spare.First(); ok {
			v.drop(e)
		} else if len(v.latest) > 1 {
			v.leaveLatest()
		} else if e, ok := v.last.First(); ok {
			v.drop(e)
		} else {
			return
		}
	}
}

// remove forgets a failure or finding, of which its target has newer ones.
func (v *evidence) remove(id ID) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if e := v.entries[id]; e != nil && e.noted {
		v.drop(e)
	}
}

func (v *evidence) get(id ID) (Evidence, bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	e := v.entries[id]
	if e == nil {
		return Evidence{}, false
	}
	return e.Evidence, true
}

// kept returns those IDs of which something is kept.
func (v *evidence) kept(ids []ID) []ID {
	v.mu.Lock()
	defer v.mu.Unlock()
	return slices.DeleteFunc(ids, func(id ID) bool { return v.entries[id] == nil })
}

// newest returns what is kept and wanted, the newest first.
func (v *evidence) newest(wanted func(*entry) bool) []Evidence {
	v.mu.Lock()
	var all []Evidence
	for _, e := range v.entries {
		if wanted(e) {
			all = append(all, e.Evidence)
		}
	}
	v.mu.Unlock()
	slices.SortFunc(all, func(a, b Evidence) int { return cmp.Compare(b.ID, a.ID) })
	return all
}
