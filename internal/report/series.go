package report

import (
	"fmt"
	"io"
	"strings"
	"time"

	"tcpprobe/internal/stamp"
	"tcpprobe/probe"
)

// Series prints many handshakes with one target, as ping(8) does.
type Series struct{ page }

// NewSeries returns a Series that writes to w.
func NewSeries(w io.Writer, s Style) *Series { return &Series{page{w: w, style: s}} }

// Header prints what the handshakes have in common, from the first of them.
func (s *Series) Header(r *probe.Result) error {
	if s.style.Quiet {
		return nil
	}
	words := []string{s.printable(r.Target)}
	if r.TCP != nil && r.TCP.Remote.Addr().String() != r.Host {
		words = append(words, fmt.Sprintf("(%v)", r.TCP.Remote.Addr()))
	}
	if r.Route != nil {
		words = append(words, fmt.Sprintf("from %v", r.Route.Source), "on "+s.printable(r.Route.Interface))
		if !r.Route.OnLink {
			words = append(words, fmt.Sprintf("via %v", r.Route.NextHop))
		}
	}
	s.paragraph("", 2, words)
	return s.flush()
}

// Line prints one handshake.
func (s *Series) Line(r *probe.Result) error {
	outcome := r.Outcome.String()
	rtt := ""
	if r.TCP != nil && r.TCP.Answered {
		rtt = ms(r.TCP.RTT) + " ms"
	}
	head := fmt.Sprintf("seq=%d  ", r.Seq)
	rest := "  " + padLeft(rtt, len("11.573 ms"))
	for _, text := range s.notes(r) {
		rest += "  " + text
	}
	rest = padRight("", len("established")-columns(outcome)) + rest
	rest = strings.TrimRight(rest, " ")
	rest = s.cut(rest, width-columns(head)-columns(outcome))
	s.line(head + s.paint(outcomeColor(r.Outcome), outcome) + rest)
	return s.flush()
}

// notes says what there is to say about one handshake of many.
func (s *Series) notes(r *probe.Result) []string {
	var notes []string
	switch r.Outcome {
	case probe.Established, probe.Refused:
		notes = append(notes, fmt.Sprintf("ttl=%d", r.TCP.TTL))
		switch {
		case r.TCP.RTTAmbiguous:
			notes = append(notes, "ambiguous: "+whichSYN(0, r.TCP.SYNSent)+" answered")
		case r.TCP.AnsweredSYN == 2:
			notes = append(notes, whichSYN(2, r.TCP.SYNSent)+" answered, the first was lost")
		case r.TCP.SYNSent > 1:
			notes = append(notes, whichSYN(r.TCP.AnsweredSYN, r.TCP.SYNSent)+" answered")
		}
		if r.TCP.Clock == stamp.User {
			notes = append(notes, "user clock")
		}
	case probe.Unreachable:
		notes = append(notes, s.printable(rejection(r)))
	case probe.Timeout:
		notes = append(notes, timedOut(r))
	case probe.ARPTimeout:
		notes = append(notes, s.printable(silentNextHop(r)))
	case probe.Interrupted:
		notes = append(notes, interrupted(r))
	default:
		notes = append(notes, s.printable(cause(r)))
	}
	for _, f := range r.Findings {
		if f != probe.SYNRetransmitted {
			notes = append(notes, s.printable(string(f)))
		}
	}
	return notes
}

// timedOut says how many SYNs were sent and how long an answer was waited for.
func timedOut(r *probe.Result) string {
	if r.TCP == nil {
		return noAnswer(r)
	}
	text := count(r.TCP.SYNSent, "SYN") + ", no answer"
	if d := waited(r); d > 0 {
		text += " in " + seconds(d)
	}
	return text
}

// Summary prints what the handshakes amount to.
func (s *Series) Summary(sum *probe.Summary) error {
	if s.style.Quiet {
		return nil
	}
	address := ""
	if sum.Address.IsValid() && !strings.HasPrefix(sum.Target, sum.Address.String()+":") {
		address = fmt.Sprintf(" (%v)", sum.Address)
	}
	s.line("--- " + s.shorten(s.printable(sum.Target), width-8-columns(address)) + address + " ---")
	s.paragraph("", 2, strings.Fields(counts(sum)+fmt.Sprintf("; %.1f s", sum.Duration.Seconds())))
	if rtt, ok := sum.RTT(); ok {
		s.line(distribution(rtt))
	}
	return s.flush()
}

// counts says how the handshakes ended, and what became of their SYNs.
func counts(sum *probe.Summary) string {
	ends := []string{fmt.Sprintf("%d established", sum.Established)}
	for _, c := range []struct {
		n    int
		name string
	}{
		{sum.Refused, "refused"},
		{sum.Unreachable, "unreachable"},
		{sum.Timeout, "timeout"},
		{sum.Failed, "failed"},
	} {
		if c.n > 0 {
			ends = append(ends, fmt.Sprintf("%d %s", c.n, c.name))
		}
	}
	text := count(sum.Sent, "handshake") + ": " + strings.Join(ends, ", ")
	if sum.SYNs > 0 {
		text += fmt.Sprintf("; %s, %d lost", count(sum.SYNs, "SYN"), sum.SYNsLost)
	}
	return text
}

// distribution writes the line of round-trip times, with as many decimals as there is room for.
func distribution(r probe.RTT) string {
	var line string
	for n := 3; n >= 0; n-- {
		var values []string
		for _, d := range [...]time.Duration{r.Min, r.Avg, r.P50, r.P99, r.Max, r.MDev} {
			values = append(values, decimals(d, n))
		}
		line = "rtt min/avg/p50/p99/max/mdev = " + strings.Join(values, "/") + " ms"
		if columns(line) <= width {
			break
		}
	}
	return line
}

// Interim returns one line, without an end of line, of how the handshakes stand while they go on.
func (s *Series) Interim(sum *probe.Summary) string {
	text := ": " + counts(sum)
	if rtt, ok := sum.RTT(); ok {
		text += fmt.Sprintf("; rtt min/avg/max = %s/%s/%s ms", ms(rtt.Min), ms(rtt.Avg), ms(rtt.Max))
	}
	target := s.shorten(s.printable(sum.Target), max(width-columns(text), minimumTarget))
	return s.cut(target+text, width)
}
