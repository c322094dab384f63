package rawip

import (
	"slices"

	"golang.org/x/net/bpf"
)

// offTotalLength and offPayloadLength are offsets in octets, of the lengths in the headers of both families.
const (
	offTotalLength   = 2
	offPayloadLength = 4
	offDataOffset    = 12 // of the TCP header
)

// ListenFilter returns the socket filter that passes, in both directions and between whomever, what tells of handshakes: TCP
// segments that open, end, reset or push, those without data, and ICMP errors. What it leaves out is the mass of segments of a long
// transfer. It passes what is in a VLAN too. It wants to see packets from the network header on.
//
// On the loopback interface the kernel shows each packet when it leaves and when it arrives: one of them is left out there.
func ListenFilter(loopback bool) []bpf.Instruction {
	var program []bpf.Instruction
	if loopback {
		program = []bpf.Instruction{
			bpf.LoadExtension{Num: bpf.ExtType},
			bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: outgoing, SkipTrue: 1},
			drop,
		}
	}
	protocol := bpf.LoadExtension{Num: bpf.ExtProto}
	return append(slices.Concat(program,
		when(protocol, etherTypeIPv4, listen4()),
		when(protocol, etherTypeIPv6, listen6()),
	), drop)
}

// listen4 returns the part of the program that judges IPv4.
func listen4() []bpf.Instruction {
	protocol := bpf.LoadAbsolute{Off: offProtocol, Size: 1}
	kind := bpf.LoadIndirect{Off: offType, Size: 1}
	return slices.Concat(
		[]bpf.Instruction{
			bpf.LoadAbsolute{Off: offFragment, Size: 2},
			bpf.JumpIf{Cond: bpf.JumpBitsNotSet, Val: maxFragmentOffset, SkipTrue: 1},
			drop,
			bpf.LoadMemShift{Off: 0}, // X becomes the header's length in octets
		},
		when(protocol, ProtocolTCP, whenTelling(
			bpf.LoadAbsolute{Off: offTotalLength, Size: 2},
			bpf.ALUOpX{Op: bpf.ALUOpSub},
		)),
		when(protocol, ProtocolICMP, when(kind, 3, pass), when(kind, 11, pass), when(kind, 12, pass)),
	)
}

// listen6 returns the part of the program that judges IPv6.
func listen6() []bpf.Instruction {
	protocol := bpf.LoadScratch{Dst: bpf.RegA, N: protocolCell}
	return slices.Concat(
		walk(),
		when(protocol, ProtocolTCP, whenTelling(
			bpf.LoadAbsolute{Off: offPayloadLength, Size: 2},
			bpf.ALUOpConstant{Op: bpf.ALUOpAdd, Val: headerLen6},
			bpf.ALUOpX{Op: bpf.ALUOpSub},
		)),
		when(protocol, ProtocolICMPv6, whenError6),
	)
}

// lengthCell is where the program keeps the length of a segment.
const lengthCell = 1

// whenTelling passes the TCP segment at X if it tells of a handshake. The first instructions load its length.
func whenTelling(length ...bpf.Instruction) []bpf.Instruction {
	const tcpSYN, tcpPSH = 1 << 1, 1 << 3
	return slices.Concat(
		[]bpf.Instruction{
			bpf.LoadIndirect{Off: offFlags, Size: 1},
			bpf.JumpIf{Cond: bpf.JumpBitsNotSet, Val: tcpFIN | tcpSYN | tcpRST | tcpPSH, SkipTrue: 1},
			pass[0],
		},
		length,
		[]bpf.Instruction{
			bpf.StoreScratch{Src: bpf.RegA, N: lengthCell},
			bpf.LoadIndirect{Off: offDataOffset, Size: 1}, // of which the first four bits count 32-bit words
			bpf.ALUOpConstant{Op: bpf.ALUOpShiftRight, Val: 4},
			bpf.ALUOpConstant{Op: bpf.ALUOpShiftLeft, Val: 2},
			bpf.LoadScratch{Dst: bpf.RegX, N: lengthCell},
			bpf.JumpIfX{Cond: bpf.JumpNotEqual, SkipTrue: 1},
			pass[0],
			drop,
		},
	)
}
