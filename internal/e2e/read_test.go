//go:build linux

package e2e_test

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"tcpprobe/internal/exit"
	"tcpprobe/internal/netlab"
	"tcpprobe/internal/netlab/labtest"
)

// TestReadLikeLive: what is judged of a capture is what the program has said that made the handshakes, word for word but for the times.
func TestReadLikeLive(t *testing.T) {
	t.Parallel()
	n := goldenNetwork(t)
	wire := labtest.Wire(t, n.Client, "eth0")
	var live []probeLine
	for _, args := range [][]string{
		{"10.3.0.80:8080"}, {"10.3.0.80:8080", "--close=rst"}, {"10.3.0.80:81"}, {"10.3.0.80:1100"}, {"10.3.0.80:2222", "--close=none", "-W=300ms"},
		{"10.3.0.80:8081"}, {"10.3.0.80:8081"}, {"10.3.0.80:1200", "-W=1500ms"},
		{"10.3.0.80:1000"}, {"10.3.0.80:1001"}, {"10.3.0.80:1003"}, {"10.3.0.80:1013"}, {"10.9.1.1:80"}, {"10.9.2.1:80"},
		{"10.3.0.80:8080", "--syn=bare"}, {"10.3.0.80:8080", "--syn=ecn"}, {"10.3.0.80:8080", "--syn=accecn"}, {"10.3.0.80:8080", "--mss=900"},
	} {
		live = append(live, probeJSON(t, n.Client, args...).probes...)
	}
	got := readJSON(t, wire.Stop(t))
	if len(got.handshakes) != len(live) || got.capture.Handshakes != len(live) || got.code != exit.Mixed {
		t.Fatalf("%d handshakes of %d, exit code %d, stderr %q", len(got.handshakes), len(live), got.code, got.stderr)
	}
	times := regexp.MustCompile(`\d+\.\d+ ms|\d( or \d)? hops?`) // a capture does not say who the first router is
	for i, want := range live {
		h := got.handshakes[i]
		what := want.Target + " from " + want.TCP.Local
		if h.Client != want.TCP.Local || h.Server != want.TCP.Remote || h.Outcome != want.Outcome || h.SYNSent != want.TCP.SYNSent || h.AnsweredSYN != want.TCP.AnsweredSYN {
			t.Errorf("%s: %+v, live %+v", what, h, want)
		}
		for _, f := range want.Findings {
			if !slices.Contains(h.Findings, f) {
				t.Errorf("%s: %v, live %v", what, h.Findings, want.Findings)
			}
		}
		for _, f := range h.Findings {
			if !slices.Contains(want.Findings, f) && !slices.Contains([]string{"syn_lost", "capture_ends_here", "checksum_offload"}, f) {
				t.Errorf("%s: found %s, live %v", what, f, want.Findings)
			}
		}
		mask := func(s string) string { return times.ReplaceAllString(s, "N") }
		if want.Outcome != "timeout" && mask(h.Reason) != mask(want.Reason) {
			t.Errorf("%s: %q, live %q", what, h.Reason, want.Reason)
		}
		if want.TCP.RTT != nil && (h.ServerRTT == nil || time.Duration(*h.ServerRTT-*want.TCP.RTT).Abs() > 20*time.Millisecond) {
			t.Errorf("%s: rtt %v, live %v", what, h.ServerRTT, want.TCP.RTT)
		}
		if len(h.ICMP) != len(want.ICMP) || len(h.ICMP) > 0 && (h.ICMP[0].From != want.ICMP[0].From || h.ICMP[0].Code != want.ICMP[0].Code || h.ICMP[0].Hops != want.ICMP[0].Hops) {
			t.Errorf("%s: %+v, live %+v", what, h.ICMP, want.ICMP)
		}
	}
}

