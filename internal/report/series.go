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
	return s.page.Flush()
}

// Line prints one handshake.
func (s *Series) Line(r *probe.Result) error {
	if s.page.style.Quiet {
		return nil
	}
	outcome := r.Outcome.String()
	rtt := ""
	if r.TCP != nil && r.TCP.Answered {
		rtt = text.Milliseconds(r.TCP.RTT) + " ms"
	}
	head := fmt.Sprintf("seq=%d  ", r.Seq)
	switch {
	case s.page.style.Address && r.TCP != nil:
		head = fmt.Sprintf("%v  ", r.TCP.Remote) + head
	case s.page.style.Target:
		head = s.page.Shorten(s.page.Printable(r.Target), minimumTarget) + "  " + head
	}
	rest := "  " + text.PadLeft(rtt, len("11.573 ms"))
	for _, note := range s.notes(r) {
		rest += "  " + note
	}
	rest = text.PadRight("", len("established")-text.Columns(outcome)) + rest
	rest = strings.TrimRight(rest, " ")
	rest = s.page.Cut(rest, text.Width-text.Columns(head)-text.Columns(outcome))
	s.page.Line(head + s.page.Paint(outcomeColor(r.Outcome), outcome) + rest)
	return s.page.Flush()
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

// Interim returns one line, without an end of line, of how the handshakes stand while they go on.
func (s *Series) Interim(sum *stats.Summary) string {
	target := s.page.Printable(sum.Target)
	line := fmt.Sprintf(": %d/%d established, %.0f %% loss", sum.Established, sum.Sent, 100*sum.Loss())
	if rtt, ok := sum.RTT(); ok {
		room := text.Width - min(text.Columns(target), minimumTarget) - text.Columns(line)
		line += fitting(room, func(decimals int) string {
			return ", min/avg/max = " + values(decimals, rtt.Min, rtt.Avg, rtt.Max)
		})
	}
	return s.page.Cut(s.page.Shorten(target, max(text.Width-text.Columns(line), minimumTarget))+line, text.Width)
}
