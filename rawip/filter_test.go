package rawip_test

import (
	"fmt"
	"net/netip"
	"testing"

	"golang.org/x/net/bpf"

	"tcpprobe/rawip"
	"tcpprobe/tcphdr"
)

// The packet types of packet(7) and the EtherTypes that the filter is told by the kernel.
const (
	packetHost, packetBroadcast, packetOtherHost, packetOutgoing = 0, 1, 3, 4
	etherTypeIPv4, etherTypeARP                                  = 0x0800, 0x0806
)

// runFilter runs the filter for the locals on a datagram, and reports whether it passes. bpf.VM does not know the kernel's
// extensions, so what they would load is put in their place.
func runFilter(t *testing.T, locals []netip.AddrPort, etherType, packetType uint32, datagram []byte) bool {
	t.Helper()
	return runProgram(t, rawip.Filter(locals), etherType, packetType, 0, datagram)
}

func runProgram(t *testing.T, program []bpf.Instruction, etherType, packetType, vlanTag uint32, datagram []byte) bool {
	t.Helper()
	for i, instruction := range program {
		switch instruction {
		case bpf.LoadExtension{Num: bpf.ExtProto}:
			program[i] = bpf.LoadConstant{Dst: bpf.RegA, Val: etherType}
		case bpf.LoadExtension{Num: bpf.ExtType}:
			program[i] = bpf.LoadConstant{Dst: bpf.RegA, Val: packetType}
		case bpf.LoadExtension{Num: bpf.ExtVLANTag}:
			program[i] = bpf.LoadConstant{Dst: bpf.RegA, Val: vlanTag}
		}
	}
	vm, err := bpf.NewVM(program)
	if err != nil {
		t.Fatal(err)
	}
	n, err := vm.Run(datagram)
	if err != nil {
		t.Fatal(err)
	}
	if n != 0 && n < len(datagram) {
		t.Errorf("of %d octets only %d pass", len(datagram), n)
	}
	return n != 0
}

// carry returns a datagram with a header as described and the octets behind it.
func carry(t *testing.T, h rawip.Header, octets ...byte) []byte {
	t.Helper()
	h.TTL = 64
	datagram, err := h.Append(nil, octets)
	if err != nil {
		t.Fatal(err)
	}
	return datagram
}

// segment returns a datagram that holds a TCP segment, as far as its ports and the sequence number.
func segment(t *testing.T, src, dst string) []byte {
	t.Helper()
	s, d := netip.MustParseAddrPort(src), netip.MustParseAddrPort(dst)
	return carry(t, rawip.Header{Protocol: rawip.ProtocolTCP, Src: s.Addr(), Dst: d.Addr()},
		byte(s.Port()>>8), byte(s.Port()), byte(d.Port()>>8), byte(d.Port()), 0x51, 0x52, 0x53, 0x54)
}

func TestFilterPorts(t *testing.T) {
	const server = "198.51.100.80:80"
	locals := []netip.AddrPort{
		netip.MustParseAddrPort("192.0.2.1:50001"),
		netip.MustParseAddrPort("192.0.2.1:40002"),
		netip.MustParseAddrPort("192.0.2.2:40003"),
	}
	for local, want := range map[string]bool{
		"192.0.2.1:50001": true,
		"192.0.2.1:40002": true, // as it stands in the list, so also behind another port of the same address
		"192.0.2.2:40003": true, // and behind another address
		"192.0.2.2:40002": false,
		"192.0.2.1:40003": false,
		"192.0.2.1:45000": false,
		"192.0.2.3:40002": false,
	} {
		if runFilter(t, locals, etherTypeIPv4, packetOutgoing, segment(t, local, server)) != want {
			t.Errorf("a segment from %s passes: %t, want %t", local, !want, want)
		}
		if runFilter(t, locals, etherTypeIPv4, packetHost, segment(t, server, local)) != want {
			t.Errorf("a segment to %s passes: %t, want %t", local, !want, want)
		}
		// The other way round it concerns somebody else.
		if runFilter(t, locals, etherTypeIPv4, packetHost, segment(t, local, server)) {
			t.Errorf("a received segment from %s passes", local)
		}
		if runFilter(t, locals, etherTypeIPv4, packetOutgoing, segment(t, server, local)) {
			t.Errorf("a sent segment to %s passes", local)
		}
	}
}

func TestFilterManyPorts(t *testing.T) {
	var locals []netip.AddrPort
	address := netip.MustParseAddr("192.0.2.1")
	for _, n := range []int{1, 2, 16, 17, 5000} {
		for len(locals) < n {
			locals = append(locals, netip.AddrPortFrom(address, uint16(60000-3*len(locals))))
		}
		for _, local := range locals {
			if !runFilter(t, locals, etherTypeIPv4, packetHost, segment(t, "198.51.100.80:80", local.String())) {
				t.Fatalf("of %d ports, %v does not pass", n, local)
			}
		}
		low, high := locals[n-1].Port(), locals[0].Port()
		for _, port := range []uint16{low - 1, high + 1} {
			if runFilter(t, locals, etherTypeIPv4, packetHost, segment(t, "198.51.100.80:80", fmt.Sprintf("192.0.2.1:%d", port))) {
				t.Errorf("of %d ports, another one passes: %d", n, port)
			}
		}
		if raw, err := bpf.Assemble(rawip.Filter(locals)); err != nil || len(raw) > 150 {
			t.Errorf("for %d ports there are %d instructions (%v)", n, len(raw), err)
		}
	}
}

