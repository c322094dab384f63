package display

import (
	"tcpprobe/internal/prober"
	"tcpprobe/probe"
)

// doneObserver takes note of a target that is done, for a run that goes on another time where this one was broken off.
type doneObserver struct {
	prober.Observer
	done   func()
	broken bool // off, a handshake with one of its addresses
}

// Result passes the end of a handshake on.
func (o *doneObserver) Result(r *probe.Result) {
	o.broken = o.broken || r.Outcome == probe.OutcomeInterrupted
	o.Observer.Result(r)
}

// Over takes the note.
func (o *doneObserver) Over() {
	if !o.broken {
		o.done()
	}
	o.Observer.Over()
}
