package prober

import (
	"tcpprobe/probe"
	"tcpprobe/tcphdr"
)

// Held is an attempt that is ready for its handshake, and whose handshakes somebody else makes of its flow: a trace makes
// one for every Time to Live. Its port is leased, and its series goes on, when it is released.
type Held struct {
	worker  *worker
	attempt *attempt
}

// hold hands an attempt over to whoever asked for it.
func (w *worker) hold(a *attempt) {
	w.held++
	a.series.request.Ready(&Held{w, a})
}

// Result returns what is known of the attempt: its name, its route and its next hop.
func (h *Held) Result() *probe.Result { return h.attempt.result }

// Flow returns a flow like the one that was prepared. It has the result of the attempt, and nobody observes it.
func (h *Held) Flow() *probe.Flow {
	f := *h.attempt.flow
	f.Observe, f.Done, f.Record = nil, nil, true
	f.Relabel = false // routers are to see one flow
	return &f
}

// Bypassed returns what of this host is known to exist that frames of its flows go past; nothing where there are none.
func (h *Held) Bypassed() []string {
	if !h.attempt.flow.Path.Link {
		return nil
	}
	return h.worker.prober.policy.Bypassed()
}

// Number returns 32 bits that nobody can foresee, for the ISS or the time stamp of a flow. It is for the worker's goroutine,
// as in Done of a flow, or for times when Make does not run.
func (h *Held) Number() uint32 { return h.worker.random.uint32() }

// ISS returns an initial sequence number, under the condition of Number.
func (h *Held) ISS() tcphdr.SeqNum { return tcphdr.SeqNum(h.Number()) }

// Identification returns the Identification of a flow's first datagram, under the condition of Number.
func (h *Held) Identification() uint16 { return h.worker.random.identification() }

// Make makes handshakes of flows, side by side, and returns when all have ended. Observe and Done of them are called by the
// worker. Those that the end of the run breaks off end as Interrupted, and Make returns when Run has: whoever asks then
// whether the run has ended hears that it has.
func (h *Held) Make(flows []*probe.Flow) {
	left, over := len(flows), make(chan struct{})
	broken := false // off by the end of the run
	if left == 0 {
		return
	}
	for _, f := range flows {
		done := f.Done
		f.Done = func() {
			broken = broken || f.Result.Outcome == probe.OutcomeInterrupted && !h.worker.abandoned[f]
			if done != nil {
				done()
			}
			delete(h.worker.abandoned, f)
			if left--; left == 0 && !broken {
				close(over)
			}
		}
	}
	h.worker.post(func() { h.worker.flows = append(h.worker.flows, flows...) })
	select {
	case <-over:
	case <-h.worker.prober.ended:
		for _, f := range flows {
			if f.Result.Outcome == probe.OutcomePending {
				f.Result.Outcome = probe.OutcomeInterrupted
			}
		}
	}
}

// Abandon breaks off a flow that Make makes, because nobody waits for it any more. It is for Observe and Done of another.
func (h *Held) Abandon(f *probe.Flow) {
	if f.Result.Outcome == probe.OutcomePending {
		f.Result.Outcome = probe.OutcomeInterrupted // also if it has not begun
		h.worker.abandoned[f] = true
	}
	h.worker.engine.Abandon(f)
}

// Expire judges a flow that the deadline of the run has broken off: its SYNs asked for an answer, and there was none in time. It
// is for Done of the flow. Any other flow stays as it is.
func (h *Held) Expire(f *probe.Flow) {
	r := f.Result
	if !h.worker.expired(r) || !asked(r) || h.worker.abandoned[f] {
		return
	}
	r.Events = append(r.Events, h.worker.unanswered(r))
	f.Observe(&r.Events[len(r.Events)-1])
}

// Release gives the port back, and has the series go on. The observer is told of the attempt's result.
func (h *Held) Release() {
	h.worker.post(func() {
		h.worker.held--
		h.worker.end(h.attempt)
	})
}
