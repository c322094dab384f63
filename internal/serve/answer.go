package serve

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"tcpprobe/internal/exposition"
	"tcpprobe/internal/report"
	"tcpprobe/internal/text"
	"tcpprobe/probe"
)

// metricsType is the media type of the text format of Prometheus.
const metricsType = "text/plain; version=0.0.4; charset=utf-8"

// answer says how a probe has ended, and keeps it.
func (s *Server) answer(w http.ResponseWriter, q request, r *probe.Result, took time.Duration) {
	s.counters.probes.Add(1)
	if r.Outcome != probe.OutcomeEstablished {
		s.counters.failures.Add(1)
	}
	id := s.store.Probed(r, q.name)
	metrics := exposition.Probe{Result: r, Duration: took, Timeout: q.limit}.Append(nil)
	w.Header().Set("Tcpprobe-Id", id.String())
	if q.debug {
		writeText(w, http.StatusOK, debugText(q, r, metrics))
		return
	}
	h := w.Header()
	h.Set("Content-Type", metricsType)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Content-Length", strconv.Itoa(len(metrics)))
	_, _ = w.Write(metrics) // who has gone hears nothing
}

// debugText tells everything about a probe to a person, as the blackbox exporter lays it out.
func debugText(q request, r *probe.Result, metrics []byte) string {
	var b strings.Builder
	fmt.Fprintf(&b, "Logs for the probe:\n")
	writeLadder(&b, r)
	fmt.Fprintf(&b, "\n\n\nMetrics that would have been returned:\n%s\n\n\nModule configuration:\n%s", metrics, q.module.describe())
	return b.String()
}

// writeLadder writes the packets of a handshake, and the verdict.
func writeLadder(w io.Writer, r *probe.Result) {
	l := report.NewLadder(w, report.Style{Style: text.Style{UTF8: true}, Verbose: true})
	for i := range r.Events {
		_ = l.Event(r, &r.Events[i]) // of a writer that takes everything
	}
	_ = l.Verdict(r)
}

// refuse says why a probe is not made.
func (s *Server) refuse(w http.ResponseWriter, r *refusal) {
	s.counters.refuse(r.reason)
	if r.status == http.StatusServiceUnavailable {
		w.Header().Set("Retry-After", "1")
	}
	writeText(w, r.status, text.Printable(r.err.Error())+"\n")
}

// notAllowed returns the refusal of a target that may not be probed.
func notAllowed(q request, err error) *refusal {
	return &refusal{http.StatusForbidden, fmt.Errorf("%s is not probed: %w", text.Printable(q.target.Text), err), refusedNotAllowed}
}

// The reasons of 503, beside the bounds.
const (
	overTime        = "no_time"
	overConnections = "connections"
)

// busy returns the refusal of a probe for which there is no room.
func busy(over string) *refusal {
	why := map[string]string{
		overUnderWay:  "too many probes are under way",
		overPerSecond: "too many probes are asked for in a second",
		overPerTarget: "this target is asked for too often",
		overTime:      "this exporter had no time for the probe",
	}[over]
	return &refusal{http.StatusServiceUnavailable, errors.New(why), over}
}
