package prober

import (
	"errors"
	"slices"
	"time"

	"golang.org/x/sys/unix"

	"tcpprobe/internal/port"
	"tcpprobe/internal/route"
	"tcpprobe/internal/stamp"
	"tcpprobe/probe"
)

// attempt is one handshake with a target on its way to a result.
type attempt struct {
	result   *probe.Result
	observer Observer
	record   bool // events are wanted

	series  *series // once its address is known
	way     route.Route
	lease   port.Lease
	noWay   error       // why there is no way, if the kernel makes the handshake: it may know better
	flow    *probe.Flow // once everything is known that it takes
	asks    *question   // about its next hop, while that is asked for
	begun   bool        // the engine, or the kernel, has its handshake
	beganAt time.Time   // since when
	tcp     *probe.TCP  // memory for the next result
}

// newAttempt returns an attempt of which nothing is known yet, with the memory of one that is over if there is any.
func (w *worker) newAttempt(t *taken, seq int) *attempt {
	target := t.request.Target
	last := len(w.free) - 1
	if last < 0 {
		return &attempt{
			result:   &probe.Result{Target: target.Text, Host: target.Host, Port: target.Port, Seq: seq, Time: time.Now()},
			observer: t.request.Observer, record: w.prober.options.Record,
		}
	}
	a := w.free[last]
	w.free = w.free[:last]
	a.observer, a.begun = t.request.Observer, false
	r := a.result
	if r.TCP != nil {
		a.tcp = r.TCP
	}
	*r = probe.Result{
		Target: target.Text, Host: target.Host, Port: target.Port, Seq: seq, Time: time.Now(),
		Findings: r.Findings[:0], ICMP: r.ICMP[:0], Events: r.Events[:0],
	}
	return a
}

// happened adds an event to the result, and tells the observer. The first is where its time begins.
func (a *attempt) happened(e probe.Event) {
	a.begin(e.At)
	if !a.record {
		return
	}
	a.result.Events = append(a.result.Events, e)
	a.observer.Event(a.result, &a.result.Events[len(a.result.Events)-1])
}

// begin sets the time that the times of the events are counted from, unless it is set. It is on both clocks the same.
func (a *attempt) begin(at stamp.Stamp) {
	if a.result.Start.IsZero() {
		a.result.Start = stamp.Stamp{User: at.Time(), Kernel: at.Time()}
	}
}

// find adds a finding to the result, once.
func (a *attempt) find(f probe.Finding) {
	if !slices.Contains(a.result.Findings, f) {
		a.result.Findings = append(a.result.Findings, f)
	}
}

// byKernel reports whether the kernel makes the handshake.
func (a *attempt) byKernel() bool { return a.series.request.Spec.Send == SendConnect }

// fail ends the attempt before a segment left. The outcome that was first stays.
func (a *attempt) fail(o probe.Outcome, err error) {
	if a.result.Outcome == probe.OutcomePending {
		a.result.Outcome, a.result.Err = o, err
	}
}

// outcomeOf returns the outcome of an attempt that found no route or no port.
func outcomeOf(err error) probe.Outcome {
	for _, noRoute := range []error{unix.ENETUNREACH, unix.EHOSTUNREACH, unix.EACCES, unix.EINVAL} {
		var e *route.Error
		if errors.As(err, &e) && errors.Is(err, noRoute) {
			return probe.OutcomeNoRoute
		}
	}
	return probe.OutcomeLocalError
}
