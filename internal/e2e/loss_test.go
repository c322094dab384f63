//go:build linux

package e2e_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"tcpprobe/internal/exit"
	"tcpprobe/internal/netlab/labtest"
)

// loseEverySecond has a router lose the first SYN that it forwards, and every second one from there.
const loseEverySecond = `table ip lose {
	chain forward {
		type filter hook forward priority filter
		tcp flags & (syn | ack) == syn numgen inc mod 2 == 0 drop
	}
}`

func TestEverySecondSYNLost(t *testing.T) {
	t.Parallel()
	n := labtest.Journey(t)
	labtest.Nft(t, n.R1, loseEverySecond)
	for _, send := range []string{"link", "ip"} {
		p := probeOnce(t, n.Client, exit.Established, "established", "--send", send, "10.3.0.80:80")
		tcp := p.TCP
		if tcp.SYNSent != 2 || tcp.AnsweredSYN != 2 || tcp.Ambiguous || !slices.Equal(p.Findings, []string{"syn_retransmitted"}) {
			t.Errorf("%d SYNs, number %d answered, ambiguous %v, findings %q", tcp.SYNSent, tcp.AnsweredSYN, tcp.Ambiguous, p.Findings)
		}
		// The first SYN may leave late, and the second one when it is due.
		const most = int64(500 * time.Millisecond)
		if *tcp.RTT <= 0 || *tcp.RTT > most || *tcp.Connect < most {
			t.Errorf("rtt %d ns, connect %d ns; want far less than a second, and about one", *tcp.RTT, *tcp.Connect)
		}
	}
}

// TestNoResetByTheKernel shows that the guard holds: in a thousand handshakes the kernel takes no part.
func TestNoResetByTheKernel(t *testing.T) {
	t.Parallel()
	n := labtest.Journey(t)
	for _, test := range []struct {
		count int
		args  []string
	}{
		{1000, nil},
		{100, []string{"--close=rst"}},
		{100, []string{"--close=half"}},
		{100, []string{"--send=ip"}},
		{100, []string{"--close=none"}}, // the last, since the server keeps its side of these
	} {
		before := labtest.SNMP(t, n.Client)
		args := append([]string{"10.3.0.80:80", "-i=1ms", fmt.Sprintf("-c%d", test.count)}, test.args...)
		l := probeJSON(t, n.Client, args...)
		after := labtest.SNMP(t, n.Client)
		if resets := after["Tcp.OutRsts"] - before["Tcp.OutRsts"]; resets != 0 {
			t.Errorf("%q: the kernel sent %d RSTs", args, resets)
		}
		if l.code != 0 || len(l.probes) != test.count || l.summaries[0].Established != test.count || l.summaries[0].Loss != 0 {
			t.Errorf("%q: exit code %d, %d handshakes, %+v", args, l.code, len(l.probes), l.summaries)
		}
		for _, p := range l.probes {
			if p.Outcome != "established" || p.TCP.SYNSent != 1 || len(p.Findings) != 0 {
				t.Errorf("%q: number %d: %s: %s, findings %q", args, p.Seq, p.Outcome, p.Reason, p.Findings)
				break
			}
		}
	}
}
