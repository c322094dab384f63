package arp

import (
	"encoding/binary"
	"net/netip"

	"golang.org/x/net/bpf"
)

// EtherType is the EtherType of ARP (RFC 826).
const EtherType = 0x0806

// Filter returns a socket filter for packet sockets that start at the network header (SOCK_DGRAM). It passes packets
// of IPv4 over Ethernet whose SenderPA is one of the senders, and nothing else: neither the talk of the rest of the
// link, nor what came in with the tag of a VLAN, which belongs to the VLAN's own interface and is seen there again without
// the tag. A tag with the VLAN identifier 0 has a priority and no VLAN (IEEE 802.1Q 6.9). The kernel takes filters of up to
// 2000 senders.
func Filter(senders ...netip.Addr) []bpf.Instruction {
	filter := []bpf.Instruction{
		bpf.LoadExtension{Num: bpf.ExtProto},
		bpf.JumpIf{Cond: bpf.JumpEqual, Val: EtherType, SkipTrue: 1},
		bpf.RetConstant{Val: 0},
		bpf.LoadExtension{Num: bpf.ExtVLANTag}, // 0 where there is no tag
		bpf.ALUOpConstant{Op: bpf.ALUOpAnd, Val: vlanIdentifier},
		bpf.JumpIf{Cond: bpf.JumpEqual, Val: 0, SkipTrue: 1},
		bpf.RetConstant{Val: 0},
		bpf.LoadAbsolute{Off: 0, Size: 4}, // hardware type, protocol type
		bpf.JumpIf{Cond: bpf.JumpEqual, Val: hardwareEthernet<<16 | protocolIPv4, SkipTrue: 1},
		bpf.RetConstant{Val: 0},
		bpf.LoadAbsolute{Off: 4, Size: 2}, // lengths of the addresses
		bpf.JumpIf{Cond: bpf.JumpEqual, Val: hardwareLength<<8 | protocolLength, SkipTrue: 1},
		bpf.RetConstant{Val: 0},
		bpf.LoadAbsolute{Off: 14, Size: 4}, // SenderPA
	}
	for _, s := range senders {
		if !s.Is4() {
			continue
		}
		filter = append(filter,
			bpf.JumpIf{Cond: bpf.JumpEqual, Val: binary.BigEndian.Uint32(s.AsSlice()), SkipFalse: 1},
			bpf.RetConstant{Val: snapshot},
		)
	}
	return append(filter, bpf.RetConstant{Val: 0})
}

// vlanIdentifier is that part of a VLAN tag (IEEE 802.1Q 9.6).
const vlanIdentifier = 0x0fff

// snapshot is how many octets of a packet pass: all there can be.
const snapshot = 0xffff
