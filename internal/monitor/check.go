package monitor

import (
	"cmp"
	"slices"
	"time"

	"tcpprobe/internal/stats"
	"tcpprobe/probe"
)

// Check is one handshake with a target, in short.
type Check struct {
	Time     time.Time // of its start
	Outcome  probe.Outcome
	RTT      time.Duration // as in Phases
	HasRTT   bool
	SYNs     int // that left
	SYNsLost int
	Findings Findings
	Evidence ID // of its full result; 0 if that was not kept, or no longer is
}

// Up reports whether the handshake was established.
func (c Check) Up() bool { return c.Outcome == probe.OutcomeEstablished }

// check is a Check as it is kept: there are very many.
type check struct {
	start    time.Duration // since the Store's zero
	rtt      time.Duration // negative if there is none
	findings Findings
	outcome  probe.Outcome
	syns     uint8
	lost     uint8
}

// newCheck returns the check of a result that started at a time.
func newCheck(r *probe.Result, start time.Duration) check {
	c := check{start: start, rtt: -1, findings: FindingsOf(r.Findings), outcome: r.Outcome}
	if p := PhasesOf(r).RTT; p.Known {
		c.rtt = p.Duration
	}
	if r.TCP != nil {
		c.syns, c.lost = uint8(min(r.TCP.SYNSent, 255)), uint8(min(stats.SYNsLost(r), 255))
	}
	return c
}

// up reports whether the handshake was established.
func (c check) up() bool { return c.outcome == probe.OutcomeEstablished }

// ring is the latest checks, in the order in which they ended.
type ring struct {
	checks []check
	next   int // where the next one goes, once there are as many as there may be
}

// add adds a check, in place of the oldest one if there are too many.
func (g *ring) add(c check, most int) {
	if len(g.checks) < most {
		if len(g.checks) == cap(g.checks) { // without the room that append would leave
			g.checks = slices.Grow(g.checks[:len(g.checks):len(g.checks)], min(max(len(g.checks), 8), most-len(g.checks)))
		}
		g.checks = append(g.checks, c)
		return
	}
	g.checks[g.next] = c
	g.next = (g.next + 1) % most
}

// sorted returns the checks in the order of their starts.
func (g *ring) sorted() []check {
	all := slices.Concat(g.checks[g.next:], g.checks[:g.next])
	slices.SortStableFunc(all, func(a, b check) int { return cmp.Compare(a.start, b.start) })
	return all
}

// nextUp returns when the first established check after a time started, of those that are kept.
func (g *ring) nextUp(after time.Duration) (start time.Duration, ok bool) {
	for _, c := range g.checks {
		if c.up() && c.start > after && (!ok || c.start < start) {
			start, ok = c.start, true
		}
	}
	return start, ok
}
