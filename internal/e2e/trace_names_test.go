//go:build linux

package e2e_test

import (
	"strings"
	"testing"
	"time"

	"tcpprobe/internal/exit"
	"tcpprobe/internal/netlab/labtest"
)

// TestTraceNames: names are those that the server of the target's name has, on wish alone, and nobody waits long for them.
func TestTraceNames(t *testing.T) {
	t.Parallel()
	n := labtest.DualStack(t)
	wire := labtest.Wire(t, n.Client, "eth0")
	for _, args := range [][]string{{}, {"-n"}, {"--numeric"}} {
		r := tcpprobe(t, n.Client, append([]string{"trace", "10.3.0.80:80", labDNS}, args...)...)
		if r.code != exit.Established || strings.Contains(r.stdout, "lab.test") {
			t.Errorf("%v: exit code %d\n%s", args, r.code, r.stdout)
		}
	}
	if asked := wire.Tshark(t, "dns", "dns.qry.name"); len(asked) > 0 {
		t.Errorf("asked for %v", asked)
	}
	six := tcpprobe(t, n.Client, "trace", "[2001:db8:3::80]:80", labDNS, "--names")
	if six.code != exit.Established || !strings.Contains(six.stdout, "dual.lab.test") && !strings.Contains(six.stdout, "six.lab.test") {
		t.Errorf("exit code %d\n%s", six.code, six.stdout)
	}
	four := tcpprobe(t, n.Client, "trace", "--source-port=40000", "-W=300ms", labDNS, "10.3.0.80:80", "--names")
	checkText(t, four, exit.Established, `
trace to 10.3.0.80:80 from 10.1.0.2:40000 on eth0, 30 hops at most
 1  10.1.0.1 T ms  ICMP 11/0 time to live exceeded
 2  10.2.0.2 T ms  ICMP 11/0 time to live exceeded
 3  10.3.0.80 T ms  SYN,ACK [010010]  mss 1460 ws 10 sack ts  ttl 62
                    www.lab.test
ESTABLISHED  10.3.0.80:80  3 hops  rtt T ms
`)
	r := tcpprobe(t, n.Client, "trace", "10.3.0.80:80", labDNS, "--names", "--json")
	for line := range strings.Lines(r.stdout) {
		validate(t, line)
	}
	if strings.Count(r.stdout, `"from":"10.3.0.80","name":"www.lab.test"`) != 1 || strings.Contains(r.stdout, `"from":"10.1.0.1","name"`) {
		t.Errorf("exit code %d\n%s", r.code, r.stdout)
	}

	labtest.Nft(t, n.R1, `table ip mute { chain forward { type filter hook forward priority filter; udp dport 53 drop; }; }`)
	begun := time.Now()
	r = tcpprobe(t, n.Client, "trace", "10.3.0.80:80", labDNS, "--names")
	if took := time.Since(begun); r.code != exit.Established || took > 15*time.Second || !strings.Contains(r.stdout, "\nESTABLISHED") {
		t.Errorf("exit code %d after %v\n%s", r.code, took, r.stdout)
	}
}
