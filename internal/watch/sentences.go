package watch

import (
	"fmt"
	"strings"

	"tcpprobe/internal/report"
	"tcpprobe/internal/text"
)

// line is a line of one look.
type line struct {
	text string
	look Look
}

// sentences says how a target is doing: its latest handshake, its outages, its times.
func sentences(c *Canvas, targets Targets, i int, m Moment) []line {
	brief, figures, evidence := targets.Brief(i), targets.Figures(i), targets.Evidence(i)
	latest := line{"no handshake has ended yet", Look{Color: Dim}}
	if evidence.Last != nil {
		latest = line{text: report.Reason(evidence.Last)}
		if !brief.Up() {
			latest.look = Look{Color: Bad}
		}
	}
	return []line{latest, {text: outagesOf(c, &brief, &figures, m)}, {text: timesOf(&figures)}}
}

// timesOf says what the round-trip times of a target are.
func timesOf(f *Figures) string {
	if !f.HasRTT {
		return "no round-trip time yet"
	}
	s := fmt.Sprintf("rtt min/p50/p90/p99/max = %s/%s/%s/%s/%s ms",
		milliseconds(f.RTT.Min), milliseconds(f.RTT.P50), milliseconds(f.RTT.P90), milliseconds(f.RTT.P99), milliseconds(f.RTT.Max))
	if f.HasJitter {
		s += ", jitter " + milliseconds(f.Jitter)
	}
	return s
}

// outagesOf says what was lost, and when nothing was established.
func outagesOf(c *Canvas, b *Brief, f *Figures, m Moment) string {
	parts := []string{fmt.Sprintf("%d of %s established", b.Established, text.Count(b.Sent, "handshake"))}
	if b.SYNsLost > 0 {
		parts = append(parts, fmt.Sprintf("%d of %s lost", b.SYNsLost, text.Count(b.SYNs, "SYN")))
	}
	if !b.OutageSince.IsZero() {
		parts = append(parts, fmt.Sprintf("down since %s", c.timeOfDay(b.OutageSince, m.Now)))
	}
	if f.Longest.Handshakes > 0 && f.Longest.Over {
		parts = append(parts, fmt.Sprintf("longest outage %s at %s", span(f.Longest.Duration), c.timeOfDay(f.Longest.Began, m.Now)))
	}
	if f.Flaps > 1 {
		parts = append(parts, fmt.Sprintf("%d flaps", f.Flaps))
	}
	if b.Finding != "" {
		parts = append(parts, string(b.Finding))
	}
	return strings.Join(parts, ", ")
}
