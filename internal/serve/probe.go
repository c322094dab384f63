package serve

import (
	"context"
	"errors"
	"net/http"
	"time"

	"tcpprobe/internal/prober"
	"tcpprobe/probe"
)

// serveProbe makes a handshake with the target that is asked for, and answers with its metrics.
func (s *Server) serveProbe(w http.ResponseWriter, r *http.Request) {
	began := time.Now()
	settings := s.settings.Load()
	if r.Header.Get("Sec-Fetch-Site") == "cross-site" { // a page of elsewhere has a browser ask
		s.refuse(w, &refusal{http.StatusForbidden, errors.New("no probes for the pages of other sites"), refusedForeign})
		return
	}
	q, refused := readRequest(r, settings.Modules, s.options.TimeoutOffset)
	if refused != nil {
		s.refuse(w, refused)
		return
	}
	permit, err := settings.Policy.Judge(q.target)
	if err != nil {
		s.refuse(w, notAllowed(q, err))
		return
	}
	if over := s.bounds.take(Key(q.target), began); over != "" {
		s.refuse(w, busy(over))
		return
	}
	defer s.bounds.giveBack()
	result := s.probe(r.Context(), q, permit)
	if denied, ok := errors.AsType[*prober.NotPermittedError](result.Err); ok {
		s.refuse(w, notAllowed(q, denied))
		return
	}
	if result.Outcome == probe.OutcomeInterrupted { // it was not its turn in time, or nobody waits
		s.refuse(w, busy(overTime))
		return
	}
	s.answer(w, q, result, time.Since(began))
}

// probe makes a handshake, and returns its result. That is interrupted if the context ends first, or if nothing was asked in time.
func (s *Server) probe(ctx context.Context, q request, permit Permit) *probe.Result {
	spec := q.module.Spec
	spec.Handshake.Timeout = q.limit
	ended, handle := make(result, 1), new(prober.Handle)
	s.options.Prober.Submit(prober.One(prober.Request{Target: q.target, Spec: &spec, Observer: ended, Permit: permit, Handle: handle}))
	late := time.NewTimer(q.limit)
	defer late.Stop()
	select {
	case r := <-ended:
		return r
	case <-ctx.Done():
		handle.Cancel()
	case <-late.C:
		handle.Expire()
	}
	// It is judged now, unless the prober itself is late.
	late.Reset(graceTime)
	select {
	case r := <-ended:
		return r
	case <-late.C:
	case <-s.options.Prober.Ended():
	}
	return &probe.Result{Outcome: probe.OutcomeInterrupted}
}

// graceTime is how long a prober has to say what has become of a probe whose time is over.
const graceTime = 200 * time.Millisecond

// result observes a request for one handshake.
type result chan *probe.Result

// Event does nothing: what happened is in the result.
func (result) Event(*probe.Result, *probe.Event) {}

// Result hands the result on.
func (ended result) Result(r *probe.Result) { ended <- r }

// Over does nothing.
func (result) Over() {}
