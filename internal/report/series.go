package report

import (
	"fmt"
	"io"
	"net/netip"
	"slices"
	"strings"

	"tcpprobe/internal/stamp"
	"tcpprobe/internal/stats"
	"tcpprobe/internal/text"
	"tcpprobe/probe"
)

// Series prints many handshakes with one target, as ping(8) does.
type Series struct {
	page page
	ttls map[netip.Addr]uint8 // of the latest SYN-ACK, by the address that it came from
	way  string               // by which the segments left of the latest handshake for which it matters
	past bool                 // something of this host is known that they went past
}

// NewSeries returns a Series that writes to w.
func NewSeries(w io.Writer, s Style) *Series {
	return &Series{page: newPage(w, s), ttls: make(map[netip.Addr]uint8)}
}

// Header prints what the handshakes have in common, from the first of them, of which no more than the route needs to be known.
func (s *Series) Header(r *probe.Result) error {
	if s.page.style.Quiet {
		return nil
	}
	words := []string{s.page.Printable(r.Target)}
	if r.Address.IsValid() && r.Address.String() != r.Host {
		words = append(words, fmt.Sprintf("(%v)", r.Address))
	}
	if r.Route != nil {
		words = append(words, fmt.Sprintf("from %v", r.Route.Source), "on "+s.page.Printable(r.Route.Interface))
		if !r.Route.OnLink {
			words = append(words, fmt.Sprintf("via %v", r.Route.NextHop))
		}
	}
	s.page.Paragraph("", 2, words)
	for _, line := range []string{Also(r), Translator(r)} {
		if line != "" {
			s.page.Paragraph("", 2, strings.Fields(line))
		}
	}
	return s.page.Flush()
}

// Line prints one handshake. What has no room in the line goes on below it.
func (s *Series) Line(r *probe.Result) error {
	if way := Way(r); way != "" && wayMatters(r) {
		s.way, s.past = way, s.past || len(r.TCP.Bypassed) > 0
	}
	if s.page.style.Quiet {
		return nil
	}
	outcome := r.Outcome.String()
	rtt := ""
	if r.TCP != nil && r.TCP.Answered {
		rtt = text.Milliseconds(r.TCP.RTT) + " ms"
	}
	const indent, gap = 2, 2
	head := text.Fill("", indent, gap, append(s.about(r), fmt.Sprintf("seq=%d", r.Seq), outcome))
	end := head[len(head)-1]
	s.page.Line(head[:len(head)-1]...)
	pad := len("established") - len(outcome) + gap
	lines := text.Fill(text.PadRight(end, text.Columns(end)+pad), indent, gap, []string{text.PadLeft(rtt, len("11.573 ms"))})
	if rtt == "" {
		lines = []string{text.PadRight(end, text.Columns(end)+pad+len("11.573 ms"))}
	}
	for _, note := range s.notes(r) {
		last := len(lines) - 1
		lines = append(lines[:last], text.Fill(lines[last]+"  ", indent, 1, strings.Fields(note))...)
	}
	lines[0] = strings.TrimRight(lines[0], " ")
	lines[0] = strings.TrimSuffix(end, outcome) + s.page.Paint(outcomeColor(r.Outcome), outcome) + strings.TrimPrefix(lines[0], end)
	s.page.Line(lines...)
	return s.page.Flush()
}

// about returns what a line begins with if there are others: the target, or its address, or both.
func (s *Series) about(r *probe.Result) []string {
	switch {
	case s.page.style.Target && s.page.style.Address:
		return []string{s.page.target(r)}
	case s.page.style.Address && r.Address.IsValid():
		return []string{netip.AddrPortFrom(r.Address, r.Port).String()}
	case s.page.style.Target || s.page.style.Address:
		return []string{s.page.Printable(r.Target)}
	}
	return nil
}

// ttl says what was left of the Time to Live of an answer. Where a RST differs in that from the SYN-ACK before, one of the
// two is not the host's.
func (s *Series) ttl(r *probe.Result) string {
	note := fmt.Sprintf("ttl=%d", r.TCP.TTL)
	from := r.TCP.Remote.Addr()
	if r.Outcome == probe.OutcomeEstablished {
		s.ttls[from] = r.TCP.TTL
	} else if before, known := s.ttls[from]; known && before != r.TCP.TTL {
		note += fmt.Sprintf(" (SYN,ACK %d)", before)
	}
	return note
}

// notes says what there is to say about one handshake of many.
func (s *Series) notes(r *probe.Result) []string {
	var notes []string
	switch r.Outcome {
	case probe.OutcomeEstablished, probe.OutcomeRefused:
		if r.TCP.TTL > 0 || !r.TCP.ByKernel() {
			notes = append(notes, s.ttl(r))
		}
		switch {
		case r.TCP.RTTAmbiguous:
			notes = append(notes, "ambiguous ("+text.Count(r.TCP.SYNSent, "SYN")+")")
		case r.TCP.AnsweredSYN == 2 && !slices.Contains(r.Findings, probe.FindingStalePeerState):
			notes = append(notes, whichSYN(2, r.TCP.SYNSent)+" answered, the first was lost")
		case r.TCP.SYNSent > 1 && r.TCP.ByKernel():
			notes = append(notes, text.Count(r.TCP.SYNSent, "SYN"))
		case r.TCP.SYNSent > 1:
			notes = append(notes, whichSYN(r.TCP.AnsweredSYN, r.TCP.SYNSent)+" answered")
		}
		if r.TCP.Clock == stamp.User {
			notes = append(notes, "user clock")
		}
	case probe.OutcomeTimeout:
		notes = append(notes, text.Count(r.TCP.SYNSent, "SYN")+", no answer"+inTime(r))
		if stray := elsewhere(r); stray != nil {
			notes = append(notes, fmt.Sprintf("but from %v", stray.From))
		}
	case probe.OutcomeDNSError:
		notes = append(notes, s.page.Printable(clause(r)))
	default:
		notes = append(notes, s.page.Printable(explanation(r)))
	}
	for _, f := range r.Findings {
		if f != probe.FindingSYNRetransmitted {
			notes = append(notes, s.page.Printable(string(f)))
		}
	}
	return notes
}

// Interim returns how the handshakes stand while they go on, in one line if it has room for it, without an end of line.
func (s *Series) Interim(sum *stats.Summary) string {
	texts := []string{s.page.Printable(sum.Target) + ":", fmt.Sprintf("%d/%d established,", sum.Established, sum.Sent), fmt.Sprintf("%.0f %% loss", 100*sum.Loss())}
	if rtt, ok := sum.RTT(); ok {
		texts[2] += ","
		room := text.Width - text.Columns(strings.Join(texts, " ")) - 1
		write := func(decimals int) string { return "min/avg/max = " + values(decimals, rtt.Min, rtt.Avg, rtt.Max) }
		if text.Columns(write(0)) > room {
			room = text.Width // of a line of its own
		}
		texts = append(texts, fitting(room, write))
	}
	return strings.Join(text.Fill("", 2, 1, texts), "\n")
}
