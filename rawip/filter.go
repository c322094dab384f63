package rawip

import (
	"net/netip"
	"slices"

	"golang.org/x/net/bpf"
)

const (
	etherTypeIPv4 = 0x0800
	etherTypeIPv6 = 0x86dd
	outgoing      = 4 // PACKET_OUTGOING of packet(7)
	toHost        = 0 // PACKET_HOST

	vlanIdentifier = 1<<12 - 1 // that part of a VLAN tag (IEEE 802.1Q 9.6)
	everything     = 1 << 20   // octets of a packet that passes: more than any has
)

// Offsets in octets, of the IPv4 header from its start, and of what follows from there (RFC 791 3.1, RFC 9293 3.1).
const (
	offTOS      = 1
	offFragment = 6
	offProtocol = 9
	offSrc      = 12
	offDst      = 16
	offSrcPort  = 0
	offDstPort  = 2
	offFlags    = 13
	offType     = 0
)

// exactPorts is how many ports of an address a filter tells apart. The kernel has little room for filters
// (net.core.optmem_max), in which one that was replaced stays for a while, and with every connection that comes or goes
// there is a new one.
const exactPorts = 16

// Filter returns the socket filter that passes what concerns connections from the given local addresses and ports, of both
// families: TCP to them, TCP from them on its way out, and ICMP errors to their addresses, all without the tag of a VLAN.
// Where one address has more than 16 ports, it passes those between the lowest and the highest. It wants to see packets from
// the network header on.
func Filter(locals []netip.AddrPort) []bpf.Instruction { return filter(locals, nil) }

// BriefFilter is Filter, but that of what leaves it passes no segment that ends a connection.
func BriefFilter(locals []netip.AddrPort) []bpf.Instruction {
	return filter(locals, []bpf.Instruction{
		bpf.LoadIndirect{Off: offFlags, Size: 1},
		bpf.JumpIf{Cond: bpf.JumpBitsSet, Val: uint32(tcpFIN | tcpRST), SkipFalse: 1},
		drop,
	})
}

// Control bits (RFC 9293 3.1).
const (
	tcpFIN = 1 << 0
	tcpRST = 1 << 2
)

// filter is Filter, with a program that may drop what leaves before its port is looked at.
func filter(locals []netip.AddrPort, leaves []bpf.Instruction) []bpf.Instruction {
	v4, v6 := portsOf(locals)
	var program []bpf.Instruction
	if len(v4) > 0 {
		program = append(program, when(bpf.LoadExtension{Num: bpf.ExtProto}, etherTypeIPv4, untagged, filter4(v4, leaves))...)
	}
	if len(v6) > 0 {
		program = append(program, when(bpf.LoadExtension{Num: bpf.ExtProto}, etherTypeIPv6, untagged, filter6(v6, leaves))...)
	}
	return append(program, drop)
}

// An endpoint is a local address, with those of its ports that connections have.
type endpoint struct {
	address netip.Addr
	ports   []uint16
}

// portsOf returns the endpoints of either family, in the order of their addresses and ports. Zones are no part of them:
// datagrams have none.
func portsOf(locals []netip.AddrPort) (v4, v6 []endpoint) {
	sorted := slices.Clone(locals)
	for i, local := range sorted {
		sorted[i] = netip.AddrPortFrom(local.Addr().WithZone(""), local.Port())
	}
	slices.SortFunc(sorted, netip.AddrPort.Compare)
	for _, local := range sorted {
		list := &v4
		if local.Addr().Is6() {
			list = &v6
		}
		if last := len(*list) - 1; last < 0 || (*list)[last].address != local.Addr() {
			*list = append(*list, endpoint{address: local.Addr()})
		}
		last := &(*list)[len(*list)-1]
		last.ports = append(last.ports, local.Port())
	}
	return v4, v6
}

