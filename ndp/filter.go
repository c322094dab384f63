package ndp

import (
	"encoding/binary"
	"net/netip"

	"golang.org/x/net/bpf"
)

// EtherType is the EtherType of IPv6 (RFC 2464 3).
const EtherType = 0x86dd

// Filter returns a socket filter for packet sockets that start at the network header (SOCK_DGRAM). It passes Advertisements
// whose target, and Solicitations whose source, ends in the same four octets as one of the addresses: Query judges the rest.
// Nothing else passes, nor what came in with the tag of a VLAN, which belongs to the VLAN's own interface. A tag with the VLAN
// identifier 0 has a priority and no VLAN (IEEE 802.1Q 6.9). The kernel takes filters of up to 1000 addresses.
func Filter(addresses ...netip.Addr) []bpf.Instruction {
	filter := []bpf.Instruction{
		bpf.LoadExtension{Num: bpf.ExtProto},
		bpf.JumpIf{Cond: bpf.JumpEqual, Val: EtherType, SkipTrue: 1},
		bpf.RetConstant{Val: 0},
		bpf.LoadExtension{Num: bpf.ExtVLANTag}, // 0 where there is no tag
		bpf.ALUOpConstant{Op: bpf.ALUOpAnd, Val: vlanIdentifier},
		bpf.JumpIf{Cond: bpf.JumpEqual, Val: 0, SkipTrue: 1},
		bpf.RetConstant{Val: 0},
		bpf.LoadAbsolute{Off: 6, Size: 1}, // next header
		bpf.JumpIf{Cond: bpf.JumpEqual, Val: nextHeader, SkipTrue: 1},
		bpf.RetConstant{Val: 0},
		bpf.LoadAbsolute{Off: headerSize, Size: 1}, // type
		bpf.JumpIf{Cond: bpf.JumpEqual, Val: uint32(Advertisement), SkipFalse: 2},
		bpf.LoadAbsolute{Off: headerSize + 20, Size: 4}, // the end of the target
		bpf.Jump{Skip: 3},
		bpf.JumpIf{Cond: bpf.JumpEqual, Val: uint32(Solicitation), SkipTrue: 1},
		bpf.RetConstant{Val: 0},
		bpf.LoadAbsolute{Off: 20, Size: 4}, // the end of the source
	}
	for _, a := range addresses {
		if !a.Is6() {
			continue
		}
		filter = append(filter,
			bpf.JumpIf{Cond: bpf.JumpEqual, Val: binary.BigEndian.Uint32(a.AsSlice()[12:]), SkipFalse: 1},
			bpf.RetConstant{Val: snapshot},
		)
	}
	return append(filter, bpf.RetConstant{Val: 0})
}

// vlanIdentifier is that part of a VLAN tag (IEEE 802.1Q 9.6).
const vlanIdentifier = 0x0fff

// snapshot is how many octets of a packet pass: all there can be.
const snapshot = 0xffff
