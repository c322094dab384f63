package prober

import (
	"fmt"
	"net/netip"
	"slices"
	"sync"

	"tcpprobe/internal/route"
	"tcpprobe/probe"
)

// Handle is by which a request is ended before its time. It is for one request, without Spec.All and Ready. Its methods may be called from any
// goroutine, at any time, also when the request is over. A request that no worker has taken on yet ends when one does.
type Handle struct {
	mu     sync.Mutex
	ending ending
	worker *worker // that has taken the request on; nil until then
	series *series // for the worker's goroutine; nil before and after
}

// ending is whether and how a request was broken off.
type ending uint8

const (
	goesOn    ending = iota
	cancelled        // nobody waits for it any more
	expired          // its time is over
)

// Cancel ends the request, since nobody waits for it: what is under way ends as interrupted.
func (h *Handle) Cancel() { h.breakOff(cancelled) }

// Expire ends the request, since its time is over: what is under way is judged by how far it has come, and ends as interrupted if it
// has asked nothing yet.
func (h *Handle) Expire() { h.breakOff(expired) }

func (h *Handle) breakOff(how ending) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.ending != goesOn {
		return
	}
	h.ending = how
	if w := h.worker; w != nil {
		w.post(func() { w.breakOff(h, how) })
	}
}

// taken takes note of who has the request, and reports how it was ended before anybody had it.
func (h *Handle) taken(w *worker, s *series) ending {
	if h == nil {
		return goesOn
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.worker, h.series = w, s
	return h.ending
}

// over takes note that the request is.
func (h *Handle) over() {
	if h != nil {
		h.series = nil
	}
}

// breakOff ends a request. Its observer is told at once how each attempt has ended; what the attempt still waits for comes to its end
// unseen.
func (w *worker) breakOff(h *Handle, how ending) {
	s := h.series
	if s == nil {
		return
	}
	s.broken = how
	w.schedule.drop(s)
	if s.request.Spec.UntilEstablished {
		w.repeating--
	}
	for _, a := range slices.Clone(s.attempts) {
		if !a.begun {
			w.detach(a)
		} else if c := w.connecting(a); c != nil {
			w.connectEnds(c, w.clock.Now(), probe.OutcomeInterrupted, nil)
		} else {
			w.engine.Abandon(a.flow)
		}
	}
	if s.started == 0 { // it was not its turn
		w.detach(&attempt{result: w.newAttempt(s.taken, 1).result, observer: s.request.Observer, series: s})
	}
	if s.underWay == 0 && h.series != nil {
		w.close(s.taken)
		h.over()
	}
}

// connecting returns what the kernel has under way of an attempt, or nil.
func (w *worker) connecting(a *attempt) *connecting {
	for _, c := range w.connects.open {
		if c.attempt == a {
			return c
		}
	}
	return nil
}

// detach tells the observer of an attempt that it has ended, although it has not: it waits for a name, for its next hop or for its turn.
// Then it has no observer.
func (w *worker) detach(a *attempt) {
	told, result := *a, *a.result
	told.result = &result
	result.Events, result.Findings = slices.Clone(result.Events), slices.Clone(result.Findings)
	host := a.series.request.Target
	switch {
	case a.asks != nil:
		result.NextHop = &probe.NextHop{Source: a.asks.protocol(), Address: a.way.NextHop, Attempts: a.asks.requests}
	case result.DNS == nil && result.Route == nil && !host.Address.IsValid() && a.series.started > 0:
		result.DNS = &probe.DNS{Source: "dns", Name: host.Host}
	}
	result.Outcome = probe.OutcomeInterrupted
	w.expire(&told)
	a.observer.Result(&result)
	a.observer = nobody{}
}

// nobody is the observer of what nobody waits for.
type nobody struct{}

func (nobody) Event(*probe.Result, *probe.Event) {}
func (nobody) Result(*probe.Result)              {}
func (nobody) Over()                             {}

// mayGoOn reports whether the attempt may have its handshake, now that the address is known.
func (w *worker) mayGoOn(a *attempt) bool {
	if a.series.broken != goesOn {
		a.fail(probe.OutcomeInterrupted, nil)
		return false
	}
	permit := a.series.request.Permit
	if permit == nil {
		return true
	}
	err := permit(a.result.Address, false)
	if n := a.result.NAT64; err == nil && n != nil {
		err = permit(n.Address, false) // which is where a translator sends it
	}
	if err != nil {
		a.fail(probe.OutcomeLocalError, &NotPermittedError{a.result.Address, err})
	}
	return err == nil
}

// permitWay returns an error if a route leads to this host itself, and the request does not permit that.
func (a *attempt) permitWay(way route.Route) error {
	permit := a.series.request.Permit
	if permit == nil || !way.Local && !way.Loopback {
		return nil
	}
	if err := permit(a.result.Address, true); err != nil {
		return &NotPermittedError{a.result.Address, err}
	}
	return nil
}

// NotPermittedError is that the Permit of a request does not permit the address of its target.
type NotPermittedError struct {
	Address netip.Addr
	Err     error // why
}

// Error returns a line.
func (e *NotPermittedError) Error() string {
	return fmt.Sprintf("%v may not be probed: %v", e.Address, e.Err)
}

// Unwrap returns why.
func (e *NotPermittedError) Unwrap() error { return e.Err }