// filter4 returns the part of the program that judges IPv4.
func filter4(endpoints []endpoint, leaves []bpf.Instruction) []bpf.Instruction {
	var sent, received, quoted []bpf.Instruction
	for _, e := range endpoints {
		address := word(e.address)
		sent = append(sent, when(bpf.LoadAbsolute{Off: offSrc, Size: 4}, address, whenPort(offSrcPort, e.ports))...)
		received = append(received, when(bpf.LoadAbsolute{Off: offDst, Size: 4}, address, whenPort(offDstPort, e.ports))...)
		kind := bpf.LoadIndirect{Off: offType, Size: 1}
		quoted = append(quoted, when(bpf.LoadAbsolute{Off: offDst, Size: 4}, address,
			when(kind, 3, pass),  // Destination Unreachable (RFC 792)
			when(kind, 11, pass), // Time Exceeded
			when(kind, 12, pass), // Parameter Problem
		)...)
	}
	protocol := bpf.LoadAbsolute{Off: offProtocol, Size: 1}
	direction := bpf.LoadExtension{Num: bpf.ExtType}
	return slices.Concat(
		[]bpf.Instruction{
			// Only the first fragment of a datagram has ports.
			bpf.LoadAbsolute{Off: offFragment, Size: 2},
			bpf.JumpIf{Cond: bpf.JumpBitsNotSet, Val: maxFragmentOffset, SkipTrue: 1},
			drop,
			bpf.LoadMemShift{Off: 0}, // X becomes the header's length in octets
		},
		when(direction, outgoing, when(protocol, ProtocolTCP, leaves, sent)),
		when(direction, toHost, when(protocol, ProtocolTCP, received), when(protocol, ProtocolICMP, quoted)),
	)
}

var (
	drop = bpf.RetConstant{Val: 0}
	pass = []bpf.Instruction{bpf.RetConstant{Val: everything}}

	// What has the tag of a VLAN belongs to the VLAN's own interface, and is seen there again without the tag. The VLAN
	// identifier 0 is a priority and no VLAN (IEEE 802.1Q 6.9).
	untagged = []bpf.Instruction{
		bpf.LoadExtension{Num: bpf.ExtVLANTag}, // 0 where there is no tag
		bpf.JumpIf{Cond: bpf.JumpBitsNotSet, Val: vlanIdentifier, SkipTrue: 1},
		drop,
	}
)

// when returns the program that runs the parts, one after the other, if what it loads is the value, and then drops the
// packet unless they passed it. If it is another value, the program goes on behind them.
func when(load bpf.Instruction, value uint32, parts ...[]bpf.Instruction) []bpf.Instruction {
	then := append(slices.Concat(parts...), drop)
	return append([]bpf.Instruction{
		load,
		// The skip of a conditional jump has 8 bits only.
		bpf.JumpIf{Cond: bpf.JumpEqual, Val: value, SkipTrue: 1},
		bpf.Jump{Skip: uint32(len(then))},
	}, then...)
}

// whenPort returns the program that passes the packet if the port that it loads, behind the IP header, is one of the ports.
func whenPort(offset uint32, ports []uint16) []bpf.Instruction {
	program := []bpf.Instruction{bpf.LoadIndirect{Off: offset, Size: 2}}
	if len(ports) > exactPorts {
		return append(program,
			bpf.JumpIf{Cond: bpf.JumpLessThan, Val: uint32(ports[0]), SkipTrue: 2},
			bpf.JumpIf{Cond: bpf.JumpGreaterThan, Val: uint32(ports[len(ports)-1]), SkipTrue: 1},
			pass[0])
	}
	for _, port := range ports {
		program = append(program, bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: uint32(port), SkipTrue: 1}, pass[0])
	}
	return program
}

// word is an IPv4 address as the socket filter loads it.
func word(a netip.Addr) uint32 {
	b := a.As4()
	return uint32(b[0])<<24 | uint32(b[1])<<16 | uint32(b[2])<<8 | uint32(b[3])
}
