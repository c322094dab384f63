package monitor

import (
	"slices"
	"time"

	"tcpprobe/probe"
)

// Outage is a time without an established handshake: from the start of the first that was not to the start of the next that was.
type Outage struct {
	Start      time.Time
	End        time.Time // zero as long as it goes on
	Duration   time.Duration
	Handshakes int           // that were not established
	Outcome    probe.Outcome // of the first
	Evidence   ID            // of the first; 0 if that is not, or no longer, kept
}

// latestOutages is how many outages of a target are told one by one.
const latestOutages = 16

// outage is an Outage as it is kept.
type outage struct {
	start, end time.Duration // since the Store's zero; end is that of the start of the last failure as long as it goes on
	handshakes int
	outcome    probe.Outcome
	evidence   ID
}

func (o outage) duration() time.Duration { return o.end - o.start }

// outages are those of one target. Handshakes are told in the order of their ends, and count in that of their starts: a timeout is
// told after those that began later and were established.
type outages struct {
	on      bool     // the last of latest goes on
	latest  []outage // the oldest first
	longest outage
	count   int
	total   time.Duration // of those that are over

	up    time.Duration // the start of the latest established handshake
	wasUp bool          // there was one
}

// add takes a check, given when the first one after it was established, if one was. It reports whether an outage begins.
func (o *outages) add(c check, nextUp func(time.Duration) (time.Duration, bool)) (begins bool) {
	if c.up() {
		if !o.wasUp || c.start > o.up {
			o.up, o.wasUp = c.start, true
		}
		if o.on && c.start >= o.last().start {
			o.end(c.start)
		}
		return false
	}
	if o.wasUp && c.start < o.up {
		return o.late(c, nextUp)
	}
	if o.on {
		o.extend(o.last(), c)
		return false
	}
	o.begin(c)
	o.on = true
	return true
}

// late takes a check that is told after one that began later and was established.
func (o *outages) late(c check, nextUp func(time.Duration) (time.Duration, bool)) (begins bool) {
	for i := range o.latest {
		if l := &o.latest[i]; c.start >= l.start && c.start < l.end {
			l.handshakes++
			return false
		}
	}
	until, ok := nextUp(c.start)
	if !ok {
		until = o.up
	}
	if o.on { // it began after this one
		going := *o.last()
		o.latest = o.latest[:len(o.latest)-1]
		o.begin(c)
		o.end(until)
		o.latest, o.on = append(o.latest, going), true
		return true
	}
	o.begin(c)
	o.end(until)
	return true
}

func (o *outages) last() *outage { return &o.latest[len(o.latest)-1] }

func (o *outages) begin(c check) {
	if len(o.latest) == latestOutages {
		o.latest = slices.Delete(o.latest, 0, 1)
	}
	o.latest = append(o.latest, outage{start: c.start, end: c.start, handshakes: 1, outcome: c.outcome})
	o.count++
}

// extend adds a failure to the outage that goes on.
func (o *outages) extend(l *outage, c check) {
	l.handshakes++
	l.start, l.end = min(l.start, c.start), max(l.end, c.start)
}

// end ends the last outage.
func (o *outages) end(at time.Duration) {
	l := o.last()
	l.end = max(at, l.start)
	o.total += l.duration()
	o.on = false
	if l.duration() > o.longest.duration() || o.longest.handshakes == 0 {
		o.longest = *l
	}
}

// noteEvidence notes what was kept of a failure, if it was the first of an outage.
func (o *outages) noteEvidence(start time.Duration, id ID) {
	for i := range o.latest {
		if l := &o.latest[i]; l.start == start {
			l.evidence = id
		}
	}
	if o.longest.start == start && o.longest.handshakes > 0 {
		o.longest.evidence = id
	}
}
