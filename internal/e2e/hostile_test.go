//go:build linux

package e2e_test

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"golang.org/x/sys/unix"

	"tcpprobe/icmp"
	"tcpprobe/internal/exit"
	"tcpprobe/internal/netlab"
	"tcpprobe/internal/netlab/labtest"
	"tcpprobe/ndp"
	"tcpprobe/rawip"
	"tcpprobe/tcphdr"
)

// router is who sends what is forged, in either family: the next hop.
func router(ip rawip.Datagram) netip.Addr {
	if ip.Is6() {
		return netip.MustParseAddr("fe80::b")
	}
	return netip.MustParseAddr("10.0.0.2")
}

// tooBig says that a datagram of more octets than the MTU does not fit.
func tooBig(ip rawip.Datagram, mtu uint32, quote []byte) icmp.Message {
	m := icmp.Message{Rest: [4]byte(binary.BigEndian.AppendUint32(nil, mtu)), Body: quote}
	m.Type, m.Code = byVersion(ip, [2]int{3, 4}, [2]int{2, 0})
	return m
}

// redirect says that the target's next hop is 10.0.0.66 or fe80::66 (RFC 792, RFC 4861 4.5), which is nobody's.
func redirect(about rawip.Datagram, quote []byte) icmp.Message {
	if !about.Is6() {
		return icmp.Message{Type: icmp.Redirect, Code: 1, Rest: [4]byte{10, 0, 0, 66}, Body: quote}
	}
	quote = append(slices.Clone(quote), make([]byte, -len(quote)&7)...)
	const redirected = 4 // Redirected Header option (RFC 4861 4.6.3)
	return icmp.Message{Type: 137, Body: slices.Concat(
		netip.MustParseAddr("fe80::66").AsSlice(), about.Dst.AsSlice(), []byte{redirected, byte(1 + len(quote)/8), 0, 0, 0, 0, 0, 0}, quote,
	)}
}

// forge returns what a host on the path sends in answer to a SYN.
type forge func(ip rawip.Datagram, syn tcphdr.Header, datagram []byte) [][]byte

// about returns the forge of an ICMP error about the SYN.
func about(m func(ip rawip.Datagram, d []byte) icmp.Message) forge {
	return func(ip rawip.Datagram, _ tcphdr.Header, d []byte) [][]byte {
		return [][]byte{message(255, router(ip), ip.Src, m(ip, d))}
	}
}

// unreachable returns the forge of an error that the target's address is not reached, with an edited quote.
func unreachable(edit func(d []byte) []byte) forge {
	return about(func(ip rawip.Datagram, d []byte) icmp.Message {
		m := icmp.Message{Body: edit(d)}
		m.Type, m.Code = byVersion(ip, [2]int{3, 1}, [2]int{1, 3})
		return m
	})
}

// behindHeader returns an edit of an octet of the TCP header.
func behindHeader(at int, bits byte) func([]byte) []byte {
	return func(d []byte) []byte { return edited(d, headerLength(rawip.Is6(d))+at, bits) }
}

// cutBehind returns an edit that leaves so many octets of the TCP header; of the IP header, if there are less than none.
func cutBehind(octets int) func([]byte) []byte {
	return func(d []byte) []byte { return d[:headerLength(rawip.Is6(d))+octets] }
}

// numbered returns an edit of what tells repetitions of a SYN apart: the last octet of flow label or Identification.
func numbered(edit func(byte) byte) func([]byte) []byte {
	return func(d []byte) []byte {
		d = slices.Clone(d)
		at := 5 // of the Identification
		if rawip.Is6(d) {
			at = 3
		}
		d[at] = edit(d[at])
		return d
	}
}

// answerer answers SYNs to numbered targets, 10.9.0.N and 2001:db8:9::N: the first to each by its forge, those after it by a SYN-ACK.
func answerer(forges []forge) func(datagram []byte) [][]byte {
	seen := make(map[netip.AddrPort]bool) // destinations, and ports of ours
	return func(datagram []byte) [][]byte {
		ip, syn, ok := synOf(datagram)
		if !ok {
			return nil
		}
		key := netip.AddrPortFrom(ip.Dst, syn.SrcPort)
		if seen[key] {
			return [][]byte{accept(ip, syn, nil, 0)}
		}
		seen[key] = true
		octets := ip.Dst.AsSlice()
		return forges[octets[len(octets)-1]](ip, syn, datagram)
	}
}

// numberedTarget returns the address of an answerer's target in a family.
func numberedTarget(family string, number int) netip.Addr {
	if family == "ipv6" {
		return netip.AddrFrom16([16]byte{0x20, 0x01, 0x0d, 0xb8, 0, 9, 15: byte(number)})
	}
	return netip.AddrFrom4([4]byte{10, 9, 0, byte(number)})
}

// routeTo returns what the kernel says about the way to an address.
func routeTo(t *testing.T, h *netlab.Host, a netip.Addr) string {
	t.Helper()
	family := "-4"
	if a.Is6() {
		family = "-6"
	}
	return ipCommand(t, h, family+" route get "+a.String())
}

