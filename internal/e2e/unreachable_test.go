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

// reject has a router answer TCP segments that it forwards to ports 1000 and more with the ICMP error of that code, which is of type 3 in
// IPv4, and of type 1 in IPv6.
const reject = `table inet refusals {
	chain forward {
		type filter hook forward priority filter
		meta nfproto ipv4 tcp dport 1000 reject with icmp net-unreachable
		meta nfproto ipv4 tcp dport 1001 reject with icmp host-unreachable
		meta nfproto ipv4 tcp dport 1002 reject with icmp prot-unreachable
		meta nfproto ipv4 tcp dport 1003 reject with icmp port-unreachable
		meta nfproto ipv4 tcp dport 1009 reject with icmp net-prohibited
		meta nfproto ipv4 tcp dport 1010 reject with icmp host-prohibited
		meta nfproto ipv4 tcp dport 1013 reject with icmp admin-prohibited
		meta nfproto ipv6 tcp dport 1000 reject with icmpv6 no-route
		meta nfproto ipv6 tcp dport 1001 reject with icmpv6 admin-prohibited
		meta nfproto ipv6 tcp dport 1003 reject with icmpv6 addr-unreachable
		meta nfproto ipv6 tcp dport 1004 reject with icmpv6 port-unreachable
		meta nfproto ipv6 tcp dport 1005 reject with icmpv6 policy-fail
		meta nfproto ipv6 tcp dport 1006 reject with icmpv6 reject-route
		tcp dport 1100 reject with tcp reset
	}
}`

