//go:build linux

package e2e_test

import (
	"net/netip"
	"slices"
	"testing"

	"tcpprobe/icmp"
	"tcpprobe/internal/netlab"
	"tcpprobe/internal/netlab/labtest"
	"tcpprobe/rawip"
	"tcpprobe/tcphdr"
)

// routedPair is labtest.DualPair with everything else behind b, which forwards nothing. About 10.9.0.0/16 and 2001:db8:9::/48 its kernel is silent.
func routedPair(t *testing.T) (a, b *netlab.Host) {
	t.Helper()
	a, b = labtest.DualPair(t)
	must(t, a.Route(netlab.Route{NextHop: netip.MustParseAddr("fe80::b"), Dev: "eth0"}))
	must(t, a.Route(netlab.Route{NextHop: netip.MustParseAddr("10.0.0.2")}))
	for _, prefix := range []string{"10.9.0.0/16", "2001:db8:9::/48"} {
		swallow(t, b, prefix)
	}
	return a, b
}

// swallow has a router let what is for a prefix vanish. For an address on its link that nobody has, it would say so three seconds after
// it was first asked.
func swallow(t *testing.T, router *netlab.Host, prefix string) {
	t.Helper()
	must(t, router.Route(netlab.Route{Dst: netip.MustParsePrefix(prefix), Type: netlab.Blackhole}))
}

// synOf reads a SYN of either family.
func synOf(datagram []byte) (ip rawip.Datagram, syn tcphdr.Header, ok bool) {
	if ip.Parse(datagram) != nil || ip.Protocol != rawip.ProtocolTCP {
		return ip, syn, false
	}
	syn, _, err := tcphdr.Parse(ip.Payload)
	return ip, syn, err == nil && syn.Flags == tcphdr.SYN
}

// headerLength returns the length in octets of the IP header that this program writes in a family.
func headerLength(v6 bool) int {
	if v6 {
		return 40
	}
	return 20
}

// hopLimited returns a datagram without extension headers or options with another hop limit, as it is quoted by who has it by then.
func hopLimited(datagram []byte, hops byte) []byte {
	datagram = slices.Clone(datagram)
	if rawip.Is6(datagram) {
		datagram[7] = hops
	} else {
		datagram[8] = hops
	}
	return datagram
}

// datagramOf returns a payload in a datagram of the family of its addresses.
func datagramOf(hops uint8, src, dst netip.Addr, protocol uint8, payload []byte) (whole []byte) {
	if src.Is6() {
		whole, _ = rawip.Header6{HopLimit: hops, Protocol: protocol, Src: src, Dst: dst}.Append(nil, payload)
	} else {
		whole, _ = rawip.Header{TTL: hops, Protocol: protocol, Src: src, Dst: dst}.Append(nil, payload)
	}
	return whole
}

// accept answers a SYN as a server does that knows the options, and the extension headers, which are without options themselves.
func accept(ip rawip.Datagram, syn tcphdr.Header, options tcphdr.Options, extensions int) []byte {
	const destinationOptions = 60
	segment, _ := tcphdr.Header{
		SrcPort: syn.DstPort, DstPort: syn.SrcPort, Seq: 1000, Ack: syn.Seq.Add(1), Flags: tcphdr.SYN | tcphdr.ACK, Window: 1024,
		Options: options,
	}.Append(nil, ip.Dst, ip.Src, nil)
	next := uint8(rawip.ProtocolTCP)
	for range extensions {
		segment = append([]byte{next, 0, 1, 4, 0, 0, 0, 0}, segment...)
		next = destinationOptions
	}
	return datagramOf(53, ip.Dst, ip.Src, next, segment)
}

// message returns an ICMP message, of the family of its addresses.
func message(hops uint8, from, to netip.Addr, m icmp.Message) []byte {
	if m.V6 = from.Is6(); m.V6 {
		return datagramOf(hops, from, to, rawip.ProtocolICMPv6, m.Append6(nil, from, to))
	}
	return datagramOf(hops, from, to, rawip.ProtocolICMP, m.Append(nil))
}

// byVersion returns the type and code of an ICMP error, which each family has its own of.
func byVersion(ip rawip.Datagram, four, six [2]int) (icmp.Type, icmp.Code) {
	if ip.Is6() {
		four = six
	}
	return icmp.Type(four[0]), icmp.Code(four[1])
}

// edited returns a datagram with other bits in one octet.
func edited(datagram []byte, at int, bits byte) []byte {
	datagram = slices.Clone(datagram)
	datagram[at] ^= bits
	return datagram
}
