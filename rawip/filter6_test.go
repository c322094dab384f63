package rawip_test

import (
	"fmt"
	"net/netip"
	"slices"
	"testing"

	"golang.org/x/net/bpf"

	"tcpprobe/rawip"
)

const etherTypeIPv6 = 0x86dd

// Extension headers, without the number of the next one.
var extensions6 = map[uint8][]byte{
	0:  {0, 0, 1, 4, 0, 0, 0, 0},                                  // hop-by-hop options
	60: {0, 1, 1, 12, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0},         // destination options, of two units
	43: {0, 0, 4, 0, 0, 0, 0, 0},                                  // routing
	44: {0, 0, 0, 0, 9, 9, 9, 9},                                  // fragment, and the only one
	51: {0, 1, 0, 0, 0, 0, 0, 1, 0, 0, 0, 2},                      // authentication
	50: {0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}, // ESP
}

// chained returns a datagram whose payload stands behind extension headers.
func chained(t *testing.T, src, dst netip.Addr, protocol uint8, payload []byte, numbers ...uint8) []byte {
	t.Helper()
	first, next := protocol, protocol
	for _, number := range slices.Backward(numbers) {
		header := slices.Clone(extensions6[number])
		header[0] = next
		payload = append(header, payload...)
		first, next = number, number
	}
	b, err := rawip.Header6{HopLimit: 64, Protocol: first, Src: src, Dst: dst}.Append(nil, payload)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// segment6 returns a datagram that holds a TCP segment, as far as its flags, behind extension headers.
func segment6(t *testing.T, src, dst string, numbers ...uint8) []byte {
	t.Helper()
	s, d := netip.MustParseAddrPort(src), netip.MustParseAddrPort(dst)
	payload := []byte{byte(s.Port() >> 8), byte(s.Port()), byte(d.Port() >> 8), byte(d.Port()), 0x51, 0x52, 0x53, 0x54, 0, 0, 0, 0, 0x50, 2}
	return chained(t, s.Addr(), d.Addr(), rawip.ProtocolTCP, payload, numbers...)
}

const (
	local6  = "[2001:db8::1]:40001"
	server6 = "[2001:db8::80]:80"
)

func TestFilter6Ports(t *testing.T) {
	locals := []netip.AddrPort{
		netip.MustParseAddrPort("[2001:db8::1]:50001"), netip.MustParseAddrPort(local6), netip.MustParseAddrPort("[2001:db8::2]:40003"),
		netip.MustParseAddrPort("[fe80::1%eth0]:40004"), netip.MustParseAddrPort("192.0.2.1:40005"),
	}
	for local, want := range map[string]bool{
		"[2001:db8::1]:50001":   true,
		local6:                  true,
		"[2001:db8::2]:40003":   true,
		"[fe80::1]:40004":       true,
		"[2001:db8::2]:40001":   false,
		"[2001:db8::3]:40001":   false,
		"[2001:db8:1::1]:40001": false, // another network
		"[2001:db9::1]:40001":   false,
		"[2001:db8::1]:40003":   false,
	} {
		for packetType, datagram := range map[uint32][]byte{packetOutgoing: segment6(t, local, server6), packetHost: segment6(t, server6, local)} {
			if runFilter(t, locals, etherTypeIPv6, packetType, datagram) != want {
				t.Errorf("type %d, %s passes: %t, want %t", packetType, local, !want, want)
			}
			if runFilter(t, locals, etherTypeIPv4, packetType, datagram) || runFilter(t, locals, etherTypeIPv6, packetOtherHost, datagram) {
				t.Errorf("%s passes as what it is not", local)
			}
		}
		if runFilter(t, locals, etherTypeIPv6, packetHost, segment6(t, local, server6)) || runFilter(t, locals, etherTypeIPv6, packetOutgoing, segment6(t, server6, local)) {
			t.Errorf("%s passes the other way round", local)
		}
	}
	if !runFilter(t, locals, etherTypeIPv4, packetHost, segment(t, "198.51.100.80:80", "192.0.2.1:40005")) {
		t.Error("IPv4 beside it does not pass")
	}
	var many []netip.AddrPort
	for i := range uint16(5000) {
		many = append(many, netip.AddrPortFrom(netip.MustParseAddr("2001:db8::1"), 60000-3*i))
	}
	for port, want := range map[uint16]bool{60000: true, 60001: false, 45003: true, 45002: false} {
		if runFilter(t, many, etherTypeIPv6, packetHost, segment6(t, server6, fmt.Sprintf("[2001:db8::1]:%d", port))) != want {
			t.Errorf("of many ports, %d passes: %t", port, !want)
		}
	}
}

// TestFilter6Extensions: what is behind up to four extension headers passes, in every order, whole or cut off behind the ports.
func TestFilter6Extensions(t *testing.T) {
	locals := []netip.AddrPort{netip.MustParseAddrPort(local6)}
	walked := []uint8{0, 60, 43, 44}
	var chains [][]uint8
	for _, a := range walked {
		chains = append(chains, []uint8{a})
		for _, b := range walked {
			chains = append(chains, []uint8{a, b})
			for _, c := range walked {
				chains = append(chains, []uint8{a, b, c}, []uint8{a, b, c, 60})
			}
		}
	}
	for _, chain := range chains {
		received := segment6(t, server6, local6, chain...)
		if !runFilter(t, locals, etherTypeIPv6, packetHost, received) || !runFilter(t, locals, etherTypeIPv6, packetOutgoing, segment6(t, local6, server6, chain...)) {
			t.Errorf("%v: does not pass", chain)
		}
		for _, other := range []string{"[2001:db8::1]:40002", "[2001:db8::2]:40001"} {
			if runFilter(t, locals, etherTypeIPv6, packetHost, segment6(t, server6, other, chain...)) {
				t.Errorf("%v: what is for another passes", chain)
			}
		}
		for n := range received[:len(received)-10] { // the ports are whole
			if runFilter(t, locals, etherTypeIPv6, packetHost, received[:n]) {
				t.Errorf("%v: %d octets of %d pass", chain, n, len(received))
			}
		}
	}
	for _, chain := range [][]uint8{{0, 60, 43, 44, 60}, {50}, {51}, {60, 50}} {
		if runFilter(t, locals, etherTypeIPv6, packetHost, segment6(t, server6, local6, chain...)) {
			t.Errorf("%v: passes", chain)
		}
	}
	fragment := segment6(t, server6, local6, 0, 44)
	const offset = 40 + 8 + 2
	for octets, want := range map[[2]byte]bool{{0, 0}: true, {0, 1}: true, {0, 8}: false, {0, 9}: false, {0xff, 0xf8}: false} {
		if runFilter(t, locals, etherTypeIPv6, packetHost, edited(fragment, offset, octets[:]...)) != want {
			t.Errorf("fragment offset % x passes: %t", octets, !want)
		}
	}
}

func TestFilter6Errors(t *testing.T) {
	locals := []netip.AddrPort{netip.MustParseAddrPort(local6)}
	router := netip.MustParseAddr("2001:db8:9::9")
	message := func(kind byte, dst string, protocol uint8, chain ...uint8) []byte {
		return chained(t, router, netip.MustParseAddr(dst), protocol, []byte{kind, 0, 0, 0, 0, 0, 0, 0}, chain...)
	}
	for kind := range 256 {
		want := 1 <= kind && kind <= 4
		if got := runFilter(t, locals, etherTypeIPv6, packetHost, message(byte(kind), "2001:db8::1", 58)); got != want {
			t.Errorf("type %d passes: %t", kind, got)
		}
	}
	if !runFilter(t, locals, etherTypeIPv6, packetHost, message(3, "2001:db8::1", 58, 0, 60)) {
		t.Error("behind extension headers it does not pass")
	}
	for name, b := range map[string][]byte{"to another": message(3, "2001:db8::2", 58), "ICMP of IPv4": message(3, "2001:db8::1", 1)} {
		if runFilter(t, locals, etherTypeIPv6, packetHost, b) {
			t.Errorf("%s: passes", name)
		}
	}
	if runFilter(t, locals, etherTypeIPv6, packetOutgoing, message(3, "2001:db8::1", 58)) {
		t.Error("what leaves passes")
	}
}

// TestFilter6VLAN: what has the tag of a VLAN is that VLAN's; a tag with a priority alone is none.
func TestFilter6VLAN(t *testing.T) {
	locals := []netip.AddrPort{netip.MustParseAddrPort(local6)}
	for tag, want := range map[uint32]bool{0: true, 7: false, 4095: false, 0xa000: true, 0xa007: false} {
		if runProgram(t, rawip.Filter(locals), etherTypeIPv6, packetHost, tag, segment6(t, server6, local6)) != want {
			t.Errorf("tag %#x passes: %t", tag, !want)
		}
	}
}

// TestBriefFilter6: FIN and RST of ours are left out.
func TestBriefFilter6(t *testing.T) {
	locals := []netip.AddrPort{netip.MustParseAddrPort(local6)}
	sent := segment6(t, local6, server6)
	for flags, want := range map[byte]bool{0x02: true, 0x10: true, 0x11: false, 0x04: false} {
		if runProgram(t, rawip.BriefFilter(locals), etherTypeIPv6, packetOutgoing, 0, edited(sent, 53, flags)) != want {
			t.Errorf("flags %#x pass: %t", flags, !want)
		}
	}
}

// TestFilterSize: the kernel takes filters of up to 4096 instructions.
func TestFilterSize(t *testing.T) {
	var locals []netip.AddrPort
	for i := range 40 {
		for port := range uint16(20) {
			locals = append(locals,
				netip.AddrPortFrom(netip.MustParseAddr(fmt.Sprintf("2001:db8::%x", i)), 40000+port),
				netip.AddrPortFrom(netip.MustParseAddr(fmt.Sprintf("192.0.2.%d", i)), 40000+port))
		}
	}
	raw, err := bpf.Assemble(rawip.Filter(locals))
	if err != nil || len(raw) > 4096 {
		t.Errorf("%d instructions, %v", len(raw), err)
	}
	if n := len(rawip.Filter(locals[:1])); n > 200 {
		t.Errorf("%d instructions for one address", n)
	}
}
