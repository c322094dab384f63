package page

import (
	"strings"

	"tcpprobe/internal/explain"
	"tcpprobe/internal/monitor"
	"tcpprobe/internal/report"
	"tcpprobe/internal/text"
	"tcpprobe/probe"
)

// Handshake renders the page of one handshake, given whether its target has a page.
func (r *Renderer) Handshake(e monitor.Evidence, known bool) ([]byte, error) {
	return r.render("handshake.html", &evidence{
		frame:  r.frame(text.Printable(e.Result.Target)+": "+e.Result.Outcome.String()+" – tcpprobe", "../", "handshake"),
		Result: e.Result, Known: known, Handshake: newHandshake(e),
	})
}

// evidence is what the template of a handshake takes.
type evidence struct {
	frame
	Result    *probe.Result
	Known     bool
	Handshake *handshake
}

// handshake is a handshake in the words of the ladder and of the lesson.
type handshake struct {
	*probe.Result
	ID     string
	Reason string
	Steps  []step
	Notes  []string
	Advice []string
	Ladder string // as text
	Lesson string
}

// step is an event of the ladder.
type step struct {
	report.Line
	Arrow string // which way, as a sign
	Way   string // and in a word
	Tone  string
}

func newHandshake(kept monitor.Evidence) *handshake {
	r := kept.Result
	h := &handshake{Result: r, ID: kept.ID.String(), Reason: report.Reason(r), Notes: report.Notes(r), Advice: report.Advice(r)}
	lines := report.NewLines()
	for i := range r.Events {
		s := step{Line: lines.Event(r, &r.Events[i])}
		s.Arrow, s.Way, s.Tone = way(&r.Events[i])
		h.Steps = append(h.Steps, s)
	}
	// A strings.Builder takes everything, so that neither renderer has an error.
	var ladder, lesson strings.Builder
	style := report.Style{Style: text.Style{UTF8: true}}
	l, e := report.NewLadder(&ladder, style), explain.New(&lesson, style, false)
	for i := range r.Events {
		l.Event(r, &r.Events[i])
		e.Event(r, &r.Events[i])
	}
	l.Verdict(r)
	h.Ladder, h.Lesson = ladder.String(), lesson.String()
	return h
}

// way says which way the packet of an event went.
func way(e *probe.Event) (arrow, word, tone string) {
	switch e.Kind {
	case probe.EventDNSQuery, probe.EventNeighborRequest, probe.EventSegmentSent:
		return "→", "sent", "out"
	case probe.EventDNSAnswer, probe.EventNeighborReply, probe.EventSegmentReceived:
		return "←", "received", "in"
	case probe.EventICMPReceived:
		return "←", "received", "bad"
	case probe.EventDNSSilence, probe.EventNeighborSilence, probe.EventTCPSilence:
		return "✗", "no answer", "bad"
	}
	return "", "", ""
}
