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

// routedPair6 is labtest.Pair with IPv6: a has 2001:db8::1 and everything else is behind b, which has fe80::b and forwards
// nothing. About 2001:db8:9::/48 its kernel is silent.
func routedPair6(t *testing.T) (a, b *netlab.Host) {
	t.Helper()
	a, b = labtest.Pair(t)
	must(t, a.EnableIPv6())
	must(t, b.EnableIPv6())
	must(t, a.Address("eth0", netip.MustParsePrefix("2001:db8::1/64")))
	must(t, b.Address("eth0", netip.MustParsePrefix("fe80::b/64")))
	must(t, b.Address("eth0", netip.MustParsePrefix("2001:db8::2/64")))
	must(t, a.Route(netlab.Route{NextHop: netip.MustParseAddr("fe80::b"), Dev: "eth0"}))
	must(t, b.Route(netlab.Route{Dst: netip.MustParsePrefix("2001:db8:9::/48"), Type: netlab.Blackhole}))
	return a, b
}

// syn6 reads a SYN.
func syn6(datagram []byte) (ip rawip.Header6, syn tcphdr.Header, ok bool) {
	ip, segment, err := rawip.Parse6(datagram)
	if err != nil || ip.Protocol != rawip.ProtocolTCP {
		return ip, syn, false
	}
	syn, _, err = tcphdr.Parse(segment)
	return ip, syn, err == nil && syn.Flags == tcphdr.SYN
}

// accept6 answers a SYN as a server does that knows no options, with as many destination options headers as there are to be, each with nothing in it.
func accept6(ip rawip.Header6, syn tcphdr.Header, extensions int) []byte {
	const destinationOptions = 60
	segment, _ := tcphdr.Header{
		SrcPort: syn.DstPort, DstPort: syn.SrcPort, Seq: 1000, Ack: syn.Seq.Add(1), Flags: tcphdr.SYN | tcphdr.ACK, Window: 1024,
	}.Append(nil, ip.Dst, ip.Src, nil)
	next := uint8(rawip.ProtocolTCP)
	for range extensions {
		segment = append([]byte{next, 0, 1, 4, 0, 0, 0, 0}, segment...)
		next = destinationOptions
	}
	whole, _ := rawip.Header6{HopLimit: 53, Protocol: next, Src: ip.Dst, Dst: ip.Src}.Append(nil, segment)
	return whole
}

// message6 returns an ICMPv6 message of the router to who sent a datagram.
func message6(to rawip.Header6, m icmp.Message) []byte {
	m.V6 = true
	router := netip.MustParseAddr("fe80::b")
	octets, _ := rawip.Header6{HopLimit: 255, Protocol: rawip.ProtocolICMPv6, Src: router, Dst: to.Src}.Append(nil, m.Append6(nil, router, to.Src))
	return octets
}

// tooBig6 is a Packet Too Big with an MTU in octets.
func tooBig6(mtu uint32, quote []byte) icmp.Message {
	return icmp.Message{Type: icmp.PacketTooBig6, Rest: [4]byte(binary.BigEndian.AppendUint32(nil, mtu)), Body: quote}
}

// redirect6 is a redirect (RFC 4861 4.5) to fe80::66, which is nobody's.
func redirect6(about rawip.Header6, quote []byte) icmp.Message {
	quote = append(slices.Clone(quote), make([]byte, -len(quote)&7)...)
	const redirected = 4 // Redirected Header option (RFC 4861 4.6.3)
	return icmp.Message{Type: 137, Body: slices.Concat(
		netip.MustParseAddr("fe80::66").AsSlice(), about.Dst.AsSlice(), []byte{redirected, byte(1 + len(quote)/8), 0, 0, 0, 0, 0, 0}, quote,
	)}
}

// edited6 returns a datagram with other bits in one octet.
func edited6(datagram []byte, at int, bits byte) []byte {
	datagram = slices.Clone(datagram)
	datagram[at] ^= bits
	return datagram
}