// TestForgeries: what a host on the path sends in answer to the first SYN changes neither this host's routes nor, unless it says
// that the SYN came to nothing, the verdict. Where there is to be one in spite of it, the second SYN is accepted.
func TestForgeries(t *testing.T) {
	t.Parallel()
	const sequenceOctet = 7 // the last one of the sequence number, in a TCP header
	tests := []struct {
		name     string
		family   string // "" for both
		forge    forge
		code     int
		outcome  string
		errors   int      // ICMP errors that count
		findings []string // beside that the SYN was sent again
	}{
		{"too big, below the minimum", "ipv6", about(func(ip rawip.Datagram, d []byte) icmp.Message { return tooBig(ip, 1000, d) }), exit.Established, "established", 1, []string{"mtu_below_minimum"}},
		{"too big, of no octets", "ipv6", about(func(ip rawip.Datagram, d []byte) icmp.Message { return tooBig(ip, 0, d) }), exit.Established, "established", 1, []string{"mtu_below_minimum"}},
		{"too big", "ipv6", about(func(ip rawip.Datagram, d []byte) icmp.Message { return tooBig(ip, 1300, d) }), exit.Established, "established", 1, []string{"icmp_then_answer"}},
		{"too big, about nothing of ours", "", about(func(ip rawip.Datagram, d []byte) icmp.Message {
			return tooBig(ip, 1300, behindHeader(sequenceOctet, 1)(d))
		}), exit.Established, "established", 0, nil},
		{"a redirect", "", about(redirect), exit.Established, "established", 0, nil},
		{"another sequence number", "", unreachable(behindHeader(sequenceOctet, 1)), exit.Established, "established", 0, nil},
		{"another label or Identification", "", unreachable(numbered(func(b byte) byte { return b ^ 0x55 })), exit.Unreachable, "unreachable", 1, nil},
		{"no label", "ipv6", unreachable(func(d []byte) []byte { d = slices.Clone(d); d[1], d[2], d[3] = 0, 0, 0; return d }), exit.Unreachable, "unreachable", 1, nil},
		{"a quote that ends in its header", "", unreachable(cutBehind(-1)), exit.Established, "established", 0, nil},
		{"a quote that ends before the sequence number", "", unreachable(cutBehind(4)), exit.Established, "established", 0, nil},
		{"more extension headers than anybody sends", "ipv6", func(ip rawip.Datagram, syn tcphdr.Header, _ []byte) [][]byte {
			return [][]byte{accept(ip, syn, nil, 100)}
		}, exit.Established, "established", 0, nil},
		{"an extension header that ends nowhere", "ipv6", func(ip rawip.Datagram, syn tcphdr.Header, _ []byte) [][]byte {
			d := accept(ip, syn, nil, 1)
			d[41] = 255 // its length
			return [][]byte{d}
		}, exit.Established, "established", 0, nil},
		{"a header that ends nowhere", "ipv4", func(ip rawip.Datagram, syn tcphdr.Header, _ []byte) [][]byte {
			return [][]byte{edited(accept(ip, syn, nil, 0), 0, 0x4f^0x45)}
		}, exit.Established, "established", 0, nil},
	}
	forges := make([]forge, 256)
	for i, test := range tests {
		forges[i] = test.forge
	}
	const control = 255 // the number of the target that a raw socket is connected to
	forges[control] = func(ip rawip.Datagram, _ tcphdr.Header, d []byte) [][]byte {
		return [][]byte{message(255, router(ip), ip.Src, tooBig(ip, 1300, d)), message(255, router(ip), ip.Src, redirect(ip, d))}
	}
	for _, send := range []string{"link", "ip"} {
		t.Run(send, func(t *testing.T) {
			t.Parallel()
			a, b := routedPair(t)
			hostileRouter(t, b, answerer(forges))
			resets := labtest.SNMP(t, a)["Tcp.OutRsts"]
			t.Run("all", func(t *testing.T) {
				for i, test := range tests {
					for _, family := range families {
						if test.family != "" && test.family != family {
							continue
						}
						t.Run(test.name+"/"+family, func(t *testing.T) {
							t.Parallel()
							target := numberedTarget(family, i)
							before := routeTo(t, a, target)
							p := probeOnce(t, a, test.code, test.outcome, "--send", send, "--close", "rst", "-W", "30s", netip.AddrPortFrom(target, 80).String())
							if len(p.ICMP) != test.errors {
								t.Errorf("%d ICMP errors, want %d: %+v", len(p.ICMP), test.errors, p.ICMP)
							}
							findings := slices.DeleteFunc(p.Findings, func(f string) bool { return f == "syn_retransmitted" || f == "repathed" })
							if !slices.Equal(findings, test.findings) {
								t.Errorf("findings %q, want %q", findings, test.findings)
							}
							if after := routeTo(t, a, target); after != before {
								t.Errorf("the route was\n%snow it is\n%s", before, after)
							}
						})
					}
				}
			})
			nothingLeft(t, a, resets)

			// And now as it would be, if a raw socket were connected.
			target := numberedTarget("ipv6", control)
			must(t, a.Do(func() error {
				fd, err := unix.Socket(unix.AF_INET6, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.IPPROTO_TCP)
				if err != nil {
					return err
				}
				t.Cleanup(func() { unix.Close(fd) })
				return unix.Connect(fd, &unix.SockaddrInet6{Addr: target.As16()})
			}))
			probeOnce(t, a, exit.Established, "established", "--send", send, "--close", "rst", "-W", "30s", fmt.Sprintf("[%v]:80", target))
			if said := routeTo(t, a, target); !strings.Contains(said, "fe80::66") && !strings.Contains(said, "mtu 1300") {
				t.Errorf("the kernel does not follow what is forged at all: %s", said)
			}
		})
	}
}

