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