// TestReadThroughNAT: before and behind a router that translates, and rewrites the MSS, the handshakes are the same ones.
func TestReadThroughNAT(t *testing.T) {
	t.Parallel()
	n := labtest.Journey(t)
	labtest.Nft(t, n.R1, `table ip t {
		chain post {
			type nat hook postrouting priority srcnat
			oifname "eth1" masquerade
		}
		chain pre {
			type nat hook prerouting priority dstnat
			tcp dport 8443 dnat to 10.3.0.80:80
		}
		chain forward {
			type filter hook forward priority 0;
			tcp dport 80 tcp flags & (syn | ack) == syn tcp option maxseg size set 1200
			tcp dport 9999 drop
			tcp dport 9998 reject with tcp reset
			tcp flags & (syn | ack) == syn | ack tcp sport 80 numgen inc mod 3 == 1 drop
		}
	}`)
	before, behind := labtest.Wire(t, n.R1, "eth0"), labtest.Wire(t, n.R1, "eth1")
	for _, target := range []string{"10.3.0.80:80", "10.3.0.99:8443", "10.3.0.80:80", "10.3.0.80:9998"} {
		tcpprobe(t, n.Client, target)
	}
	tcpprobe(t, n.Client, "10.3.0.80:9999", "-W=300ms")
	a, b := before.Stop(t), behind.Stop(t)
	got := readJSON(t, a, b)
	if got.code != exit.Mixed || len(got.pairs) != 5 || got.comparison.Both != 3 || got.comparison.OnlyA != 2 || got.comparison.OnlyB != 0 {
		t.Fatalf("exit code %d, %+v, %d pairs, stderr %q", got.code, got.comparison, len(got.pairs), got.stderr)
	}
	if c := got.comparison; c.Offset == nil || c.Uncertainty == nil || time.Duration(*c.Offset).Abs() > time.Duration(*c.Uncertainty)+time.Millisecond {
		t.Errorf("one clock, and an offset of %v, uncertain by %v", c.Offset, c.Uncertainty)
	}
	lost := 0
	for i, p := range got.pairs[:3] {
		changed := make(map[string]string)
		for _, c := range p.Changes {
			changed[c.Field] = c.A + " " + c.B
		}
		lost += p.ACKsLost
		switch {
		case p.ClientSide != "a" || !strings.HasPrefix(p.A.Client, "10.1.0.2:") || !strings.HasPrefix(p.B.Client, "10.2.0.1:"):
			t.Errorf("pair %d: %+v", i, p)
		case changed["client_mss"] != "1460 1200" || changed["client_ttl"] != "64 63" || !strings.HasPrefix(changed["server_ttl"], "62 63"):
			t.Errorf("pair %d: %v", i, changed)
		case (i == 1) != (changed["server"] != ""):
			t.Errorf("pair %d: server %q", i, changed["server"])
		case p.ACKsLost == 0 && (p.Between == nil || p.Client == nil || p.ServerRTT == nil):
			t.Errorf("pair %d: the times are not there: %+v", i, p)
		}
	}
	if lost == 0 {
		t.Errorf("a SYN-ACK was dropped, and is not lost: %+v", got.pairs)
	}
	if p := got.pairs[3]; p.Outcome != "refused" || p.B != nil {
		t.Errorf("the router's RST: %+v", p)
	}
	if p := got.pairs[4]; p.Outcome != "timeout" || p.B != nil {
		t.Errorf("the SYN that the router drops: %+v", p)
	}
	if r := readProgram(t, "", b, a); r.code != exit.Mixed || !strings.Contains(r.stdout, "lost between: 1 SYN-ACK") || !strings.Contains(r.stdout, "at B alone: the RST was made between") {
		t.Errorf("the other way round: exit code %d\n%s%s", r.code, r.stdout, r.stderr)
	}
}

// TestReadWhileItIsWritten: the verdict on a handshake is there while the capture goes on.
func TestReadWhileItIsWritten(t *testing.T) {
	t.Parallel()
	a, b := labtest.Pair(t)
	goldenServer(t, b, "10.0.0.2:7", polite)
	r, w, err := os.Pipe()
	must(t, err)
	tcpdump := labtest.StartTo(t, a, w, "listening on", "tcpdump", "-U", "--immediate-mode", "-i", "eth0", "-n", "-Z", "root", "-w", "-", "tcp")
	p := startFrom(t, a, r, "read", "-", "--json")
	tcpprobe(t, a, "10.0.0.2:7")
	tcpprobe(t, a, "10.0.0.2:8")
	p.await(t, `"outcome":"refused"`)
	tcpdump.Process.Signal(syscall.SIGINT)
	got := parseReadLines(t, p.end(t))
	if len(got.handshakes) != 2 || got.capture.Established != 1 || got.capture.Refused != 1 || got.code != exit.Mixed {
		t.Errorf("exit code %d, %+v, %s", got.code, got.capture, got.stderr)
	}
}

// TestReadInterface: what this host does now is judged as it goes on, and summed up at an interrupt.
func TestReadInterface(t *testing.T) {
	t.Parallel()
	a, b := labtest.Pair(t)
	goldenServer(t, b, "10.0.0.2:7", polite)
	for _, host := range []*netlab.Host{a, b} { // either end may listen
		p := start(t, host, "read", "-I", "eth0", "--json")
		line, err := p.stderr.ReadString('\n')
		if err != nil || !strings.Contains(line, "listening on eth0") {
			t.Fatalf("%q, %v", line, err)
		}
		tcpprobe(t, a, "10.0.0.2:7")
		tcpprobe(t, a, "10.0.0.2:8")
		p.await(t, `"outcome":"refused"`)
		p.cmd.Process.Signal(syscall.SIGINT)
		got := parseReadLines(t, p.end(t))
		if len(got.handshakes) != 2 || got.capture.Established != 1 || got.capture.Refused != 1 || got.code != exit.Mixed {
			t.Errorf("exit code %d, %+v, %s", got.code, got.capture, got.stderr)
		}
	}
}