// TestFloodOfAdvertisements: thousands of advertisements that must not be believed come before the one that answers, and the text
// stays short. Where they must be, two stations are in conflict.
func TestFloodOfAdvertisements(t *testing.T) {
	t.Parallel()
	ours, target := netip.MustParseAddr("2001:db8::1"), netip.MustParseAddr("2001:db8::80")
	theirs := [6]byte{0x02, 0, 10, 0, 0, 2} // host b of labtest.Pair
	advertise := func(mac [6]byte, edit func(*ndp.Packet)) []byte {
		p := ndp.Packet{
			Src: target, Dst: ours, HopLimit: ndp.HopLimit, Type: ndp.Advertisement, Flags: ndp.Solicited | ndp.Override, Target: target,
			Options: []ndp.Option{{Type: ndp.TargetMAC, Data: mac[:]}},
		}
		edit(&p)
		octets, _ := p.Append(nil)
		return octets
	}
	const flood = 2000 // of each kind
	asItIs := func(*ndp.Packet) {}
	unbelievable := func(n int) (all [][]byte) {
		mac := [6]byte{0x02, 0x66, 0, 0, byte(n >> 8), byte(n)}
		wrongSum := advertise(mac, asItIs)
		wrongSum[42]++
		return [][]byte{
			advertise(mac, func(p *ndp.Packet) { p.HopLimit = 254 }),
			advertise(mac, func(p *ndp.Packet) { p.Code = 1 }),
			advertise(mac, func(p *ndp.Packet) { p.Options = nil }),
			advertise(mac, func(p *ndp.Packet) { p.Target = netip.MustParseAddr("2001:db8::81") }),
			wrongSum,
		}
	}
	believable := func(n int) [][]byte {
		return [][]byte{advertise([6]byte{0x02, 0x66, 0, 0, byte(n >> 8), byte(n)}, asItIs)}
	}
	for _, test := range []struct {
		name     string
		before   func(n int) [][]byte
		conflict bool
	}{{"unbelievable", unbelievable, false}, {"believable", believable, true}} {
		for _, send := range []string{"link", "ip"} {
			t.Run(test.name+" "+send, func(t *testing.T) {
				t.Parallel()
				a, b := routedPair(t)
				var flooded atomic.Bool
				hostileRouter(t, b, func(datagram []byte) (replies [][]byte) {
					if ip, syn, ok := synOf(datagram); ok {
						return [][]byte{accept(ip, syn, nil, 0)}
					}
					p, _, err := ndp.Parse(datagram)
					if err != nil || p.Type != ndp.Solicitation || p.Target != target || p.Src != ours {
						return nil
					}
					// There are so many that the one behind them may find no room: who asks again gets nothing else.
					for n := 0; n < flood && !flooded.Load(); n++ {
						replies = append(replies, test.before(n)...)
					}
					flooded.Store(true)
					return append(replies, advertise(theirs, asItIs))
				})
				args := []string{"--send", send, "--close", "rst", "-W", "30s", "[2001:db8::80]:80"}
				p := probeOnce(t, a, exit.Established, "established", args...)
				if send == "link" && slices.Contains(p.Findings, "ndp_conflict") != test.conflict {
					t.Errorf("findings %q", p.Findings)
				}
				if slices.Contains(p.Findings, "address_conflict") {
					t.Errorf("findings %q", p.Findings)
				}
				if send == "link" && !test.conflict && p.NDP.MAC != "02:00:0a:00:00:02" {
					t.Errorf("the next hop is at %s", p.NDP.MAC)
				}
				flooded.Store(false)
				must(t, a.Command(t.Context(), "ip", "neigh", "flush", "all").Run())
				if r := tcpprobe(t, a, args...); r.code != exit.Established || strings.Count(r.stdout, "\n") > 200 {
					t.Errorf("exit code %d, %d lines\n%.2000s", r.code, strings.Count(r.stdout, "\n"), r.stdout)
				}
				nothingLeft(t, a, 0)
			})
		}
	}
}
