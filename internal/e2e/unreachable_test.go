//go:build linux

package e2e_test

import (
	"fmt"
	"net/netip"
	"regexp"
	"slices"
	"strings"
	"testing"

	"tcpprobe/internal/exit"
	"tcpprobe/internal/netlab"
	"tcpprobe/internal/netlab/labtest"
)

// reject has a router answer TCP segments that it forwards to ports 1000 and more with the ICMP error of that code.
const reject = `table ip refusals {
	chain forward {
		type filter hook forward priority filter
		tcp dport 1000 reject with icmp net-unreachable
		tcp dport 1001 reject with icmp host-unreachable
		tcp dport 1002 reject with icmp prot-unreachable
		tcp dport 1003 reject with icmp port-unreachable
		tcp dport 1009 reject with icmp net-prohibited
		tcp dport 1010 reject with icmp host-prohibited
		tcp dport 1013 reject with icmp admin-prohibited
		tcp dport 1100 reject with tcp reset
	}
}`

func TestUnreachable(t *testing.T) {
	t.Parallel()
	n := labtest.Journey(t)
	labtest.Nft(t, n.R1, reject)
	for _, test := range []struct {
		code int
		name string
	}{
		{0, "network unreachable"},
		{1, "host unreachable"},
		{2, "protocol unreachable"},
		{3, "port unreachable"},
		{9, "network prohibited"},
		{10, "host prohibited"},
		{13, "administratively prohibited"},
	} {
		for _, send := range []string{"link", "ip"} {
			t.Run(fmt.Sprintf("3 %d %s", test.code, send), func(t *testing.T) {
				target := fmt.Sprintf("10.3.0.80:%d", 1000+test.code)
				p := probeOnce(t, n.Client, exit.Unreachable, "unreachable", "--send", send, target)
				if len(p.ICMP) != 1 {
					t.Fatalf("%d ICMP errors, want 1", len(p.ICMP))
				}
				i := p.ICMP[0]
				if i.From != "10.1.0.1" || i.Type != 3 || i.Code != test.code || !strings.Contains(i.Name, test.name) || i.Hops != 1 {
					t.Errorf("%s %d/%d %q, %d hops; want 10.1.0.1 3/%d %q, 1 hop", i.From, i.Type, i.Code, i.Name, i.Hops, test.code, test.name)
				}
				if p.TCP.SYNSent != 1 || p.TCP.RTT == nil || *p.TCP.RTT <= 0 {
					t.Errorf("%d SYNs, rtt %v; want 1 and a time", p.TCP.SYNSent, p.TCP.RTT)
				}
			})
		}
	}
	t.Run("reset by a firewall", func(t *testing.T) {
		probeOnce(t, n.Client, exit.Refused, "refused", "10.3.0.80:1100")
	})

	for prefix, kind := range map[string]netlab.RouteType{
		"10.9.1.0/24": netlab.Unreachable, "10.9.2.0/24": netlab.Prohibit, "10.9.3.0/24": netlab.Blackhole,
	} {
		must(t, n.R2.Route(netlab.Route{Dst: netip.MustParsePrefix(prefix), Type: kind}))
	}
	for address, code := range map[string]int{"10.9.1.1": 1, "10.9.2.1": 13} {
		p := probeOnce(t, n.Client, exit.Unreachable, "unreachable", address+":80")
		if len(p.ICMP) != 1 || p.ICMP[0].Code != code || p.ICMP[0].From != "10.2.0.2" {
			t.Errorf("%s: %+v, want 3/%d from 10.2.0.2", address, p.ICMP, code)
		}
	}
	p := probeOnce(t, n.Client, exit.Timeout, "timeout", "10.9.3.1:80", "-W", "100ms")
	if p.TCP.SYNSent != 1 || p.ICMP != nil || p.TCP.RTT != nil {
		t.Errorf("from a black hole: %d SYNs, ICMP %+v, rtt %v", p.TCP.SYNSent, p.ICMP, p.TCP.RTT)
	}
}

