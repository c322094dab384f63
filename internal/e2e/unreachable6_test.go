//go:build linux

package e2e_test

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"tcpprobe/internal/exit"
	"tcpprobe/internal/netlab"
	"tcpprobe/internal/netlab/labtest"
)

// reject6 is reject for IPv6: ports are 1000 and the code.
const reject6 = `table ip6 refusals {
	chain forward {
		type filter hook forward priority filter
		tcp dport 1000 reject with icmpv6 no-route
		tcp dport 1001 reject with icmpv6 admin-prohibited
		tcp dport 1003 reject with icmpv6 addr-unreachable
		tcp dport 1004 reject with icmpv6 port-unreachable
		tcp dport 1005 reject with icmpv6 policy-fail
		tcp dport 1006 reject with icmpv6 reject-route
		tcp dport 1100 reject with tcp reset
	}
}`

// TestUnreachable6: what ICMPv6 errors say, by both ways to send, row by row.
func TestUnreachable6(t *testing.T) {
	t.Parallel()
	n := labtest.DualStack(t)
	labtest.Nft(t, n.R1, reject6)
	rejects := func(t *testing.T, send, target, from string, kind, code int, name string, args ...string) probeLine {
		t.Helper()
		p := probeOnce(t, n.Client, exit.Unreachable, "unreachable", append([]string{"--send", send, target}, args...)...)
		if len(p.ICMP) != 1 {
			t.Fatalf("%d ICMP errors, want 1", len(p.ICMP))
		}
		i := p.ICMP[0]
		if i.From != from || i.Type != kind || i.Code != code || i.Name != name || i.Protocol != "icmpv6" {
			t.Errorf("%s %s %d/%d %q; want %s icmpv6 %d/%d %q", i.From, i.Protocol, i.Type, i.Code, i.Name, from, kind, code, name)
		}
		if p.TCP.RTT == nil || *p.TCP.RTT <= 0 || p.TCP.AnsweredSYN < 1 {
			t.Errorf("SYN %d, rtt %v", p.TCP.AnsweredSYN, p.TCP.RTT)
		}
		return p
	}
	for prefix, kind := range map[string]netlab.RouteType{
		"2001:db8:a0::/48": netlab.Unreachable, "2001:db8:a1::/48": netlab.Prohibit, "2001:db8:a2::/48": netlab.Blackhole,
	} {
		must(t, n.R2.Route(netlab.Route{Dst: netip.MustParsePrefix(prefix), Type: kind}))
	}
	for _, send := range []string{"link", "ip"} {
		for code, name := range map[int]string{
			0: "no route to destination", 1: "administratively prohibited", 3: "address unreachable", 4: "port unreachable",
			5: "source address failed policy", 6: "reject route to destination",
		} {
			t.Run(fmt.Sprintf("1 %d %s", code, send), func(t *testing.T) {
				p := rejects(t, send, fmt.Sprintf("[2001:db8:3::80]:%d", 1000+code), "2001:db8:1::1", 1, code, name)
				if p.TCP.SYNSent != 1 || p.ICMP[0].Hops != 1 {
					t.Errorf("%d SYNs, %d hops", p.TCP.SYNSent, p.ICMP[0].Hops)
				}
			})
		}
		t.Run("routes "+send, func(t *testing.T) {
			rejects(t, send, "[2001:db8:a0::1]:80", "2001:db8:2::2", 1, 0, "no route to destination")
			rejects(t, send, "[2001:db8:a1::1]:80", "2001:db8:2::2", 1, 1, "administratively prohibited")
			p := probeOnce(t, n.Client, exit.Timeout, "timeout", "--send", send, "[2001:db8:a2::1]:80", "-W", "100ms")
			if p.TCP.SYNSent != 1 || p.ICMP != nil {
				t.Errorf("from a black hole: %d SYNs, ICMP %+v", p.TCP.SYNSent, p.ICMP)
			}
		})
		t.Run("hop limit "+send, func(t *testing.T) {
			rejects(t, send, "[2001:db8:3::80]:80", "2001:db8:1::1", 3, 0, "hop limit exceeded", "--ttl", "1")
			rejects(t, send, "[2001:db8:3::80]:80", "2001:db8:2::2", 3, 0, "hop limit exceeded", "--ttl", "2")
		})
		t.Run("silent neighbour "+send, func(t *testing.T) {
			rejects(t, send, "[2001:db8:3::99]:80", "2001:db8:2::2", 1, 3, "address unreachable", "-W", "10s")
		})
		t.Run("reset by a firewall "+send, func(t *testing.T) {
			probeOnce(t, n.Client, exit.Refused, "refused", "--send", send, "[2001:db8:3::80]:1100")
		})
	}
}