func TestFilterKinds(t *testing.T) {
	locals := []netip.AddrPort{netip.MustParseAddrPort("192.0.2.1:40001")}
	const local, server = "192.0.2.1:40001", "198.51.100.80:80"
	ours := segment(t, server, local)

	for packetType, want := range map[uint32]bool{packetHost: true, packetBroadcast: false, packetOtherHost: false} {
		if runFilter(t, locals, etherTypeIPv4, packetType, ours) != want {
			t.Errorf("a frame of packet type %d passes: %t, want %t", packetType, !want, want)
		}
	}
	if runFilter(t, locals, etherTypeARP, packetHost, ours) {
		t.Error("ARP passes")
	}
	if runFilter(t, nil, etherTypeIPv4, packetHost, ours) {
		t.Error("something passes the filter for nothing")
	}
	for n := range 24 {
		if runFilter(t, locals, etherTypeIPv4, packetHost, ours[:n]) {
			t.Errorf("%d octets of a datagram pass", n)
		}
	}

	from, to := netip.MustParseAddr("203.0.113.9"), netip.MustParseAddr("192.0.2.1")
	ports := []byte{0x00, 0x50, 0x9c, 0x41} // from 80 to 40001
	tests := []struct {
		name   string
		header rawip.Header
		octets []byte
		want   bool
	}{
		{"TCP behind IP options", rawip.Header{Protocol: rawip.ProtocolTCP, Src: from, Dst: to, Options: []byte{7, 7, 4, 0, 0, 0, 0, 0}}, ports, true},
		{"the first fragment", rawip.Header{Protocol: rawip.ProtocolTCP, Src: from, Dst: to, MoreFragments: true}, append(ports, 1, 2, 3, 4), true},
		{"a later fragment", rawip.Header{Protocol: rawip.ProtocolTCP, Src: from, Dst: to, FragmentOffset: 1}, ports, false},
		{"UDP", rawip.Header{Protocol: 17, Src: from, Dst: to}, ports, false},
		{"Destination Unreachable", rawip.Header{Protocol: rawip.ProtocolICMP, Src: from, Dst: to}, []byte{3, 1}, true},
		{"Time Exceeded", rawip.Header{Protocol: rawip.ProtocolICMP, Src: from, Dst: to}, []byte{11, 0}, true},
		{"Parameter Problem", rawip.Header{Protocol: rawip.ProtocolICMP, Src: from, Dst: to}, []byte{12, 0}, true},
		{"Echo Request", rawip.Header{Protocol: rawip.ProtocolICMP, Src: from, Dst: to}, []byte{8, 0}, false},
		{"ICMP to another address", rawip.Header{Protocol: rawip.ProtocolICMP, Src: from, Dst: from}, []byte{3, 1}, false},
	}
	for _, test := range tests {
		if runFilter(t, locals, etherTypeIPv4, packetHost, carry(t, test.header, test.octets...)) != test.want {
			t.Errorf("%s passes: %t, want %t", test.name, !test.want, test.want)
		}
	}
	if runFilter(t, locals, etherTypeIPv4, packetOutgoing, carry(t, rawip.Header{Protocol: rawip.ProtocolICMP, Src: to, Dst: to}, 3, 1)) {
		t.Error("an ICMP error of our own passes")
	}
}

// TestBriefFilter: of what leaves, only the ends of connections are kept from us.
func TestBriefFilter(t *testing.T) {
	local, remote := netip.MustParseAddrPort("192.0.2.1:40001"), netip.MustParseAddrPort("198.51.100.80:80")
	for _, test := range []struct {
		flags     tcphdr.Flags
		out, back bool
	}{
		{tcphdr.SYN, true, true}, {tcphdr.ACK, true, true}, {tcphdr.SYN | tcphdr.ACK, true, true},
		{tcphdr.RST, false, true}, {tcphdr.RST | tcphdr.ACK, false, true}, {tcphdr.FIN | tcphdr.ACK, false, true},
	} {
		for _, way := range []struct {
			src, dst netip.AddrPort
			packet   uint32
			want     bool
		}{{local, remote, packetOutgoing, test.out}, {remote, local, packetHost, test.back}} {
			h := tcphdr.Header{SrcPort: way.src.Port(), DstPort: way.dst.Port(), Flags: test.flags}
			octets, err := h.Append(nil, way.src.Addr(), way.dst.Addr(), nil)
			if err != nil {
				t.Fatal(err)
			}
			datagram := carry(t, rawip.Header{Protocol: rawip.ProtocolTCP, Src: way.src.Addr(), Dst: way.dst.Addr()}, octets...)
			if got := runProgram(t, rawip.BriefFilter([]netip.AddrPort{local}), etherTypeIPv4, way.packet, 0, datagram); got != way.want {
				t.Errorf("%v from %v passes: %t", test.flags, way.src, got)
			}
		}
	}
}

// TestFilterVLAN: what is in a VLAN concerns the VLAN's interface; a priority alone is no VLAN.
func TestFilterVLAN(t *testing.T) {
	local := netip.MustParseAddrPort("192.0.2.1:40002")
	for tag, want := range map[uint32]bool{
		0: true, 0x2000: true, 0xe000: true, 0x1000: true, // priorities, and eligible to be dropped
		1: false, 0x2001: false, 0x0fff: false, 0x0800: false, 0xffff: false,
	} {
		for packetType, datagram := range map[uint32][]byte{
			packetHost:     segment(t, "198.51.100.80:80", local.String()),
			packetOutgoing: segment(t, local.String(), "198.51.100.80:80"),
		} {
			if got := runProgram(t, rawip.Filter([]netip.AddrPort{local}), etherTypeIPv4, packetType, tag, datagram); got != want {
				t.Errorf("tag %#04x, packet type %d: passes %t", tag, packetType, got)
			}
		}
	}
}