// TestForgeries6: what a host on the path sends in answer to the first SYN changes neither this host's routes nor, unless it says
// that the SYN came to nothing, the verdict. Where there is to be one in spite of it, the second SYN is accepted.
func TestForgeries6(t *testing.T) {
	t.Parallel()
	const (
		labelOctet    = 3      // the last one of the flow label, in an IPv6 header
		sequenceOctet = 40 + 7 // the last one of the sequence number, in a TCP header behind it
	)
	type forge func(ip rawip.Header6, syn tcphdr.Header, datagram []byte) [][]byte
	about := func(m func(ip rawip.Header6, d []byte) icmp.Message) forge {
		return func(ip rawip.Header6, _ tcphdr.Header, d []byte) [][]byte { return [][]byte{message6(ip, m(ip, d))} }
	}
	unreachable := func(edit func(d []byte) []byte) forge {
		return about(func(_ rawip.Header6, d []byte) icmp.Message {
			return icmp.Message{Type: icmp.DestinationUnreachable6, Code: 3, Body: edit(d)}
		})
	}
	tests := []struct {
		name     string
		forge    forge
		code     int
		outcome  string
		errors   int      // ICMP errors that count
		findings []string // beside that the SYN was sent again
	}{
		{"too big, below the minimum", about(func(_ rawip.Header6, d []byte) icmp.Message { return tooBig6(1000, d) }), exit.Established, "established", 1, []string{"mtu_below_minimum"}},
		{"too big, of no octets", about(func(_ rawip.Header6, d []byte) icmp.Message { return tooBig6(0, d) }), exit.Established, "established", 1, []string{"mtu_below_minimum"}},
		{"too big", about(func(_ rawip.Header6, d []byte) icmp.Message { return tooBig6(1300, d) }), exit.Established, "established", 1, []string{"icmp_then_answer"}},
		{"too big, about nothing of ours", about(func(_ rawip.Header6, d []byte) icmp.Message { return tooBig6(1300, edited6(d, sequenceOctet, 1)) }), exit.Established, "established", 0, nil},
		{"a redirect", about(func(ip rawip.Header6, d []byte) icmp.Message { return redirect6(ip, d) }), exit.Established, "established", 0, nil},
		{"another sequence number", unreachable(func(d []byte) []byte { return edited6(d, sequenceOctet, 1) }), exit.Established, "established", 0, nil},
		{"another label", unreachable(func(d []byte) []byte { return edited6(d, labelOctet, 0x55) }), exit.Unreachable, "unreachable", 1, nil},
		{"no label", unreachable(func(d []byte) []byte { d = slices.Clone(d); d[1], d[2], d[3] = 0, 0, 0; return d }), exit.Unreachable, "unreachable", 1, nil},
		{"a quote that ends in its header", unreachable(func(d []byte) []byte { return d[:39] }), exit.Established, "established", 0, nil},
		{"a quote that ends before the sequence number", unreachable(func(d []byte) []byte { return d[:44] }), exit.Established, "established", 0, nil},
		{"more extension headers than anybody sends", func(ip rawip.Header6, syn tcphdr.Header, _ []byte) [][]byte { return [][]byte{accept6(ip, syn, 100)} }, exit.Established, "established", 0, nil},
		{"an extension header that ends nowhere", func(ip rawip.Header6, syn tcphdr.Header, _ []byte) [][]byte {
			d := accept6(ip, syn, 1)
			d[41] = 255 // its length
			return [][]byte{d}
		}, exit.Established, "established", 0, nil},
	}
	const control = 255 // the number of the target that a raw socket is connected to
	for _, send := range []string{"link", "ip"} {
		t.Run(send, func(t *testing.T) {
			t.Parallel()
			a, b := routedPair6(t)
			seen := make(map[netip.AddrPort]bool) // destinations, and ports of ours
			hostileRouter(t, b, func(datagram []byte) [][]byte {
				ip, syn, ok := syn6(datagram)
				if !ok {
					return nil
				}
				key := netip.AddrPortFrom(ip.Dst, syn.SrcPort)
				if seen[key] {
					return [][]byte{accept6(ip, syn, 0)}
				}
				seen[key] = true
				number := ip.Dst.As16()[15]
				if number == control {
					return [][]byte{message6(ip, tooBig6(1300, datagram)), message6(ip, redirect6(ip, datagram))}
				}
				return tests[number].forge(ip, syn, datagram)
			})
			resets := labtest.SNMP(t, a)["Tcp.OutRsts"]
			t.Run("all", func(t *testing.T) {
				for i, test := range tests {
					t.Run(test.name, func(t *testing.T) {
						t.Parallel()
						target := fmt.Sprintf("2001:db8:9::%x", i)
						before := ipCommand(t, a, "-6 route get "+target)
						p := probeOnce(t, a, test.code, test.outcome, "--send", send, "--close", "rst", "-W", "30s", "["+target+"]:80")
						if len(p.ICMP) != test.errors {
							t.Errorf("%d ICMP errors, want %d: %+v", len(p.ICMP), test.errors, p.ICMP)
						}
						findings := slices.DeleteFunc(p.Findings, func(f string) bool { return f == "syn_retransmitted" || f == "repathed" })
						if !slices.Equal(findings, test.findings) {
							t.Errorf("findings %q, want %q", findings, test.findings)
						}
						if after := ipCommand(t, a, "-6 route get "+target); after != before {
							t.Errorf("the route was\n%snow it is\n%s", before, after)
						}
					})
				}
			})
			nothingLeft(t, a, resets)

			// And now as it would be, if a raw socket were connected.
			target := netip.AddrFrom16([16]byte{0x20, 0x01, 0x0d, 0xb8, 0, 9, 15: control})
			must(t, a.Do(func() error {
				fd, err := unix.Socket(unix.AF_INET6, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.IPPROTO_TCP)
				if err != nil {
					return err
				}
				t.Cleanup(func() { unix.Close(fd) })
				return unix.Connect(fd, &unix.SockaddrInet6{Addr: target.As16()})
			}))
			probeOnce(t, a, exit.Established, "established", "--send", send, "--close", "rst", "-W", "30s", fmt.Sprintf("[%v]:80", target))
			if said := ipCommand(t, a, "-6 route get "+target.String()); !strings.Contains(said, "fe80::66") && !strings.Contains(said, "mtu 1300") {
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
				a, b := routedPair6(t)
				var flooded atomic.Bool
				hostileRouter(t, b, func(datagram []byte) (replies [][]byte) {
					if ip, syn, ok := syn6(datagram); ok {
						return [][]byte{accept6(ip, syn, 0)}
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
