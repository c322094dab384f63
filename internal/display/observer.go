package display

import (
	"sync"

	"tcpprobe/internal/exit"
	"tcpprobe/internal/stats"
	"tcpprobe/probe"
)

// observer shows what becomes of one target, in one or several views. It is what the prober tells of it.
type observer struct {
	display *Display
	views   []view
	number  int // of the target, in the order in which they were taken on

	mu      sync.Mutex
	summary *stats.Summary // nil if nobody wants it
	last    int            // the exit code of the handshake that ended last
}

// Event shows something that has just happened.
func (o *observer) Event(r *probe.Result, e *probe.Event) {
	for _, v := range o.views {
		v.event(r, e)
	}
	o.display.stopIfUnread()
}

// Result shows how a handshake ended.
func (o *observer) Result(r *probe.Result) {
	o.display.total.add(r, !o.display.spec.UntilEstablished)
	if r.Outcome != probe.OutcomeInterrupted && o.summary != nil {
		o.mu.Lock()
		o.summary.Add(r)
		o.last = exit.CodeOf(r)
		o.mu.Unlock()
	}
	for _, v := range o.views {
		v.result(r)
	}
	o.display.stopIfUnread()
}

// Over shows the statistics.
func (o *observer) Over() { o.display.over(o) }

// interim returns a line about what is known so far.
func (o *observer) interim() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return interimLine(o.summary)
}

// end checks what is asserted, and shows and returns the statistics.
func (o *observer) end(assertions []stats.Assertion) *stats.Summary {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.display.spec.UntilEstablished && o.summary.Sent > 0 {
		o.display.total.count(o.last)
	}
	o.summary.Check(assertions)
	for _, v := range o.views {
		v.end(o.summary)
	}
	return o.summary
}