// TestUnreachable: what the ICMP errors of kernels say, by both ways to send.
func TestUnreachable(t *testing.T) {
	t.Parallel()
	n := labtest.DualStack(t)
	labtest.Nft(t, n.R1, reject)
	for prefix, kind := range map[string]netlab.RouteType{
		"10.9.1.0/24": netlab.Unreachable, "10.9.2.0/24": netlab.Prohibit, "10.9.3.0/24": netlab.Blackhole,
		"2001:db8:9:1::/64": netlab.Unreachable, "2001:db8:9:2::/64": netlab.Prohibit, "2001:db8:9:3::/64": netlab.Blackhole,
	} {
		must(t, n.R2.Route(netlab.Route{Dst: netip.MustParsePrefix(prefix), Type: kind}))
	}
	for _, test := range []struct {
		target, args string
		from         string
		kind, code   int
		name         string
		hops         int
	}{
		{"10.3.0.80:1000", "", "10.1.0.1", 3, 0, "network unreachable", 1},
		{"10.3.0.80:1001", "", "10.1.0.1", 3, 1, "host unreachable", 1},
		{"10.3.0.80:1002", "", "10.1.0.1", 3, 2, "protocol unreachable", 1},
		{"10.3.0.80:1003", "", "10.1.0.1", 3, 3, "port unreachable", 1},
		{"10.3.0.80:1009", "", "10.1.0.1", 3, 9, "network prohibited", 1},
		{"10.3.0.80:1010", "", "10.1.0.1", 3, 10, "host prohibited", 1},
		{"10.3.0.80:1013", "", "10.1.0.1", 3, 13, "administratively prohibited", 1},
		{"[2001:db8:3::80]:1000", "", "2001:db8:1::1", 1, 0, "no route to destination", 1},
		{"[2001:db8:3::80]:1001", "", "2001:db8:1::1", 1, 1, "administratively prohibited", 1},
		{"[2001:db8:3::80]:1003", "", "2001:db8:1::1", 1, 3, "address unreachable", 1},
		{"[2001:db8:3::80]:1004", "", "2001:db8:1::1", 1, 4, "port unreachable", 1},
		{"[2001:db8:3::80]:1005", "", "2001:db8:1::1", 1, 5, "source address failed policy", 1},
		{"[2001:db8:3::80]:1006", "", "2001:db8:1::1", 1, 6, "reject route to destination", 1},
		// Routes reject a datagram as it came, before the router has counted it.
		{"10.9.1.1:80", "", "10.2.0.2", 3, 1, "host unreachable", 1},
		{"10.9.2.1:80", "", "10.2.0.2", 3, 13, "administratively prohibited", 1},
		{"[2001:db8:9:1::1]:80", "", "2001:db8:2::2", 1, 0, "no route to destination", 1},
		{"[2001:db8:9:2::1]:80", "", "2001:db8:2::2", 1, 1, "administratively prohibited", 1},
		{"[2001:db8:3::80]:80", "-S fe80::2", "fe80::1", 1, 2, "beyond scope of source address", 1},
		{"10.3.0.80:80", "--ttl 1", "10.1.0.1", 11, 0, "time to live exceeded", 1},
		{"10.3.0.80:80", "--ttl 2", "10.2.0.2", 11, 0, "time to live exceeded", 2},
		{"[2001:db8:3::80]:80", "--ttl 1", "2001:db8:1::1", 3, 0, "hop limit exceeded", 1},
		{"[2001:db8:3::80]:80", "--ttl 2", "2001:db8:2::2", 3, 0, "hop limit exceeded", 2},
		// Of a neighbour that stays silent the router says so after some seconds.
		{"10.3.0.99:80", "-W 30s", "10.2.0.2", 3, 1, "host unreachable", 2},
		{"[2001:db8:3::99]:80", "-W 30s", "2001:db8:2::2", 1, 3, "address unreachable", 2},
	} {
		for _, send := range []string{"link", "ip"} {
			t.Run(fmt.Sprintf("%s %s %s", test.target, test.args, send), func(t *testing.T) {
				t.Parallel()
				p := probeOnce(t, n.Client, exit.Unreachable, "unreachable", append(strings.Fields(test.args), "--send", send, test.target)...)
				if len(p.ICMP) != 1 {
					t.Fatalf("%d ICMP errors, want 1", len(p.ICMP))
				}
				protocol := "icmp"
				if p.Family == "ipv6" {
					protocol = "icmpv6"
				}
				e := p.ICMP[0]
				if e.From != test.from || e.Protocol != protocol || e.Type != test.kind || e.Code != test.code || e.Name != test.name || e.Hops != test.hops {
					t.Errorf("%+v; want %s %d/%d %q from %s, %d hops away", e, protocol, test.kind, test.code, test.name, test.from, test.hops)
				}
				if wait := strings.Contains(test.args, "-W"); p.TCP.SYNSent != 1 && !wait || p.TCP.RTT == nil || *p.TCP.RTT <= 0 || p.TCP.AnsweredSYN < 1 {
					t.Errorf("%d SYNs, answered %d, rtt %v; want a time", p.TCP.SYNSent, p.TCP.AnsweredSYN, p.TCP.RTT)
				}
			})
		}
	}
	for _, address := range []string{"10.3.0.80", "[2001:db8:3::80]"} {
		for _, send := range []string{"link", "ip"} {
			probeOnce(t, n.Client, exit.Refused, "refused", "--send", send, address+":1100")
		}
	}
	for _, address := range []string{"10.9.3.1", "[2001:db8:9:3::1]"} {
		p := probeOnce(t, n.Client, exit.Timeout, "timeout", address+":80", "-W", "100ms")
		if p.TCP.SYNSent != 1 || p.ICMP != nil || p.TCP.RTT != nil {
			t.Errorf("from a black hole: %d SYNs, ICMP %+v, rtt %v", p.TCP.SYNSent, p.ICMP, p.TCP.RTT)
		}
	}
}

// TestUnreachableByOurselves: on the IP path the kernel looks for the next hop, and says to itself that it found none.
func TestUnreachableByOurselves(t *testing.T) {
	t.Parallel()
	a, _ := routedPair(t)
	for target, said := range map[string]string{"10.0.0.99:80": "host unreachable, says this host", "[2001:db8::99]:80": "address unreachable, says this host"} {
		t.Run(target, func(t *testing.T) {
			t.Parallel()
			r := tcpprobe(t, a, "--send=ip", "-W=10s", target)
			want := "UNREACHABLE  " + target + "  " + said + "\n"
			if advice := "The kernel asked the link for the next hop"; r.code != exit.Unreachable || !strings.Contains(r.stdout, want) || !strings.Contains(r.stdout, advice) {
				t.Errorf("exit code %d, want %d and %q", r.code, exit.Unreachable, want)
			}
		})
	}
}

