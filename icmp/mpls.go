package icmp

import "encoding/binary"

// A Label is an entry of the MPLS label stack that a datagram arrived with (RFC 4950 3, RFC 3032 2.1), the top one first.
//
//	 0                   1                   2                   3
//	 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
//	+---------------------------------------+-----+-+---------------+
//	|                 Label                 | TC  |S|      TTL      |
//	+---------------------------------------+-----+-+---------------+
type Label struct {
	Label  uint32 // 0 to 1048575
	TC     uint8  // traffic class, 0 to 7 (RFC 5462)
	Bottom bool   // of the stack
	TTL    uint8
}

const (
	incomingStack = 1 // C-Type (RFC 4950 3)
	labelLen      = 4 // octets
)

// Labels returns the label stack that an object holds. It is not ok for another object, or one that does not hold whole
// entries.
func (o Object) Labels() (stack []Label, ok bool) {
	if o.Class != ClassLabels || o.CType != incomingStack || len(o.Payload) == 0 || len(o.Payload)%labelLen != 0 {
		return nil, false
	}
	for b := o.Payload; len(b) > 0; b = b[labelLen:] {
		entry := binary.BigEndian.Uint32(b)
		stack = append(stack, Label{Label: entry >> 12, TC: uint8(entry >> 9 & 7), Bottom: entry>>8&1 == 1, TTL: uint8(entry)})
	}
	return stack, true
}
