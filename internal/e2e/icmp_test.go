//go:build linux

package e2e_test

import (
	"fmt"
	"net/netip"
	"slices"
	"testing"

	"tcpprobe/icmp"
	"tcpprobe/internal/exit"
	"tcpprobe/rawip"
	"tcpprobe/tcphdr"
)

// TestEveryICMPError: what each error of RFC 792, RFC 1122, RFC 1812, RFC 4443 and RFC 6554 comes to, whoever sends it, by both ways to
// send. Behind those that do not say that the SYN came to nothing, the second SYN is accepted.
func TestEveryICMPError(t *testing.T) {
	t.Parallel()
	tests := []struct {
		family     string
		kind, code int
		rest       [4]byte // octets 4 to 7: an MTU, or a pointer into the datagram
		name       string
		outcome    string
		mtu        int
	}{
		{"ipv4", 3, 0, [4]byte{}, "network unreachable", "unreachable", 0},
		{"ipv4", 3, 1, [4]byte{}, "host unreachable", "unreachable", 0},
		{"ipv4", 3, 2, [4]byte{}, "protocol unreachable", "unreachable", 0},
		{"ipv4", 3, 3, [4]byte{}, "port unreachable", "unreachable", 0},
		{"ipv4", 3, 4, [4]byte{2: 1300 >> 8, 3: 1300 & 0xff}, "fragmentation needed", "established", 1300},
		{"ipv4", 3, 5, [4]byte{}, "source route failed", "unreachable", 0},
		{"ipv4", 3, 6, [4]byte{}, "network unknown", "unreachable", 0},
		{"ipv4", 3, 7, [4]byte{}, "host unknown", "unreachable", 0},
		{"ipv4", 3, 8, [4]byte{}, "source host isolated", "unreachable", 0},
		{"ipv4", 3, 9, [4]byte{}, "network prohibited", "unreachable", 0},
		{"ipv4", 3, 10, [4]byte{}, "host prohibited", "unreachable", 0},
		{"ipv4", 3, 11, [4]byte{}, "network unreachable for TOS", "unreachable", 0},
		{"ipv4", 3, 12, [4]byte{}, "host unreachable for TOS", "unreachable", 0},
		{"ipv4", 3, 13, [4]byte{}, "administratively prohibited", "unreachable", 0},
		{"ipv4", 3, 14, [4]byte{}, "host precedence violation", "unreachable", 0},
		{"ipv4", 3, 15, [4]byte{}, "precedence cutoff", "unreachable", 0},
		{"ipv4", 11, 0, [4]byte{}, "time to live exceeded", "unreachable", 0},
		{"ipv4", 11, 1, [4]byte{}, "reassembly time exceeded", "unreachable", 0},
		{"ipv4", 12, 0, [4]byte{20}, "parameter problem", "unreachable", 0},
		{"ipv4", 12, 1, [4]byte{}, "required option missing", "unreachable", 0},
		{"ipv4", 12, 2, [4]byte{}, "bad length", "unreachable", 0},
		{"ipv6", 1, 0, [4]byte{}, "no route to destination", "unreachable", 0},
		{"ipv6", 1, 1, [4]byte{}, "administratively prohibited", "unreachable", 0},
		{"ipv6", 1, 2, [4]byte{}, "beyond scope of source address", "unreachable", 0},
		{"ipv6", 1, 3, [4]byte{}, "address unreachable", "unreachable", 0},
		{"ipv6", 1, 4, [4]byte{}, "port unreachable", "unreachable", 0},
		{"ipv6", 1, 5, [4]byte{}, "source address failed policy", "unreachable", 0},
		{"ipv6", 1, 6, [4]byte{}, "reject route to destination", "unreachable", 0},
		{"ipv6", 1, 7, [4]byte{}, "error in source routing header", "unreachable", 0},
		{"ipv6", 2, 0, [4]byte{2: 1300 >> 8, 3: 1300 & 0xff}, "packet too big", "established", 1300},
		{"ipv6", 3, 0, [4]byte{}, "hop limit exceeded", "unreachable", 0},
		{"ipv6", 3, 1, [4]byte{}, "reassembly time exceeded", "unreachable", 0},
		{"ipv6", 4, 0, [4]byte{3: 6}, "erroneous header field", "unreachable", 0},
		{"ipv6", 4, 1, [4]byte{3: 6}, "unrecognized next header", "unreachable", 0},
		{"ipv6", 4, 2, [4]byte{3: 42}, "unrecognized option", "unreachable", 0},
		{"ipv6", 4, 3, [4]byte{3: 40}, "incomplete IPv6 header chain", "unreachable", 0},
	}
	forges := make([]forge, len(tests))
	for i, test := range tests {
		forges[i] = func(ip rawip.Datagram, _ tcphdr.Header, d []byte) [][]byte {
			m := icmp.Message{Type: icmp.Type(test.kind), Code: icmp.Code(test.code), Rest: test.rest, Body: d}
			return [][]byte{message(61, hopAddress(ip, 3), ip.Src, m)}
		}
	}
	for _, send := range []string{"link", "ip"} {
		t.Run(send, func(t *testing.T) {
			t.Parallel()
			a, b := routedPair(t)
			hostileRouter(t, b, answerer(forges))
			for i, test := range tests {
				t.Run(fmt.Sprintf("%s %d %d", test.family, test.kind, test.code), func(t *testing.T) {
					t.Parallel()
					code, syns := exit.Unreachable, 1
					if test.outcome == "established" {
						code, syns = exit.Established, 2
					}
					target := netip.AddrPortFrom(numberedTarget(test.family, i), 80).String()
					p := probeOnce(t, a, code, test.outcome, "--send", send, "--close", "rst", "-W", "30s", target)
					protocol, from := "icmp", "10.9.0.3"
					if test.family == "ipv6" {
						protocol, from = "icmpv6", "2001:db8:8::3"
					}
					if len(p.ICMP) != 1 {
						t.Fatalf("ICMP %+v", p.ICMP)
					}
					if e := p.ICMP[0]; e.From != from || e.Protocol != protocol || e.Type != test.kind || e.Code != test.code || e.Name != test.name || e.MTU != test.mtu {
						t.Errorf("%+v, want %s %d/%d %q from %s, MTU %d", e, protocol, test.kind, test.code, test.name, from, test.mtu)
					}
					if p.TCP.SYNSent != syns || p.TCP.RTT == nil || *p.TCP.RTT <= 0 || p.Reason == "" {
						t.Errorf("%d SYNs, want %d; rtt %v, reason %q", p.TCP.SYNSent, syns, p.TCP.RTT, p.Reason)
					}
					if test.outcome == "established" && !slices.Contains(p.Findings, "icmp_then_answer") {
						t.Errorf("findings %q", p.Findings)
					}
				})
			}
		})
	}
}
