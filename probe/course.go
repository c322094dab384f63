package probe

import (
	"math"
	"slices"
	"time"
)

// Course is what handshakes show in the order in which they began: whether the failures came in a row, and how much the
// round-trip time changes from one to the next.
type Course struct {
	// Outage is the longest time without an established handshake: from the start of the first of a run of others to the
	// start of the next one that was established, or to the end. It is 0 if there was none.
	Outage           time.Duration
	OutageHandshakes int // how many fell into it

	Flaps int // how often an established handshake was followed by another outcome

	// Jitter is the mean of the differences, without their sign, between each round-trip time and the one before it. It is the Javg
	// of mtr(8), which takes a 0 for the first one into the mean, and not the moving average of RFC 3550 6.4.1. Handshakes
	// without a round-trip time, or with an ambiguous one, are passed over.
	Jitter    time.Duration
	HasJitter bool // there were two round-trip times
}

// overtaking is how many handshakes that began later may end before one does, with the Course still exact.
const overtaking = 4096

// course follows the handshakes with one target. They come in the order of their ends, and count in that of their starts,
// so the latest ones are kept until no earlier one is to be expected any more. The zero value has followed none.
type course struct {
	recent []step // in any order
	walk   walk   // along all that began before them
	most   int    // how many may overtake one; 0 is overtaking
}

// step is what the course knows of one handshake.
type step struct {
	start       time.Time
	established bool
	rtt         time.Duration
	measured    bool // rtt is one to rely on
}

// add takes a handshake that is over.
func (c *course) add(s step) {
	most := c.most
	if most == 0 {
		most = overtaking
	}
	c.recent = append(c.recent, s)
	if len(c.recent) < 2*most {
		return
	}
	slices.SortStableFunc(c.recent, earlier)
	for _, s := range c.recent[:most] {
		c.walk.take(s)
	}
	c.recent = slices.Delete(c.recent, 0, most)
}

// until returns the course up to a time, which is that of the last event of any handshake.
func (c *course) until(end time.Time) Course {
	w := c.walk
	for _, s := range slices.SortedStableFunc(slices.Values(c.recent), earlier) {
		w.take(s)
	}
	w.endOutage(end)
	result := w.course
	if result.HasJitter = w.differences > 0; result.HasJitter {
		result.Jitter = time.Duration(math.Round(w.jitter))
	}
	return result
}

// earlier compares two handshakes by their start.
func earlier(a, b step) int { return a.start.Compare(b.start) }

// walk goes along handshakes in the order of their starts.
type walk struct {
	course Course // without the outage that is not over

	began       bool // a handshake was taken
	established bool // the latest one was
	outageStart time.Time
	failed      int // handshakes since then

	measured    bool          // there was a round-trip time
	rtt         time.Duration // the latest
	differences int
	jitter      float64 // their mean, nanoseconds
}

// take goes on to the next handshake.
func (w *walk) take(s step) {
	switch {
	case s.established:
		w.endOutage(s.start)
	case w.failed == 0:
		w.outageStart = s.start
		if w.began && w.established {
			w.course.Flaps++
		}
	}
	if !s.established {
		w.failed++
	}
	w.began, w.established = true, s.established
	if !s.measured {
		return
	}
	if w.measured {
		w.differences++
		w.jitter += (math.Abs(float64(s.rtt-w.rtt)) - w.jitter) / float64(w.differences)
	}
	w.measured, w.rtt = true, s.rtt
}

// endOutage ends the outage that there is, if there is one.
func (w *walk) endOutage(at time.Time) {
	if w.failed == 0 {
		return
	}
	// Two of the same length: that of more handshakes says more.
	d := max(at.Sub(w.outageStart), 0)
	if d > w.course.Outage || d == w.course.Outage && w.failed > w.course.OutageHandshakes {
		w.course.Outage, w.course.OutageHandshakes = d, w.failed
	}
	w.failed = 0
}
