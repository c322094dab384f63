package icmp

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"net/netip"
)

// A Role is what an interface had to do with the datagram (RFC 5837 4.1).
type Role uint8

const (
	Incoming      Role = 0 // the datagram came in by it
	SubIPIncoming Role = 1 // a part of that one, below IP
	Outgoing      Role = 2 // the datagram would have gone out by it
	NextHop       Role = 3 // to which it would have been sent
)

var roleNames = [...]string{"incoming", "sub-ip", "outgoing", "next-hop"}

// String returns "incoming", "sub-ip", "outgoing" or "next-hop".
func (r Role) String() string { return roleNames[r&3] }

// An Interface is what a router tells of one of its interfaces (RFC 5837 4). What it does not tell is the zero value.
type Interface struct {
	Role    Role
	Index   uint32     // ifIndex (RFC 2863)
	Address netip.Addr // of the interface, or of the next hop
	Name    string     // ifName, at most 63 octets: whatever the router put there
	MTU     uint32     // octets
}

// Bits of the C-Type: what is told, in the order in which it follows (RFC 5837 4.1).
const (
	toldIndex   = 1 << 3
	toldAddress = 1 << 2
	toldName    = 1 << 1
	toldMTU     = 1 << 0
	roleShift   = 6
)

// Address families (RFC 5837 4.2) and the longest name, with its length octet (RFC 5837 4.3).
const (
	familyIPv4 = 1
	familyIPv6 = 2
	maxName    = 64
)

// Interface returns what an object tells of an interface. The error is [ErrMalformed] for another object, and for one that
// does not hold what its C-Type announces.
func (o Object) Interface() (Interface, error) {
	if o.Class != ClassInterface {
		return Interface{}, fmt.Errorf("%w: object of class %d", ErrMalformed, o.Class)
	}
	i := Interface{Role: Role(o.CType >> roleShift)}
	b := o.Payload
	take := func(n int) []byte {
		if n < 0 || n > len(b) {
			return nil
		}
		taken := b[:n]
		b = b[n:]
		return taken
	}
	short := func(what string) (Interface, error) {
		return Interface{}, fmt.Errorf("%w: interface information without its %s", ErrMalformed, what)
	}
	if o.CType&toldIndex != 0 {
		index := take(4)
		if index == nil {
			return short("index")
		}
		i.Index = binary.BigEndian.Uint32(index)
	}
	if o.CType&toldAddress != 0 {
		header := take(4)
		if header == nil {
			return short("address")
		}
		size := map[uint16]int{familyIPv4: 4, familyIPv6: 16}[binary.BigEndian.Uint16(header)]
		address, ok := netip.AddrFromSlice(take(size))
		if !ok {
			return short("address")
		}
		i.Address = address
	}
	if o.CType&toldName != 0 {
		if len(b) == 0 {
			return short("name")
		}
		length := int(b[0])
		name := take(length)
		if length < 1 || length > maxName || name == nil {
			return short("name")
		}
		i.Name = string(bytes.TrimRight(name[1:], "\x00"))
	}
	if o.CType&toldMTU != 0 {
		mtu := take(4)
		if mtu == nil {
			return short("MTU")
		}
		i.MTU = binary.BigEndian.Uint32(mtu)
	}
	return i, nil
}
