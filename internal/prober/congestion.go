package prober

import "time"

// Congestion says how many handshakes may begin, by what is lost on this side of the network: frames that found no room in the
// system or in the receive buffer, and SYNs that were answered only when they were repeated. A host that does not answer at all
// says nothing about congestion, and its SYN is nowhere any more: what began longer ago than a round trip takes counts no more
// as being in the network.
type Congestion struct {
	limit int       // of those in the network
	most  int       // of those under way
	grown int       // answers since the limit grew last
	calm  time.Time // before which a loss belongs to one that was reacted to

	underWay int
	began    [congestionTicks]int // of those in the network, by when they began, as a ring
	inside   int                  // the sum of that
	tick     int64                // the latest
}

const (
	congestionStart = 256
	congestionLeast = 16
	congestionPause = 50 * time.Millisecond

	congestionTick  = 10 * time.Millisecond
	congestionTicks = 10 // a tenth of a second is more than most round trips
)

// NewCongestion returns a Congestion without a loss so far. There will never be more than most under way.
func NewCongestion(most int) *Congestion {
	return &Congestion{limit: min(congestionStart, most), most: most}
}

// Limit returns how many handshakes may be in the network.
func (c *Congestion) Limit() int { return c.limit }

// UnderWay returns how many handshakes have begun and not ended.
func (c *Congestion) UnderWay() int { return c.underWay }

// Room reports whether another handshake may begin.
func (c *Congestion) Room(now time.Time) bool {
	c.advance(now)
	return c.inside < c.limit && c.underWay < c.most
}

// Begun takes note that a handshake begins.
func (c *Congestion) Begun(now time.Time) {
	c.advance(now)
	c.underWay++
	c.inside++
	c.began[c.tick%congestionTicks]++
}

// Ended takes note that a handshake is over which began at a time.
func (c *Congestion) Ended(began, now time.Time) {
	c.advance(now)
	c.underWay--
	if tick := tickOf(began); tick > c.tick-congestionTicks {
		c.inside--
		c.began[tick%congestionTicks]--
	}
}

// advance forgets of those in the network whoever has been there for too long.
func (c *Congestion) advance(now time.Time) {
	tick := tickOf(now)
	if tick-c.tick >= congestionTicks {
		c.inside, c.began, c.tick = 0, [congestionTicks]int{}, tick
	}
	for c.tick < tick {
		c.tick++
		c.inside -= c.began[c.tick%congestionTicks]
		c.began[c.tick%congestionTicks] = 0
	}
}

func tickOf(t time.Time) int64 { return t.UnixNano() / int64(congestionTick) }

// Whole takes note that nothing was lost with a handshake that has ended.
func (c *Congestion) Whole() {
	if c.limit >= c.most {
		return
	}
	if c.grown++; c.grown >= 8 {
		c.grown = 0
		c.limit++
	}
}

// Lost takes note that something was lost. What is lost at the same time counts once.
func (c *Congestion) Lost(now time.Time) {
	if now.Before(c.calm) {
		return
	}
	c.limit = max(c.limit/2, congestionLeast)
	c.grown = 0
	c.calm = now.Add(congestionPause)
}
