package prober

import (
	"fmt"
	"time"

	"tcpprobe/internal/stamp"
	"tcpprobe/probe"
)

// expire judges an attempt that the deadline of the run has broken off by how far it had come: what was asked for was not
// answered in time. Where another attempt of its series has ended before, that is what is known of the address, and this one
// stays interrupted; so does one that had asked nothing yet.
func (w *worker) expire(a *attempt) {
	r := a.result
	if !w.expired(r) && !(r.Outcome == probe.OutcomeInterrupted && a.series != nil && a.series.broken == expired) || a.series != nil && a.series.ended > 0 {
		return
	}
	sent := asked(r)
	switch {
	case sent && a.flow != nil && w.unsent(a):
		w.silentToKernel(a)
	case sent:
		a.happened(w.unanswered(r))
	case r.NextHop != nil && r.NextHop.Attempts > 0 && r.NextHop.MAC == [6]byte{}:
		w.silent(a, nobodyAnswered(a.way))
	case r.Route == nil && r.DNS != nil && r.DNS.Source == "dns":
		r.Outcome, r.Err = probe.OutcomeDNSError, fmt.Errorf("no answer about %s before the deadline", r.Host)
	}
}

// expired reports whether the deadline of the run has broken off what there is a result of.
func (w *worker) expired(r *probe.Result) bool {
	deadline := w.prober.options.Deadline
	return r.Outcome == probe.OutcomeInterrupted && !deadline.IsZero() && !time.Now().Before(deadline)
}

// asked reports whether a SYN has left.
func asked(r *probe.Result) bool { return r.TCP != nil && r.TCP.SYNSent > 0 }

// unanswered makes the result that of SYNs that have had no answer until now, and returns the event that says so.
func (w *worker) unanswered(r *probe.Result) probe.Event {
	now := stamp.Stamp{User: w.clock.Now()}
	r.Outcome = probe.OutcomeTimeout
	r.TCP.States[len(r.TCP.States)-1].At = now
	return probe.Event{Kind: probe.EventTCPSilence, At: now}
}
