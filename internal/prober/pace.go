package prober

import "time"

// paceWindow is the time over which a Pace keeps its rate, and paceSlack what the way from the decision to the wire may
// differ by from one handshake to the next.
const (
	paceWindow = 100 * time.Millisecond
	paceSlack  = 500 * time.Microsecond
)

// Pace says when handshakes may begin so that there are never more than so many a second, over any tenth of a second. What
// was not begun in time may be made up for within a tenth of a second, and no more.
type Pace struct {
	every  time.Duration // from one to the next
	window time.Duration // in which no more may begin than there are starts
	starts []time.Time   // the last ones, as a ring
	oldest int
	next   time.Time // when the next is due
}

// NewPace returns a Pace of so many handshakes a second, which has to be more than 0.
func NewPace(rate int) *Pace {
	every := time.Second / time.Duration(rate)
	n := int(int64(rate) * int64(paceWindow) / int64(time.Second))
	window := paceWindow + paceSlack
	if n < 1 {
		n, window = 1, every // so slow that a tenth of a second has room for less than one
	}
	return &Pace{every: every, window: window, starts: make([]time.Time, n)}
}

// Take takes leave to begin a handshake now. If it is too early, it is not ok, and says when to ask again.
func (p *Pace) Take(now time.Time) (again time.Time, ok bool) {
	if again := p.starts[p.oldest].Add(p.window); !p.starts[p.oldest].IsZero() && now.Before(again) {
		return again, false
	}
	if now.Before(p.next) {
		return p.next, false
	}
	p.starts[p.oldest] = now
	p.oldest = (p.oldest + 1) % len(p.starts)
	if p.next.IsZero() {
		p.next = now
	} else if behind := now.Add(-p.window); p.next.Before(behind) {
		p.next = behind
	}
	p.next = p.next.Add(p.every)
	return time.Time{}, true
}

// Left takes note that what was begun since a time had left by now, and may have left as late as now: the rate is that on
// the wire.
func (p *Pace) Left(since, now time.Time) {
	for i := range p.starts {
		latest := &p.starts[(p.oldest+2*len(p.starts)-1-i)%len(p.starts)]
		if latest.Before(since) {
			return
		}
		*latest = now
	}
}

// Congestion says how many handshakes may be under way at once, by what is lost on this side of the network: frames that
// found no room in the system or in the receive buffer, and SYNs that were answered only when they were repeated. A host
// that does not answer at all says nothing about congestion.
type Congestion struct {
	limit int
	most  int
	grown int       // answers since the limit grew last
	calm  time.Time // before which a loss belongs to one that was reacted to
}

const (
	congestionStart = 256
	congestionLeast = 16
	congestionPause = 50 * time.Millisecond
)

// NewCongestion returns a Congestion without a loss so far. There will never be more than most under way.
func NewCongestion(most int) *Congestion {
	return &Congestion{limit: min(congestionStart, most), most: most}
}

// Limit returns how many handshakes may be under way.
func (c *Congestion) Limit() int { return c.limit }

// Over takes note that a handshake has ended, and that there was nothing lost with it.
func (c *Congestion) Over() {
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
