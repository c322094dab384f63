package arp

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net/netip"
)

// MAC is an Ethernet address.
type MAC [6]byte

// Broadcast is the address of every station on the link.
var Broadcast = MAC{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}

// String returns the address as "02:00:00:00:00:01".
func (m MAC) String() string {
	return fmt.Sprintf("%02x:%02x:%02x:%02x:%02x:%02x", m[0], m[1], m[2], m[3], m[4], m[5])
}

// IsGroup reports whether the address is that of several stations.
func (m MAC) IsGroup() bool { return m[0]&1 != 0 }

// Operation is what a packet does: ar$op of RFC 826.
type Operation uint16

const (
	Request Operation = 1 // who has TargetPA?
	Reply   Operation = 2 // SenderPA is at SenderHA
)

// String returns "request", "reply" or "operation 25".
func (o Operation) String() string {
	switch o {
	case Request:
		return "request"
	case Reply:
		return "reply"
	}
	return fmt.Sprintf("operation %d", uint16(o))
}

// Packet is an ARP packet that translates IPv4 into Ethernet addresses. Hardware and protocol type and the lengths of
// the addresses are thereby given, and no fields.
type Packet struct {
	Operation Operation
	SenderHA  MAC        // hardware address of the sender
	SenderPA  netip.Addr // protocol address of the sender
	TargetHA  MAC        // hardware address of the target; in a request it is what is asked for, and zero
	TargetPA  netip.Addr // protocol address of the target
}

// ErrMalformed is the error of a packet that is not one of IPv4 over Ethernet. It comes wrapped, with the field and
// its value.
var ErrMalformed = errors.New("malformed ARP packet")

// Size is how many octets a packet has. Those behind it in a frame are padding.
const Size = 28

// What stands in the octets that never differ.
const (
	hardwareEthernet = 1      // ar$hrd
	protocolIPv4     = 0x0800 // ar$pro: the EtherType of IPv4
	hardwareLength   = 6      // ar$hln
	protocolLength   = 4      // ar$pln
)

// Append appends the packet's 28 octets to b. It refuses an address that is not IPv4, and an operation other than
// Request and Reply, with ErrMalformed.
func (p Packet) Append(b []byte) ([]byte, error) {
	switch {
	case p.Operation != Request && p.Operation != Reply:
		return b, fmt.Errorf("%w: %v", ErrMalformed, p.Operation)
	case !p.SenderPA.Is4():
		return b, fmt.Errorf("%w: SenderPA %v is not IPv4", ErrMalformed, p.SenderPA)
	case !p.TargetPA.Is4():
		return b, fmt.Errorf("%w: TargetPA %v is not IPv4", ErrMalformed, p.TargetPA)
	}
	b = binary.BigEndian.AppendUint16(b, hardwareEthernet)
	b = binary.BigEndian.AppendUint16(b, protocolIPv4)
	b = append(b, hardwareLength, protocolLength)
	b = binary.BigEndian.AppendUint16(b, uint16(p.Operation))
	b = append(b, p.SenderHA[:]...)
	b = append(b, p.SenderPA.AsSlice()...)
	b = append(b, p.TargetHA[:]...)
	return append(b, p.TargetPA.AsSlice()...), nil
}

// Parse reads a packet. Octets after the 28th are padding of the frame and are left alone; fewer than 28 are
// io.ErrUnexpectedEOF. A packet for other hardware or another protocol is ErrMalformed. Any operation is accepted.
func Parse(b []byte) (Packet, error) {
	if len(b) < Size {
		return Packet{}, fmt.Errorf("ARP packet of %d octets: %w", len(b), io.ErrUnexpectedEOF)
	}
	if v := binary.BigEndian.Uint16(b); v != hardwareEthernet {
		return Packet{}, fmt.Errorf("%w: hardware type %d", ErrMalformed, v)
	}
	if v := binary.BigEndian.Uint16(b[2:]); v != protocolIPv4 {
		return Packet{}, fmt.Errorf("%w: protocol type %#04x", ErrMalformed, v)
	}
	if b[4] != hardwareLength {
		return Packet{}, fmt.Errorf("%w: hardware address length %d", ErrMalformed, b[4])
	}
	if b[5] != protocolLength {
		return Packet{}, fmt.Errorf("%w: protocol address length %d", ErrMalformed, b[5])
	}
	return Packet{
		Operation: Operation(binary.BigEndian.Uint16(b[6:])),
		SenderHA:  MAC(b[8:14]),
		SenderPA:  netip.AddrFrom4([4]byte(b[14:18])),
		TargetHA:  MAC(b[18:24]),
		TargetPA:  netip.AddrFrom4([4]byte(b[24:28])),
	}, nil
}
