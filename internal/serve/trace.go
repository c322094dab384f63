package serve

import (
	"net/http"
	"net/url"
	"strconv"
	"sync"
	"time"

	"tcpprobe/internal/target"
	"tcpprobe/internal/trace"
	"tcpprobe/internal/tracer"
	"tcpprobe/probe"
)

// tracePause is how long after the beginning of a trace the next one may begin: each sends some dozens of SYNs, to the routers on
// the way too.
const tracePause = 10 * time.Second

// traceOptions is how a path is traced: once, as far as a path may reach.
func traceOptions() tracer.Options { return tracer.Options{First: 1, Last: 30, Rounds: 1} }

// traces are the paths that were asked for, the last one of each target. One is traced at a time.
type traces struct {
	mu   sync.Mutex
	busy bool
	next time.Time // no trace begins before
	last map[string]traced
}

// traced is the path to a target.
type traced struct {
	began time.Time
	found *trace.Trace // as far as it is known; nil if nothing is yet
	going bool
}

// begin begins a trace, or says how long to wait.
func (t *traces) begin(name string, now time.Time) (wait time.Duration) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if wait = t.next.Sub(now); wait > 0 {
		return wait
	}
	if t.busy {
		return time.Second
	}
	t.busy, t.next = true, now.Add(tracePause)
	if t.last == nil {
		t.last = make(map[string]traced)
	}
	t.last[name] = traced{began: now, going: true}
	return 0
}

// learn takes what is known of the path to a target.
func (t *traces) learn(name string, found *trace.Trace, over bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	path := t.last[name]
	path.found, path.going = found, !over
	t.last[name] = path
	t.busy = !over
}

// of returns the path to a target.
func (t *traces) of(name string) traced {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.last[name]
}

// serveTrace has the path to a target traced, which its page then shows. Only those may be that are watched.
func (s *Server) serveTrace(w http.ResponseWriter, r *http.Request) {
	name := r.PathValue("name")
	known, ok := s.store.Target(name)
	switch err := s.crossOrigin.Check(r); {
	case !s.options.AllowTrace:
		writeText(w, http.StatusForbidden, "Traces are not allowed: they take --allow-trace\n")
		return
	case err != nil:
		writeText(w, http.StatusForbidden, "A page from elsewhere may not ask for this\n")
		return
	case !ok || !known.Watched():
		writeText(w, http.StatusNotFound, "This target is not watched\n")
		return
	}
	t, err := target.Parse(name)
	if err != nil {
		writeText(w, http.StatusBadRequest, err.Error()+"\n")
		return
	}
	if wait := s.traces.begin(name, time.Now()); wait > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(int(wait/time.Second)+1))
		writeText(w, http.StatusTooManyRequests, "There was a trace just now: one begins every "+tracePause.String()+" at the most\n")
		return
	}
	go s.trace(name, t)
	w.Header().Set("Location", "../"+url.PathEscape(name)+"#path")
	w.WriteHeader(http.StatusSeeOther)
}

// trace traces the path to a target, until it is known or the Prober ends.
func (s *Server) trace(name string, t target.Target) {
	spec := s.settings.Load().Modules[defaultModule].Spec
	spec.Count, spec.Handshake.Retries, spec.Handshake.Timeout = 1, 1, 2*time.Second
	options := traceOptions()
	options.Known = func(found *trace.Trace) { s.traces.learn(name, found.Clone(), false) }
	s.traces.learn(name, tracer.New(s.options.Prober, t, spec, options, unobserved{}).Trace(), true)
}

// unobserved observes nothing: the path is in what a trace returns.
type unobserved struct{}

// Event does nothing.
func (unobserved) Event(*probe.Result, *probe.Event) {}

// Result does nothing.
func (unobserved) Result(*probe.Result) {}

// Over does nothing.
func (unobserved) Over() {}
