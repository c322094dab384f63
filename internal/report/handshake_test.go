package report_test

import (
	"net/netip"
	"regexp"
	"strings"
	"testing"
	"time"

	"tcpprobe/internal/report"
	"tcpprobe/internal/spectator"
	"tcpprobe/internal/text"
	"tcpprobe/probe"
)

// TestHandshakeLine: what is written without detours is what is written with them, for a terminal with colors.
func TestHandshakeLine(t *testing.T) {
	addresses := []string{"10.0.0.2:40000", "192.0.2.80:443", "255.255.255.255:65535", "[2001:db8::80]:443"}
	findings := [][]probe.Finding{
		nil, {spectator.FindingOffload}, {spectator.FindingSYNLost}, {spectator.FindingJudgedEarly, spectator.FindingNoACK},
		{spectator.FindingSYNLost, spectator.FindingOffload, probe.FindingDuplicateSYNACK, spectator.FindingNoACK, spectator.FindingEnded, probe.FindingPeerSpeaksFirst},
	}
	var all []*spectator.Handshake
	for _, outcome := range []probe.Outcome{
		probe.OutcomeEstablished, probe.OutcomeRefused, probe.OutcomeUnreachable, probe.OutcomeTimeout, probe.OutcomeHalfOpen, probe.OutcomeUnknown,
	} {
		for _, found := range findings {
			for i := range addresses {
				h := &spectator.Handshake{
					Client: netip.MustParseAddrPort(addresses[i]), Server: netip.MustParseAddrPort(addresses[(i+i/2)%len(addresses)]), Answered: i != 1,
					HasClient: true, ClientRTT: 3 * time.Millisecond, ClientRTTAmbiguous: i == 2, Waited: 3 * time.Second,
				}
				h.Result = &probe.Result{
					Outcome: outcome, Findings: found, Time: time.Unix(1_795_348_800+int64(len(all)), int64(len(all))*1e6),
					TCP: &probe.TCP{RTT: time.Duration(len(all)*len(all)) * time.Millisecond, Answered: true, SYNSent: 1 + i, RTTAmbiguous: i == 1},
				}
				if outcome == probe.OutcomeUnreachable {
					h.Result.ICMP = []*probe.ICMP{{From: netip.MustParseAddr("198.51.100.1"), Type: 3, Code: uint8(i), SentTTL: 64}}
				}
				all = append(all, h)
			}
		}
	}
	for _, utf8 := range []bool{false, true} {
		print := func(color bool) []string {
			var w strings.Builder
			p := report.NewHandshakes(&w, report.Style{Style: text.Style{UTF8: utf8, Color: color}})
			for _, h := range all {
				if err := p.Line(h); err != nil {
					t.Fatal(err)
				}
			}
			return strings.Split(regexp.MustCompile(`\x1b\[[0-9;]*m`).ReplaceAllString(w.String(), ""), "\n")
		}
		got, want := print(false), print(true)
		if len(got) != len(want) || len(got) < len(all) {
			t.Errorf("%d lines, want %d", len(got), len(want))
		}
		for i := range min(len(got), len(want)) {
			if got[i] != want[i] || text.Columns(got[i]) > text.Width {
				t.Errorf("%q\nwant\n%q", got[i], want[i])
			}
		}
	}
}