// TestUnreachableByOurselves: on the IP path the kernel looks for the next hop, and says to itself that it found none.
func TestUnreachableByOurselves(t *testing.T) {
	t.Parallel()
	a, _ := labtest.Pair(t)
	r := tcpprobe(t, a, "--send=ip", "-W=10s", "10.0.0.99:80")
	want := "UNREACHABLE  10.0.0.99:80  host unreachable, says this host\n"
	if advice := "The kernel asked the link for the next hop"; r.code != exit.Unreachable || !strings.Contains(r.stdout, want) || !strings.Contains(r.stdout, advice) {
		t.Errorf("exit code %d, want %d and %q", r.code, exit.Unreachable, want)
	}
}

func TestICMPReport(t *testing.T) {
	t.Parallel()
	n := labtest.Journey(t)
	labtest.Nft(t, n.R1, reject)
	labtest.Nft(t, n.R1, `table ip first {
		chain forward {
			type filter hook forward priority filter
			tcp dport 80 tcp flags & (syn | ack) == syn numgen inc mod 2 == 0 reject with icmp host-unreachable
		}
	}`)
	t.Run("then nothing", func(t *testing.T) {
		p := probeOnce(t, n.Client, exit.Unreachable, "unreachable", "--icmp=report", "-W", "1500ms", "10.3.0.80:1013")
		if len(p.ICMP) != 2 || p.ICMP[0].Code != 13 || p.ICMP[1].Code != 13 || p.TCP.SYNSent != 2 {
			t.Errorf("%d SYNs, ICMP %+v; want 2 SYNs and 3/13 for each", p.TCP.SYNSent, p.ICMP)
		}
	})
	t.Run("drawn", func(t *testing.T) {
		r := tcpprobe(t, n.Client, "--icmp=report", "-W", "1500ms", "-o", "mermaid", "10.3.0.80:1013")
		// Both SYNs come to the gateway, who rejects them, and neither is lost on its way to the target.
		if syns := regexp.MustCompile(`host->>peer1: \S+ ms TCP SYN `).FindAllString(r.stdout, -1); len(syns) != 2 || strings.Contains(r.stdout, "host-x") {
			t.Errorf("%d SYNs to the gateway:\n%s", len(syns), r.stdout)
		}
		r = tcpprobe(t, n.Client, "--icmp=report", "-o", "mermaid", "10.3.0.80:80")
		if !regexp.MustCompile(`(?s)host->>peer1: \S+ ms TCP SYN .*peer1->>host: \S+ ms ICMP .*host->>peer2: \S+ ms TCP SYN .*peer2->>host: \S+ ms TCP SYN,ACK`).MatchString(r.stdout) {
			t.Errorf("one SYN rejected, one answered:\n%s", r.stdout)
		}
	})
	t.Run("then an answer", func(t *testing.T) {
		p := probeOnce(t, n.Client, exit.Established, "established", "--icmp=report", "10.3.0.80:80")
		if !slices.Contains(p.Findings, "icmp_then_answer") || len(p.ICMP) != 1 || p.TCP.AnsweredSYN != 2 {
			t.Errorf("findings %q, ICMP %+v, answered SYN %d; want icmp_then_answer, one, 2", p.Findings, p.ICMP, p.TCP.AnsweredSYN)
		}
	})
	t.Run("or the end", func(t *testing.T) {
		probeOnce(t, n.Client, exit.Unreachable, "unreachable", "10.3.0.80:80")
	})
}

func TestNoNextHop(t *testing.T) {
	t.Parallel()
	a, _ := labtest.Pair(t)
	must(t, a.Route(netlab.Route{Dst: netip.MustParsePrefix("10.7.0.0/16"), NextHop: netip.MustParseAddr("10.0.0.99")}))

	p := probeOnce(t, a, exit.NoNextHop, "arp_timeout", "10.7.0.1:80")
	if p.ARP == nil || p.ARP.Address != "10.0.0.99" || p.ARP.Attempts != 3 || p.ARP.MAC != "" || p.TCP != nil {
		t.Errorf("a silent gateway: arp %+v, tcp %+v", p.ARP, p.TCP)
	}
	p = probeOnce(t, a, exit.NoNextHop, "no_route", "10.8.0.1:80")
	if p.Route != nil || p.ARP != nil || p.TCP != nil {
		t.Errorf("no route: route %+v, arp %+v, tcp %+v", p.Route, p.ARP, p.TCP)
	}
}
