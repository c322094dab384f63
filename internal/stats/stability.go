package stats

import (
	"cmp"
	"math"
	"slices"
	"time"
)

// Stability is what handshakes show in the order in which they began: whether the failures came in a row, and how much the
// round-trip time changes from one to the next.
type Stability struct {
	// Outage is the longest time without an established handshake: from the start of the first of a run of others to the
	// start of the next one that was established, or to the end. It is 0 if there was none.
	Outage           time.Duration
	OutageStart      time.Time // zero if there was none
	OutageHandshakes int       // how many fell into it

	Flaps int // how often an established handshake was followed by another outcome of the same address

	// Jitter is the mean of the differences, without their sign, between each round-trip time and the one before it. It is the Javg
	// of mtr(8), which takes a 0 for the first one into the mean, and not the moving average of RFC 3550 6.4.1. Handshakes
	// without a round-trip time, or with an ambiguous one, are passed over.
	Jitter    time.Duration
	HasJitter bool // there were two round-trip times
}

// overtaking is how many handshakes that began later may end before one does, with the Stability still exact.
const overtaking = 4096

// entry is what the Stability takes of one handshake.
type entry struct {
	start       time.Duration // since that of the first which was added; a time.Time would take thrice the room, of thousands
	rtt         time.Duration // negative if there is none to rely on
	address     uint16        // its number; 0 if it is not known
	established bool
}

// earlier compares two handshakes by their start.
func earlier(a, b entry) int { return cmp.Compare(a.start, b.start) }

// sequence is the handshakes with one target. They come in the order of their ends, and count in that of their starts, so
// the latest ones are kept until no earlier one is to be expected any more. The zero value has none.
type sequence struct {
	zero   time.Time // from which the starts are counted
	recent []entry   // in any order
	before scan      // of all that began before them
	most   int       // how many may overtake one; 0 is overtaking
}

// add takes a handshake that is over, and when it started.
func (q *sequence) add(e entry, start time.Time) {
	if q.zero.IsZero() {
		q.zero = start
	}
	e.start = start.Sub(q.zero)
	most := q.most
	if most == 0 {
		most = overtaking
	}
	batch := max(most/4, 1) // so that sorting does not take time with every handshake
	if q.recent = append(q.recent, e); len(q.recent) < most+batch {
		return
	}
	slices.SortStableFunc(q.recent, earlier)
	for _, e := range q.recent[:batch] {
		q.before.add(e)
	}
	q.recent = slices.Delete(q.recent, 0, batch)
}

// until returns the Stability up to a time, which is that of the last event of any handshake.
func (q *sequence) until(end time.Time) Stability {
	s := q.before
	s.established = slices.Clone(s.established)
	for _, e := range slices.SortedStableFunc(slices.Values(q.recent), earlier) {
		s.add(e)
	}
	s.endOutage(end.Sub(q.zero))
	result := s.result
	if result.OutageHandshakes > 0 {
		result.OutageStart = q.zero.Add(s.longest)
	}
	if result.HasJitter = s.differences > 0; result.HasJitter {
		result.Jitter = time.Duration(math.Round(s.jitter))
	}
	return result
}

// scan is a pass over handshakes in the order of their starts.
type scan struct {
	result Stability // without the outage that is not over

	established []bool // the latest one was, by the number of its address
	latest      uint16 // address
	outageStart time.Duration
	longest     time.Duration // the start of the longest
	failed      int           // handshakes since then

	measured    bool          // there was a round-trip time
	rtt         time.Duration // the latest
	differences int
	jitter      float64 // their mean, nanoseconds
}

// add goes on to the next handshake.
func (s *scan) add(e entry) {
	switch {
	case e.established:
		s.endOutage(e.start)
	case s.failed == 0:
		s.outageStart = e.start
	}
	if !e.established {
		s.failed++
	}
	s.flap(e)
	if e.rtt < 0 {
		return
	}
	if s.measured {
		s.differences++
		s.jitter += (math.Abs(float64(e.rtt-s.rtt)) - s.jitter) / float64(s.differences)
	}
	s.measured, s.rtt = true, e.rtt
}

// flap takes note of how the latest handshake with an address ended. One that failed before its address was known is taken for
// one with the address of the handshake before.
func (s *scan) flap(e entry) {
	address := e.address
	if address == 0 {
		address = s.latest
	}
	for len(s.established) <= int(address) {
		s.established = append(s.established, false)
	}
	if s.established[address] && !e.established {
		s.result.Flaps++
	}
	s.established[address], s.latest = e.established, address
}

// endOutage ends the outage that there is, if there is one.
func (s *scan) endOutage(at time.Duration) {
	if s.failed == 0 {
		return
	}
	// Two of the same length: that of more handshakes says more.
	d := max(at-s.outageStart, 0)
	if d > s.result.Outage || d == s.result.Outage && s.failed > s.result.OutageHandshakes {
		s.result.Outage, s.result.OutageHandshakes, s.longest = d, s.failed, s.outageStart
	}
	s.failed = 0
}
