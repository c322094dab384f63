package report_test

import (
	"strings"
	"testing"
	"time"

	"tcpprobe/internal/report"
	"tcpprobe/internal/stamp"
	"tcpprobe/internal/text"
	"tcpprobe/probe"
)

// TestVerdicts: it says what the ladder says, whichever way it takes.
func TestVerdicts(t *testing.T) {
	for _, target := range []string{"192.0.2.80:80", "255.255.255.255:65535", "example.com:80", "long.example.com:65535", "evil\x1b[0m:80"} {
		for _, rtt := range []time.Duration{0, 499, 500, 4_000, 11_573_499, 11_573_500, 59 * time.Second, 2 * time.Minute} {
			for _, t2 := range []probe.TCP{
				{Answered: true, RTT: rtt, Clock: stamp.Kernel},
				{Answered: true, RTT: rtt, Clock: stamp.Kernel, Connected: true, Connect: rtt + 28_000},
				{Answered: true, RTT: rtt, Clock: stamp.User, Connected: true, Connect: rtt},
				{Answered: true, RTT: rtt, Clock: stamp.Kernel, RTTAmbiguous: true},
			} {
				for _, hop := range []*probe.NextHop{nil, {Source: "permanent"}, {Source: "arp", Duration: 289_000}} {
					for _, o := range []probe.Outcome{probe.OutcomeEstablished, probe.OutcomeRefused} {
						r := &probe.Result{Target: target, Host: target[:len(target)-3], Outcome: o, TCP: &t2, NextHop: hop}
						for _, style := range []report.Style{{}, {Style: text.Style{Color: true}}, {Style: text.Style{UTF8: true}}} {
							var got, want strings.Builder
							report.NewVerdicts(&got, style).Verdict(r)
							style.Quiet = true
							report.NewLadder(&want, style).Verdict(r)
							if got.String() != want.String() {
								t.Errorf("%q, want %q", got.String(), want.String())
							}
						}
					}
				}
			}
		}
	}
}