func TestICMPReport(t *testing.T) {
	t.Parallel()
	n := labtest.DualStack(t)
	labtest.Nft(t, n.R1, reject)
	labtest.Nft(t, n.R1, `table inet first {
		chain forward {
			type filter hook forward priority filter
			meta nfproto ipv4 tcp dport 80 tcp flags & (syn | ack) == syn numgen inc mod 2 == 0 reject with icmp host-unreachable
			meta nfproto ipv6 tcp dport 80 tcp flags & (syn | ack) == syn numgen inc mod 2 == 0 reject with icmpv6 addr-unreachable
		}
	}`)
	for i, family := range families {
		prohibited := []string{"10.3.0.80:1013", "[2001:db8:3::80]:1001"}[i]
		code := []int{13, 1}[i]
		target := []string{"10.3.0.80:80", "[2001:db8:3::80]:80"}[i]
		t.Run(family, func(t *testing.T) {
			t.Parallel()
			t.Run("then nothing", func(t *testing.T) {
				p := probeOnce(t, n.Client, exit.Unreachable, "unreachable", "--icmp=report", "-W", "1500ms", prohibited)
				if len(p.ICMP) != 2 || p.ICMP[0].Code != code || p.ICMP[1].Code != code || p.TCP.SYNSent != 2 {
					t.Errorf("%d SYNs, ICMP %+v; want 2 SYNs and code %d for each", p.TCP.SYNSent, p.ICMP, code)
				}
			})
			t.Run("drawn", func(t *testing.T) {
				r := tcpprobe(t, n.Client, "--icmp=report", "-W", "1500ms", "-o", "mermaid", prohibited)
				// Both SYNs come to the gateway, who rejects them, and neither is lost on its way to the target.
				if syns := regexp.MustCompile(`host->>peer1: \S+ ms TCP SYN `).FindAllString(r.stdout, -1); len(syns) != 2 || strings.Contains(r.stdout, "host-x") {
					t.Errorf("%d SYNs to the gateway:\n%s", len(syns), r.stdout)
				}
				r = tcpprobe(t, n.Client, "--icmp=report", "-o", "mermaid", target)
				if !regexp.MustCompile(`(?s)host->>peer1: \S+ ms TCP SYN .*peer1->>host: \S+ ms ICMP .*host->>peer2: \S+ ms TCP SYN .*peer2->>host: \S+ ms TCP SYN,ACK`).MatchString(r.stdout) {
					t.Errorf("one SYN rejected, one answered:\n%s", r.stdout)
				}
			})
			t.Run("then an answer", func(t *testing.T) {
				p := probeOnce(t, n.Client, exit.Established, "established", "--icmp=report", target)
				if !slices.Contains(p.Findings, "icmp_then_answer") || len(p.ICMP) != 1 || p.TCP.AnsweredSYN != 2 {
					t.Errorf("findings %q, ICMP %+v, answered SYN %d; want icmp_then_answer, one, 2", p.Findings, p.ICMP, p.TCP.AnsweredSYN)
				}
			})
			t.Run("or the end", func(t *testing.T) {
				probeOnce(t, n.Client, exit.Unreachable, "unreachable", target)
			})
		})
	}
}

func TestNoNextHop(t *testing.T) {
	t.Parallel()
	a, _ := labtest.DualPair(t)
	for i, test := range []struct{ outcome, prefix, gateway, behind, nowhere string }{
		{"arp_timeout", "10.7.0.0/16", "10.0.0.99", "10.7.0.1:80", "10.8.0.1:80"},
		{"ndp_timeout", "2001:db8:7::/48", "2001:db8::99", "[2001:db8:7::1]:80", "[2001:db8:8::1]:80"},
	} {
		must(t, a.Route(netlab.Route{Dst: netip.MustParsePrefix(test.prefix), NextHop: netip.MustParseAddr(test.gateway)}))
		t.Run(families[i], func(t *testing.T) {
			t.Parallel()
			p := probeOnce(t, a, exit.NoNextHop, test.outcome, test.behind)
			if hop := [2]*neighborLine{p.ARP, p.NDP}[i]; hop == nil || hop.Address != test.gateway || hop.Attempts != 3 || hop.MAC != "" || p.TCP != nil {
				t.Errorf("a silent gateway: %+v, tcp %+v", hop, p.TCP)
			}
			p = probeOnce(t, a, exit.NoNextHop, "no_route", test.nowhere)
			if p.Route != nil || p.ARP != nil || p.NDP != nil || p.TCP != nil {
				t.Errorf("no route: route %+v, arp %+v, ndp %+v, tcp %+v", p.Route, p.ARP, p.NDP, p.TCP)
			}
		})
	}
}
