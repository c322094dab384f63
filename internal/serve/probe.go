package serve

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"time"

	"tcpprobe/internal/prober"
	"tcpprobe/internal/target"
	"tcpprobe/internal/text"
	"tcpprobe/probe"
)

// serveProbe makes a handshake with the target that is asked for, and answers with its metrics.
func (s *Server) serveProbe(w http.ResponseWriter, r *http.Request) {
	query := r.URL.Query()
	name := query.Get("module")
	if name == "" {
		name = defaultModule
	}
	module, ok := s.modules[name]
	if !ok {
		writeText(w, http.StatusBadRequest, fmt.Sprintf("Unknown module %q\n", text.Printable(name)))
		return
	}
	if query.Get("target") == "" {
		writeText(w, http.StatusBadRequest, "Target parameter is missing\n")
		return
	}
	t, err := target.Parse(query.Get("target"))
	if err != nil {
		writeText(w, http.StatusBadRequest, err.Error()+"\n")
		return
	}
	began := time.Now()
	result := s.probe(r.Context(), t, module)
	if result == nil {
		return // nobody is there to hear of it
	}
	took := time.Since(began)
	s.store.Probed(result, name)
	var b strings.Builder
	success := 0
	if result.Outcome == probe.OutcomeEstablished {
		success = 1
	}
	fmt.Fprintf(&b, "probe_success %d\nprobe_duration_seconds %g\n", success, took.Seconds())
	writeText(w, http.StatusOK, b.String())
}

// probe makes a handshake, and returns its result: nil if the context ends before it.
func (s *Server) probe(ctx context.Context, t target.Target, m Module) *probe.Result {
	spec := m.Spec
	spec.Handshake.Timeout = 9500 * time.Millisecond
	ended := make(result, 1)
	s.options.Prober.Submit(prober.One(prober.Request{Target: t, Spec: &spec, Observer: ended}))
	select {
	case r := <-ended:
		return r
	case <-ctx.Done():
		return nil
	}
}

// result observes a request for one handshake.
type result chan *probe.Result

// Event does nothing: what happened is in the result.
func (result) Event(*probe.Result, *probe.Event) {}

// Result hands the result on.
func (ended result) Result(r *probe.Result) { ended <- r }

// Over does nothing.
func (result) Over() {}
