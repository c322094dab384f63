package serve

import (
	"bytes"
	"net/http"
	"slices"
	"time"

	"tcpprobe/internal/monitor"
	"tcpprobe/internal/page"
	"tcpprobe/internal/report"
	"tcpprobe/probe"
)

// linesType is the media type of JSON objects, one a line.
const linesType = "application/x-ndjson"

// serveProbes answers with all handshakes that are kept, the newest first.
func (s *Server) serveProbes(w http.ResponseWriter, _ *http.Request) {
	all := append(s.store.Latest(), s.store.Failures()...)
	slices.SortFunc(all, func(a, b monitor.Evidence) int { return -compareIDs(a.ID, b.ID) })
	all = slices.CompactFunc(all, func(a, b monitor.Evidence) bool { return a.ID == b.ID })
	var b bytes.Buffer
	lines := report.NewJSON(&b)
	for _, e := range all {
		if err := lines.Kept(e.Result, e.ID.String(), e.Module); err != nil {
			writeText(w, http.StatusInternalServerError, "the results cannot be written\n")
			return
		}
	}
	writeLines(w, b.Bytes())
}

func compareIDs(a, b monitor.ID) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

// serveTargets answers with what is known of all targets, by name.
func (s *Server) serveTargets(w http.ResponseWriter, _ *http.Request) {
	now := time.Now()
	var b bytes.Buffer
	lines := report.NewJSON(&b)
	for _, t := range s.store.Targets() {
		snapshot := t.Snapshot(now)
		if err := lines.Target(targetLine(&snapshot)); err != nil {
			writeText(w, http.StatusInternalServerError, "the targets cannot be written\n")
			return
		}
	}
	writeLines(w, b.Bytes())
}

// targetLine returns what a line tells of a target.
func targetLine(s *monitor.Snapshot) report.Target {
	t := report.Target{
		Name: s.Name, Watched: s.Watched, Address: s.Address, Handshakes: s.Handshakes, Outcomes: make(map[string]uint64), Findings: make(map[string]uint64),
		SYNs: s.SYNs, SYNsLost: s.SYNsLost, RTT: s.RTT, HasRTT: s.HasRTT,
		Outages: s.Outages, Away: time.Duration(s.OutageSeconds * float64(time.Second)), OutageStart: s.OutageStart,
		Last: s.Last.Time, LastOutcome: s.Last.Outcome,
	}
	for _, l := range s.Labels {
		if t.Labels == nil {
			t.Labels = make(map[string]string)
		}
		t.Labels[l.Name] = l.Value
	}
	for o, n := range s.Outcomes {
		if n > 0 {
			t.Outcomes[probe.Outcome(o).String()] = n
		}
	}
	for i, f := range probe.Findings() {
		if n := s.Figures.Findings[i]; n > 0 {
			t.Findings[string(f)] = n
		}
	}
	for _, id := range s.Evidence {
		t.Evidence = append(t.Evidence, id.String())
	}
	return t
}

// writeLines answers with JSON objects, one a line.
func writeLines(w http.ResponseWriter, lines []byte) {
	h := w.Header()
	h.Set("Content-Type", linesType)
	protect(h, page.Policy)
	_, _ = w.Write(lines) // who has gone hears nothing
}