// TestExtensionHeaders: a server that puts extension headers in front of its SYN-ACK is heard by both ways to send.
func TestExtensionHeaders(t *testing.T) {
	t.Parallel()
	n := labtest.DualStack(t)
	padding := string([]byte{0, 0, 1, 4, 0, 0, 0, 0}) // an options header with nothing but PadN
	for port, options := range map[int][]int{7001: {unix.IPV6_DSTOPTS}, 7002: {unix.IPV6_HOPOPTS}, 7003: {unix.IPV6_HOPOPTS, unix.IPV6_DSTOPTS}} {
		listener, err := n.Server.Listen("tcp", fmt.Sprintf("[2001:db8:3::80]:%d", port))
		must(t, err)
		t.Cleanup(func() { listener.Close() })
		raw, err := listener.(syscall.Conn).SyscallConn()
		must(t, err)
		must(t, raw.Control(func(fd uintptr) {
			for _, option := range options {
				if err := unix.SetsockoptString(int(fd), unix.SOL_IPV6, option, padding); err != nil {
					t.Fatalf("option %d: %v", option, err)
				}
			}
		}))
		for _, send := range []string{"link", "ip"} {
			p := probeOnce(t, n.Client, exit.Established, "established", "--send", send, "--close", "rst", fmt.Sprintf("[2001:db8:3::80]:%d", port))
			if p.TCP.SYNSent != 1 || len(p.Findings) != 0 {
				t.Errorf("options %v by %s: %d SYNs, findings %v", options, send, p.TCP.SYNSent, p.Findings)
			}
		}
	}
}

// TestRepathed: where the first flow label leads into a black hole, and the next does not, the handshake succeeds and says so.
func TestRepathed(t *testing.T) {
	t.Parallel()
	n := labtest.DualStack(t)
	// The router drops each first SYN of a connection, as a broken path would.
	labtest.Nft(t, n.R1, `table ip6 broken {
		set seen { type ipv6_addr . inet_service; flags dynamic; timeout 1m; }
		chain forward {
			type filter hook forward priority filter
			tcp dport 80 tcp flags & (syn | ack) == syn ip6 saddr . tcp sport @seen accept
			tcp dport 80 tcp flags & (syn | ack) == syn add @seen { ip6 saddr . tcp sport } drop
		}
	}`)
	for _, test := range []struct {
		args []string
		want bool
	}{{nil, true}, {[]string{"--flow-label", "0x12345"}, false}} {
		p := probeOnce(t, n.Client, exit.Established, "established", append(test.args, "[2001:db8:3::80]:80")...)
		if p.TCP.AnsweredSYN != 2 || slices.Contains(p.Findings, "repathed") != test.want || !slices.Contains(p.Findings, "syn_retransmitted") {
			t.Errorf("%v: SYN %d, findings %v", test.args, p.TCP.AnsweredSYN, p.Findings)
		}
	}
	if r := tcpprobe(t, n.Client, "-v", "[2001:db8:3::80]:80"); r.code != exit.Established || !strings.Contains(r.stdout, "another flow label") {
		t.Errorf("exit code %d: %s", r.code, r.stdout)
	}
}
