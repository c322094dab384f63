package rawip

import (
	"encoding/binary"
	"net/netip"
	"slices"

	"golang.org/x/net/bpf"
)

// Offsets in octets, of the IPv6 header from its start (RFC 8200 3).
const (
	offNextHeader = 6
	offSrc6       = 8
	offDst6       = 24
)

// maxExtensions is how many extension headers a filter walks over: no more are sent on purpose. Classic BPF has no loops, and
// each of them takes 21 instructions.
const maxExtensions = 4

// protocolCell is where the program keeps the protocol behind the extension headers.
const protocolCell = 0

// filter6 returns the part of the program that judges IPv6.
func filter6(endpoints []endpoint, leaves []bpf.Instruction) []bpf.Instruction {
	var sent, received, quoted []bpf.Instruction
	for _, e := range endpoints {
		sent = append(sent, whenAddress(offSrc6, e.address, whenPort(offSrcPort, e.ports))...)
		received = append(received, whenAddress(offDst6, e.address, whenPort(offDstPort, e.ports))...)
		quoted = append(quoted, whenAddress(offDst6, e.address, whenError6)...)
	}
	protocol := bpf.LoadScratch{Dst: bpf.RegA, N: protocolCell}
	direction := bpf.LoadExtension{Num: bpf.ExtType}
	return slices.Concat(
		walk(),
		when(direction, outgoing, when(protocol, ProtocolTCP, leaves, sent)),
		when(direction, toHost, when(protocol, ProtocolTCP, received), when(protocol, ProtocolICMPv6, quoted)),
	)
}

// whenError6 passes ICMPv6 errors (RFC 4443 3). Those of types that are not known say nothing.
var whenError6 = []bpf.Instruction{
	bpf.LoadIndirect{Off: offType, Size: 1},
	bpf.JumpIf{Cond: bpf.JumpLessThan, Val: 1, SkipTrue: 2},
	bpf.JumpIf{Cond: bpf.JumpGreaterThan, Val: 4, SkipTrue: 1},
	pass[0],
}

// walk returns the program that goes over the extension headers. Behind it, protocolCell has the protocol and X the offset of
// what is behind them. Later fragments are dropped, and so is what ends in a header: a load beyond the packet drops it.
func walk() []bpf.Instruction {
	program := []bpf.Instruction{
		bpf.LoadAbsolute{Off: offNextHeader, Size: 1},
		bpf.StoreScratch{Src: bpf.RegA, N: protocolCell},
		bpf.LoadConstant{Dst: bpf.RegX, Val: headerLen6},
	}
	for left := maxExtensions - 1; left >= 0; left-- {
		program = append(program, walkOne(left)...)
	}
	return program
}

// walkOne returns the program that goes over the header whose number is in A, if it is an extension header, and leaves the
// number of the next one there. So many programs like it follow, which are left out if it is none.
func walkOne(left int) []bpf.Instruction {
	program := []bpf.Instruction{
		bpf.JumpIf{Cond: bpf.JumpEqual, Val: HeaderFragment, SkipTrue: 11},
		bpf.JumpIf{Cond: bpf.JumpEqual, Val: HeaderHopByHop, SkipTrue: 3},
		bpf.JumpIf{Cond: bpf.JumpEqual, Val: HeaderRouting, SkipTrue: 2},
		bpf.JumpIf{Cond: bpf.JumpEqual, Val: HeaderDestinationOptions, SkipTrue: 1},
		bpf.Jump{}, // to the end of all of them

		// Options and routing: in units of 8 octets, without the first.
		bpf.LoadIndirect{Off: 0, Size: 1},
		bpf.StoreScratch{Src: bpf.RegA, N: protocolCell},
		bpf.LoadIndirect{Off: 1, Size: 1},
		bpf.ALUOpConstant{Op: bpf.ALUOpShiftLeft, Val: 3},
		bpf.ALUOpConstant{Op: bpf.ALUOpAdd, Val: extensionUnit},
		bpf.ALUOpX{Op: bpf.ALUOpAdd},
		bpf.Jump{Skip: 7},

		// Fragment.
		bpf.LoadIndirect{Off: 2, Size: 2},
		bpf.JumpIf{Cond: bpf.JumpBitsNotSet, Val: fragmentOffset, SkipTrue: 1},
		drop,
		bpf.LoadIndirect{Off: 0, Size: 1},
		bpf.StoreScratch{Src: bpf.RegA, N: protocolCell},
		bpf.TXA{},
		bpf.ALUOpConstant{Op: bpf.ALUOpAdd, Val: fragmentHeaderLen},

		bpf.TAX{},
		bpf.LoadScratch{Dst: bpf.RegA, N: protocolCell},
	}
	const leave = 4
	program[leave] = bpf.Jump{Skip: uint32(len(program)-1-leave) + uint32(left*len(program))}
	return program
}

// whenAddress is when for an address of IPv6, of which four octets are looked at at a time: the last ones first, in which
// addresses of the same network are not alike.
func whenAddress(offset uint32, address netip.Addr, then []bpf.Instruction) []bpf.Instruction {
	const words, length = 4, 3 // instructions for each
	octets := address.As16()
	var program []bpf.Instruction
	for i := words - 1; i >= 0; i-- {
		program = append(program,
			bpf.LoadAbsolute{Off: offset + uint32(4*i), Size: 4},
			bpf.JumpIf{Cond: bpf.JumpEqual, Val: binary.BigEndian.Uint32(octets[4*i:]), SkipTrue: 1},
			bpf.Jump{Skip: uint32(length*i + len(then) + 1)},
		)
	}
	return append(append(program, then...), drop)
}

// networkHeader is where a filter finds the network header of what a raw socket of IPv6 receives, which begins with the
// transport's for it (SKF_NET_OFF of linux/filter.h).
const networkHeader = 1<<32 - 0x100000

// rawFilter6 returns the filter for raw sockets of IPv6 that receive TCP for the given local addresses and ports.
func rawFilter6(locals []netip.AddrPort) []bpf.Instruction {
	_, endpoints := portsOf(locals)
	program := []bpf.Instruction{bpf.LoadConstant{Dst: bpf.RegX, Val: 0}}
	for _, e := range endpoints {
		program = append(program, whenAddress(networkHeader+offDst6, e.address, whenPort(offDstPort, e.ports))...)
	}
	return append(program, drop)
}

// rawErrors6 is rawFilter6 for raw sockets that receive ICMPv6 errors.
func rawErrors6(locals []netip.AddrPort) []bpf.Instruction {
	_, endpoints := portsOf(locals)
	program := []bpf.Instruction{bpf.LoadConstant{Dst: bpf.RegX, Val: 0}}
	for _, e := range endpoints {
		program = append(program, whenAddress(networkHeader+offDst6, e.address, whenError6)...)
	}
	return append(program, drop)
}
