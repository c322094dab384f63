package neighbor

import (
	"net/netip"
	"sync"
	"time"
)

// How long what is known may be used.
const (
	// maxAge is how old an Entry may become before the link is asked again. RFC 1122 2.3.2.1 has entries of more than a
	// minute flushed.
	maxAge = time.Minute
	// askInterval is the least time between two requests to one neighbour (RFC 1122 2.3.2.1). For as long a neighbour that
	// was asked in vain counts as silent without being asked again.
	askInterval = time.Second
)

// table is what is known of neighbours. It may be used by several goroutines.
type table struct {
	mu      sync.RWMutex
	entries map[Hop]*entry
	room    int // how many entries there may be before those that are of no more use are looked for
}

// entry is an Entry, or the failure to find one, and how far it is to be trusted.
type entry struct {
	Entry
	link   Link
	source netip.Addr // our own address that it was asked for
	result Result
	err    error     // why there is no MAC; nil if there is one
	asked  time.Time // when the last request for it left
	found  time.Time // when it was found, or not found
	doubt  bool      // whether it still holds is to be asked before it is used again
}

func newTable() *table { return &table{entries: make(map[Hop]*entry), room: 1024} }

// usable reports whether nobody needs to be asked before the entry is used.
func (e *entry) usable(now time.Time) bool {
	if e.err != nil {
		return !e.doubt && now.Sub(e.found) < askInterval
	}
	return !e.doubt && now.Sub(e.found) < maxAge
}

// known returns the MAC of a neighbour if it may be used.
func (t *table) known(h Hop, now time.Time) (Entry, bool) {
	t.mu.RLock()
	defer t.mu.RUnlock()
	e := t.entries[h]
	if e == nil || e.err != nil || !e.usable(now) {
		return Entry{}, false
	}
	return e.Entry, true
}

// answer returns how the last question for a neighbour ended, if that still holds.
func (t *table) answer(h Hop, now time.Time) (Result, error, bool) {
	t.mu.RLock()
	defer t.mu.RUnlock()
	e := t.entries[h]
	if e == nil || !e.usable(now) {
		return Result{}, nil, false
	}
	if e.err != nil {
		return e.result, e.err, true
	}
	return Result{Entry: e.Entry}, nil, true
}

// set takes note of how a question ended, and reports whether the neighbour was known at another MAC before.
func (t *table) set(q *question, r Result, err error, now time.Time) (moved bool) {
	h := q.hop()
	t.mu.Lock()
	defer t.mu.Unlock()
	earlier := t.entries[h]
	moved = err == nil && earlier != nil && earlier.err == nil && earlier.MAC != r.MAC
	if len(t.entries) >= t.room {
		for h, e := range t.entries {
			if !e.usable(now) {
				delete(t.entries, h)
			}
		}
		t.room = max(t.room, 2*len(t.entries))
	}
	t.entries[h] = &entry{Entry: r.Entry, link: q.link, source: q.source, result: r, err: err, asked: q.asked, found: now}
	return moved
}

// move takes note that a neighbour that was asked for is at another MAC than was known, or at one at all: a late answer may
// come to a question that has ended. It is moved if it was known at another one.
func (t *table) move(h Hop, to Entry, now time.Time) (_ Link, moved bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	e := t.entries[h]
	if e == nil || e.err == nil && e.MAC == to.MAC {
		return Link{}, false
	}
	moved = e.err == nil
	e.Entry, e.err, e.found, e.doubt = to, nil, now, false
	return e.link, moved
}

// due reports whether a neighbour that is known may be asked again, and how it was asked.
func (t *table) due(h Hop, now time.Time) (_ Link, source netip.Addr, ok bool) {
	t.mu.RLock()
	defer t.mu.RUnlock()
	e := t.entries[h]
	if e == nil || e.err != nil || now.Sub(e.asked) < askInterval {
		return Link{}, netip.Addr{}, false
	}
	return e.link, e.source, true
}

// forget has a neighbour asked again before it is used, unless it was asked within the last second.
func (t *table) forget(h Hop, now time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if e := t.entries[h]; e != nil && now.Sub(e.asked) >= askInterval {
		e.doubt = true
	}
}
