package report

import (
	"fmt"
	"strings"
	"time"

	"tcpprobe/internal/stats"
	"tcpprobe/internal/text"
)

// Summary prints what the handshakes amount to.
func (s *Series) Summary(sum *stats.Summary) error {
	words := []string{s.page.Printable(sum.Target)}
	if sum.Address.IsValid() && !strings.HasPrefix(sum.Target, sum.Address.String()+":") {
		words = append(words, fmt.Sprintf("(%v)", sum.Address))
	}
	s.page.Paragraph("--- ", 4, append(words, "---"))
	s.page.Paragraph("", 2, counts(sum))
	s.roundTrips(sum)
	if parts := s.stability(sum.Stability()); sum.Sent > 1 && len(parts) > 0 {
		s.page.Paragraph("", 2, parts)
	}
	for _, c := range sum.Checks {
		if !c.Held {
			s.page.Paragraph("", 2, strings.Fields(s.page.Printable(Failure(c))))
		}
	}
	if s.past || sum.Established == 0 && s.way != "" && !s.page.style.Target {
		s.page.Paragraph("note: ", 6, strings.Fields(s.page.Printable(s.way)))
	}
	return s.page.Flush()
}

// stability says what the order of the handshakes shows, in parts that stay in one line.
func (s *Series) stability(c stats.Stability) []string {
	var parts []string
	if c.HasJitter {
		parts = append(parts, "jitter "+text.Milliseconds(c.Jitter)+" ms")
	}
	if c.OutageHandshakes > 0 {
		parts = append(parts, fmt.Sprintf("longest outage %s from %s, %s", took(c.Outage), s.page.TimeOfDay(c.OutageStart), text.Count(c.OutageHandshakes, "handshake")))
	}
	if c.Flaps > 0 {
		parts = append(parts, text.Count(c.Flaps, "flap"))
	}
	for i := range len(parts) - 1 {
		parts[i] += ";"
	}
	return parts
}

// roundTrips adds the distribution of the round-trip times, if there were any.
func (s *Series) roundTrips(sum *stats.Summary) {
	if line := roundTripLine(sum); line != "" {
		s.page.Line(line)
	}
}

// roundTripLine is the distribution of the round-trip times; "" if there were none.
func roundTripLine(sum *stats.Summary) string {
	rtt, ok := sum.RTT()
	if !ok {
		return ""
	}
	return fitting(text.Width, func(decimals int) string {
		return "rtt min/avg/p50/p99/max/mdev = " + values(decimals, rtt.Min, rtt.Avg, rtt.P50, rtt.P99, rtt.Max, rtt.MDev)
	})
}

// Total is what there is to say of all targets of a run together.
type Total struct {
	*stats.Summary
	Targets  int // that there were to be probed
	NotBegun int // that were not, because the run was broken off
	Broken   int // handshakes that were broken off before there was a verdict
	Drops    int // frames that found no room in this host's receive buffer; what they carried was asked for again
}

// Total prints what there is to say of all targets together.
func (s *Series) Total(t Total) error {
	s.page.Line("--- " + text.Count(t.Targets, "target") + " ---")
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
	s.page.Paragraph("", 2, parts)
	s.roundTrips(t.Summary)
	return s.page.Flush()
}

// counts says how the handshakes ended, what became of their SYNs, and how long it took, in parts that stay in one line.
func counts(sum *stats.Summary) []string {
	ends := []string{fmt.Sprintf("%d established", sum.Established)}
	for _, c := range []struct {
		n    int
		name string
	}{
		{sum.Refused, "refused"},
		{sum.Unreachable, "unreachable"},
		{sum.Timeout, "timeout"},
		{sum.Failed, "failed"},
		{sum.HalfOpen, "half open"},
		{sum.Unknown, "unknown"},
	} {
		if c.n > 0 {
			ends = append(ends, fmt.Sprintf("%d %s", c.n, c.name))
		}
	}
	parts := append([]string{text.Count(sum.Sent, "handshake") + ":"}, listed(ends)...)
	parts[len(parts)-1] += ";"
	if sum.SYNs > 0 {
		parts = append(parts, fmt.Sprintf("%s, %d lost;", text.Count(sum.SYNs, "SYN"), sum.SYNsLost))
	}
	return append(parts, took(sum.Duration))
}

// took writes how long something lasted, with one decimal.
func took(d time.Duration) string {
	if d < time.Second {
		return text.Decimals(d, 1) + " ms"
	}
	return fmt.Sprintf("%.1f s", d.Seconds())
}

// values writes durations one after the other.
func values(n int, durations ...time.Duration) string {
	var texts []string
	for _, d := range durations {
		texts = append(texts, text.Decimals(d, n))
	}
	return strings.Join(texts, "/") + " ms"
}

// fitting returns a text with as many decimals, up to three, as there is room for.
func fitting(room int, write func(decimals int) string) string {
	n := 3
	for n > 0 && text.Columns(write(n)) > room {
		n--
	}
	return write(n)
}
