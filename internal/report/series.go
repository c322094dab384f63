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
	switch {
	case s.style.Address && r.TCP != nil:
		head = fmt.Sprintf("%v  ", r.TCP.Remote) + head
	case s.style.Target:
		head = s.shorten(s.printable(r.Target), minimumTarget) + "  " + head
	}
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
	case probe.OutcomeEstablished, probe.OutcomeRefused:
		notes = append(notes, fmt.Sprintf("ttl=%d", r.TCP.TTL))
		switch {
		case r.TCP.RTTAmbiguous:
			notes = append(notes, "ambiguous ("+count(r.TCP.SYNSent, "SYN")+")")
		case r.TCP.AnsweredSYN == 2:
			notes = append(notes, whichSYN(2, r.TCP.SYNSent)+" answered, the first was lost")
		case r.TCP.SYNSent > 1:
			notes = append(notes, whichSYN(r.TCP.AnsweredSYN, r.TCP.SYNSent)+" answered")
		}
		if r.TCP.Clock == stamp.User {
			notes = append(notes, "user clock")
		}
	case probe.OutcomeTimeout:
		notes = append(notes, count(r.TCP.SYNSent, "SYN")+", no answer"+inTime(r))
	case probe.OutcomeDNSError:
		notes = append(notes, s.printable(clause(r)))
	default:
		notes = append(notes, s.printable(explanation(r)))
	}
	for _, f := range r.Findings {
		if f != probe.FindingSYNRetransmitted {
			notes = append(notes, s.printable(string(f)))
		}
	}
	return notes
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
	s.paragraph("", 2, counts(sum))
	s.roundTrips(sum)
	if parts := course(sum.Course()); sum.Sent > 1 && len(parts) > 0 {
		s.paragraph("", 2, parts)
	}
	for _, c := range sum.Checks {
		if !c.Held {
			s.paragraph("", 2, strings.Fields(s.printable(Failure(c))))
		}
	}
	return s.flush()
}

// course says what the order of the handshakes shows, in parts that stay in one line.
func course(c probe.Course) []string {
	var parts []string
	if c.HasJitter {
		parts = append(parts, "jitter "+ms(c.Jitter)+" ms")
	}
	if c.OutageHandshakes > 0 {
		parts = append(parts, fmt.Sprintf("longest outage %s, %s", took(c.Outage), count(c.OutageHandshakes, "handshake")))
	}
	if c.Flaps > 0 {
		parts = append(parts, count(c.Flaps, "flap"))
	}
	for i := range len(parts) - 1 {
		parts[i] += ";"
	}
	return parts
}

// roundTrips adds the distribution of the round-trip times, if there were any.
func (s *Series) roundTrips(sum *probe.Summary) {
	if rtt, ok := sum.RTT(); ok {
		s.line(fitting(width, func(decimals int) string {
			return "rtt min/avg/p50/p99/max/mdev = " + values(decimals, rtt.Min, rtt.Avg, rtt.P50, rtt.P99, rtt.Max, rtt.MDev)
		}))
	}
}

// Total is what there is to say of all targets of a run together.
type Total struct {
	*probe.Summary
	Targets  int // that there were to be probed
	NotBegun int // that were not, because the run was broken off
	Broken   int // handshakes that were broken off before there was a verdict
	Drops    int // frames that found no room in this host's receive buffer; what they carried was asked for again
}

// Total prints what there is to say of all targets together.
func (s *Series) Total(t Total) error {
	s.line("--- " + count(t.Targets, "target") + " ---")
	parts := counts(t.Summary)
	for _, c := range []struct {
		n    int
		text string
	}{
		{t.Broken, "broken off"}, {t.NotBegun, "not begun"}, {t.Drops, "frames lost in this host"},
	} {
		if c.n > 0 {
			parts[len(parts)-1] += ";"
			parts = append(parts, fmt.Sprintf("%d %s", c.n, c.text))
		}
	}
	s.paragraph("", 2, parts)
	s.roundTrips(t.Summary)
	return s.flush()
}

// counts says how the handshakes ended, what became of their SYNs, and how long it took, in parts that stay in one line.
func counts(sum *probe.Summary) []string {
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
	parts := append([]string{count(sum.Sent, "handshake") + ":"}, listed(ends)...)
	parts[len(parts)-1] += ";"
	if sum.SYNs > 0 {
		parts = append(parts, fmt.Sprintf("%s, %d lost;", count(sum.SYNs, "SYN"), sum.SYNsLost))
	}
	return append(parts, took(sum.Duration))
}

// took writes how long something lasted, with one decimal.
func took(d time.Duration) string {
	if d < time.Second {
		return decimals(d, 1) + " ms"
	}
	return fmt.Sprintf("%.1f s", d.Seconds())
}

// values writes durations one after the other.
func values(n int, durations ...time.Duration) string {
	var texts []string
	for _, d := range durations {
		texts = append(texts, decimals(d, n))
	}
	return strings.Join(texts, "/") + " ms"
}

// fitting returns a text with as many decimals, up to three, as there is room for.
func fitting(room int, text func(decimals int) string) string {
	n := 3
	for n > 0 && columns(text(n)) > room {
		n--
	}
	return text(n)
}

// Interim returns one line, without an end of line, of how the handshakes stand while they go on.
func (s *Series) Interim(sum *probe.Summary) string {
	target := s.printable(sum.Target)
	text := fmt.Sprintf(": %d/%d established, %.0f %% loss", sum.Established, sum.Sent, 100*sum.Loss())
	if rtt, ok := sum.RTT(); ok {
		room := width - min(columns(target), minimumTarget) - columns(text)
		text += fitting(room, func(decimals int) string {
			return ", min/avg/max = " + values(decimals, rtt.Min, rtt.Avg, rtt.Max)
		})
	}
	return s.cut(s.shorten(target, max(width-columns(text), minimumTarget))+text, width)
}
