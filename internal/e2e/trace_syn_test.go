//go:build linux

package e2e_test

import (
	"slices"
	"testing"

	"tcpprobe/internal/exit"
	"tcpprobe/internal/netlab/labtest"
)

// pickyFirewall lets no SYN pass that asks for ECN or for a Fast Open cookie, as firewalls do that know neither.
const pickyFirewall = `table inet picky {
	chain forward {
		type filter hook forward priority filter
		tcp flags syn / syn,ack tcp option fastopen exists drop
		tcp flags & (syn | ecn | cwr) == (syn | ecn | cwr) drop
	}
}`

// TestTraceSYNs: the SYNs that a firewall drops are told from those that it lets pass.
func TestTraceSYNs(t *testing.T) {
	t.Parallel()
	n := labtest.DualStack(t)
	args := []string{"trace", "10.3.0.80:80", "--compare-syn", "-W=300ms", "--source-port=40000"}
	bothTexts(t, n, exit.Established, `
SYNs to 10.3.0.80:80 from 10.1.0.2:40000 on eth0
 bare     passes T ms  mss 1460
 nots     passes T ms  mss 1460 ws 10 sack
 linux    passes T ms  mss 1460 ws 10 sack ts
 ecn      passes T ms  mss 1460 ws 10 sack ts  ecn classic
 accecn   passes T ms  mss 1460 ws 10 sack ts  ecn classic
 bigmss   passes T ms  mss 1460 ws 10 sack ts
 tfo      passes T ms  mss 1460 ws 10 sack ts  without tfo
ESTABLISHED  10.3.0.80:80  7 of 7 SYNs accepted
  What an answer lacks, the peer does not want, or the path took away.
`, slices.Clone(args)...)
	labtest.Nft(t, n.R1, pickyFirewall)
	bothTexts(t, n, exit.Mixed, `
SYNs to 10.3.0.80:80 from 10.1.0.2:40000 on eth0
 bare     passes T ms  mss 1460
 nots     passes T ms  mss 1460 ws 10 sack
 linux    passes T ms  mss 1460 ws 10 sack ts
 ecn      dropped    heard of up to hop 1, 10.1.0.1
 accecn   dropped    heard of up to hop 1, 10.1.0.1
 bigmss   passes T ms  mss 1460 ws 10 sack ts
 tfo      dropped    heard of up to hop 1, 10.1.0.1
MIXED  10.3.0.80:80  4 of 7 SYNs accepted
  ecn is dropped: it is heard of up to hop 1, 10.1.0.1.
  accecn is dropped: it is heard of up to hop 1, 10.1.0.1.
  tfo is dropped: it is heard of up to hop 1, 10.1.0.1.
`, slices.Clone(args)...)
	r := tcpprobe(t, n.Client, append(args, "--json")...)
	validate(t, r.stdout)
	if r.code != exit.Mixed {
		t.Errorf("exit code %d, want %d", r.code, exit.Mixed)
	}
}

// TestTraceNAT: the path goes on behind a router that translates addresses and ports, since it translates quotes back.
func TestTraceNAT(t *testing.T) {
	t.Parallel()
	n := labtest.DualStack(t)
	labtest.Nft(t, n.R1, `table inet nat {
	chain prerouting {
		type nat hook prerouting priority dstnat
		ip daddr 10.2.0.99 tcp dport 8080 dnat ip to 10.3.0.80:80
		ip6 daddr 2001:db8:2::99 tcp dport 8080 dnat ip6 to [2001:db8:3::80]:80
	}
	chain postrouting {
		type nat hook postrouting priority srcnat
		oifname eth1 masquerade
	}
}`)
	t.Run("source", func(t *testing.T) {
		traceText(t, n, exit.Established, `
trace to 10.3.0.80:80 from 10.1.0.2:40000 on eth0, 30 hops at most
 1  10.1.0.1 T ms  ICMP 11/0 time to live exceeded
 2  10.2.0.2 T ms  ICMP 11/0 time to live exceeded
 3  10.3.0.80 T ms  SYN,ACK [010010]  mss 1460 ws 10 sack ts  ttl 62
ESTABLISHED  10.3.0.80:80  3 hops  rtt T ms
`, "10.3.0.80:80")
	})
	// What the routers say is translated as what the target says.
	t.Run("destination", func(t *testing.T) {
		traceText(t, n, exit.Established, `
trace to 10.2.0.99:8080 from 10.1.0.2:40000 on eth0, 30 hops at most
 1  10.2.0.99 T ms  ICMP 11/0 time to live exceeded  a router, by NAT
 2  10.2.0.99 T ms  ICMP 11/0 time to live exceeded  a router, by NAT
 3  10.2.0.99 T ms  SYN,ACK [010010]  mss 1460 ws 10 sack ts  ttl 62
ESTABLISHED  10.2.0.99:8080  3 hops  rtt T ms
`, "10.2.0.99:8080")
	})
}
