package icmp_test

import (
	"encoding/binary"

	"tcpprobe/icmp"
)

// interfaceObject returns the object that tells of an interface all that is not zero (RFC 5837 4).
func interfaceObject(i icmp.Interface) icmp.Object {
	o := icmp.Object{Class: icmp.ClassInterface, CType: uint8(i.Role) << 6}
	if i.Index != 0 {
		o.CType |= 1 << 3
		o.Payload = binary.BigEndian.AppendUint32(o.Payload, i.Index)
	}
	if i.Address.IsValid() {
		o.CType |= 1 << 2
		family := uint16(1)
		if i.Address.Is6() {
			family = 2
		}
		o.Payload = append(binary.BigEndian.AppendUint16(o.Payload, family), 0, 0)
		o.Payload = append(o.Payload, i.Address.AsSlice()...)
	}
	if i.Name != "" {
		o.CType |= 1 << 1
		length := (1 + len(i.Name) + 3) / 4 * 4 // RFC 5837 4.3: a multiple of four, padded with zeros
		o.Payload = append(append(o.Payload, byte(length)), i.Name...)
		o.Payload = append(o.Payload, make([]byte, length-1-len(i.Name))...)
	}
	if i.MTU != 0 {
		o.CType |= 1
		o.Payload = binary.BigEndian.AppendUint32(o.Payload, i.MTU)
	}
	return o
}

// labelObject returns the object that holds a label stack (RFC 4950 3).
func labelObject(stack ...icmp.Label) icmp.Object {
	o := icmp.Object{Class: icmp.ClassLabels, CType: 1}
	for _, l := range stack {
		entry := l.Label<<12 | uint32(l.TC)<<9 | uint32(l.TTL)
		if l.Bottom {
			entry |= 1 << 8
		}
		o.Payload = binary.BigEndian.AppendUint32(o.Payload, entry)
	}
	return o
}
