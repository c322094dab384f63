package exposition_test

import (
	"net/netip"
	"os/exec"
	"strings"
	"testing"
	"time"

	"tcpprobe/internal/exposition"
	"tcpprobe/probe"
)

// checkMetrics has promtool look at metrics, where it is installed.
func checkMetrics(t *testing.T, text []byte) {
	t.Helper()
	promtool, err := exec.LookPath("promtool")
	if err != nil {
		t.Skip("no promtool: ", err)
	}
	cmd := exec.Command(promtool, "check", "metrics")
	cmd.Stdin = strings.NewReader(string(text))
	if out, err := cmd.CombinedOutput(); err != nil || len(out) > 0 {
		t.Errorf("promtool: %v\n%s", err, out)
	}
}

// TestProbe writes the metrics of handshakes that went differently far.
func TestProbe(t *testing.T) {
	established := &probe.Result{
		Address: netip.MustParseAddr("192.0.2.80"), Outcome: probe.OutcomeEstablished,
		DNS:      &probe.DNS{Source: "dns", RCode: "NOERROR", Duration: 1912 * time.Microsecond},
		NextHop:  &probe.NextHop{Source: "arp", Attempts: 1, MAC: [6]byte{2, 5: 1}, Duration: 289 * time.Microsecond},
		Findings: []probe.Finding{probe.FindingPeerSpeaksFirst},
		TCP: &probe.TCP{
			SYNSent: 1, AnsweredSYN: 1, Answered: true, RTT: 11573 * time.Microsecond, Connected: true, Connect: 11601 * time.Microsecond,
			Turnaround: 28 * time.Microsecond, TTL: 57, Peer: &probe.Peer{HasMSS: true, MSS: 1400, Window: 65160},
		},
	}
	unreachable := &probe.Result{
		Address: netip.MustParseAddr("127.0.0.1"), Outcome: probe.OutcomeUnreachable, DNS: &probe.DNS{Source: "literal"},
		ICMP: []*probe.ICMP{{From: netip.MustParseAddr("203.0.113.9"), Type: 3, Code: 13, QuotedTTL: 62, SentTTL: 64}},
		TCP:  &probe.TCP{SYNSent: 1, AnsweredSYN: 1, Answered: true, RTT: 5819 * time.Microsecond},
	}
	for _, test := range []struct {
		name   string
		result *probe.Result
		want   string // the series
	}{
		{"established", established, `probe_success 1
probe_duration_seconds 0.013931
probe_timeout_seconds 4.5
probe_dns_lookup_time_seconds 0.001912
probe_ip_protocol 4
probe_ip_addr_hash 2.792089783e+09
probe_tcp_duration_seconds{phase="resolve"} 0.001912
probe_tcp_duration_seconds{phase="neighbor"} 0.000289
probe_tcp_duration_seconds{phase="rtt"} 0.011573
probe_tcp_duration_seconds{phase="ack"} 2.8e-05
probe_tcp_connect_seconds 0.011601
probe_tcp_outcome{outcome="established"} 1
probe_tcp_outcome{outcome="refused"} 0
probe_tcp_outcome{outcome="unreachable"} 0
probe_tcp_outcome{outcome="timeout"} 0
probe_tcp_outcome{outcome="dns_error"} 0
probe_tcp_outcome{outcome="no_route"} 0
probe_tcp_outcome{outcome="arp_timeout"} 0
probe_tcp_outcome{outcome="ndp_timeout"} 0
probe_tcp_outcome{outcome="local_error"} 0
probe_tcp_finding{finding="peer_speaks_first"} 1
probe_tcp_syn_transmissions 1
probe_tcp_reply_hop_limit 57
probe_tcp_peer_mss_bytes 1400
probe_tcp_peer_window_bytes 65160
`},
		{"unreachable", unreachable, `probe_success 0
probe_duration_seconds 0.013931
probe_timeout_seconds 4.5
probe_dns_lookup_time_seconds 0
probe_ip_protocol 4
probe_ip_addr_hash 3.668918509e+09
probe_tcp_duration_seconds{phase="rtt"} 0.005819
probe_tcp_outcome{outcome="established"} 0
probe_tcp_outcome{outcome="refused"} 0
probe_tcp_outcome{outcome="unreachable"} 1
probe_tcp_outcome{outcome="timeout"} 0
probe_tcp_outcome{outcome="dns_error"} 0
probe_tcp_outcome{outcome="no_route"} 0
probe_tcp_outcome{outcome="arp_timeout"} 0
probe_tcp_outcome{outcome="ndp_timeout"} 0
probe_tcp_outcome{outcome="local_error"} 0
probe_tcp_syn_transmissions 1
probe_icmp_error_info{type="3",code="13"} 1
probe_tcp_hops 2
`},
		{"no address", &probe.Result{Outcome: probe.OutcomeDNSError}, `probe_success 0
probe_duration_seconds 0.013931
probe_timeout_seconds 4.5
probe_tcp_outcome{outcome="established"} 0
probe_tcp_outcome{outcome="refused"} 0
probe_tcp_outcome{outcome="unreachable"} 0
probe_tcp_outcome{outcome="timeout"} 0
probe_tcp_outcome{outcome="dns_error"} 1
probe_tcp_outcome{outcome="no_route"} 0
probe_tcp_outcome{outcome="arp_timeout"} 0
probe_tcp_outcome{outcome="ndp_timeout"} 0
probe_tcp_outcome{outcome="local_error"} 0
`},
	} {
		text := exposition.Probe{Result: test.result, Duration: 13931 * time.Microsecond, Timeout: 4500 * time.Millisecond}.Append(nil)
		if got := series(text); got != test.want {
			t.Errorf("%s:\n%s\nwant\n%s", test.name, got, test.want)
		}
		checkMetrics(t, text)
	}
}

// series returns metrics without their heads.
func series(text []byte) string {
	var b strings.Builder
	for line := range strings.Lines(string(text)) {
		if !strings.HasPrefix(line, "#") {
			b.WriteString(line)
		}
	}
	return b.String()
}

// BenchmarkProbe is the part of this package in what a request of /probe costs.
func BenchmarkProbe(b *testing.B) {
	r := &probe.Result{
		Address: netip.MustParseAddr("192.0.2.80"), Outcome: probe.OutcomeEstablished, DNS: &probe.DNS{Source: "literal"},
		TCP: &probe.TCP{SYNSent: 1, Answered: true, AnsweredSYN: 1, RTT: time.Millisecond, Connected: true, Peer: &probe.Peer{HasMSS: true, MSS: 1460}},
	}
	buffer := make([]byte, 0, 8192)
	b.ReportAllocs()
	for b.Loop() {
		exposition.Probe{Result: r}.Append(buffer)
	}
}
