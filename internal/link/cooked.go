package link

import (
	"encoding/binary"

	"tcpprobe/internal/capfile"
)

// cooked decodes what begins with a header of LINKTYPE_LINUX_SLL: packet type, type of the device, length and octets of the
// sender's address, EtherType.
func (d *Decoder) cooked(f frame, p *Packet) error {
	const length = 16
	if len(f.octets) < length {
		return ErrShort
	}
	p.Direction = fromPacketType(binary.BigEndian.Uint16(f.octets))
	return d.typed(binary.BigEndian.Uint16(f.octets[14:]), f.from(length), p)
}

// cooked2 decodes what begins with a header of LINKTYPE_LINUX_SLL2: EtherType, two octets that are reserved, number of the
// interface, type of the device, packet type, length and octets of the sender's address.
func (d *Decoder) cooked2(f frame, p *Packet) error {
	const length = 20
	if len(f.octets) < length {
		return ErrShort
	}
	p.Ifindex = int(binary.BigEndian.Uint32(f.octets[4:]) & (1<<31 - 1))
	p.Direction = fromPacketType(uint16(f.octets[10]))
	return d.typed(binary.BigEndian.Uint16(f.octets), f.from(length), p)
}

// Numbers of address families on the systems that write them into captures: that of IPv4 is the same everywhere.
const (
	familyIPv4        = 2
	familyIPv6Linux   = 10
	familyIPv6Windows = 23
	familyIPv6NetBSD  = 24
	familyIPv6FreeBSD = 28
	familyIPv6Darwin  = 30
)

// isFamily reports whether a number is that of an address family of IP.
func isFamily(n uint32) bool {
	switch n {
	case familyIPv4, familyIPv6Linux, familyIPv6Windows, familyIPv6NetBSD, familyIPv6FreeBSD, familyIPv6Darwin:
		return true
	}
	return false
}

// loopback decodes what begins with an address family in four octets, those of the network's order or of the other one. No family
// reads as another one from behind.
func (d *Decoder) loopback(f frame, p *Packet) error {
	const length = 4
	if len(f.octets) < length {
		return ErrShort
	}
	if !isFamily(binary.BigEndian.Uint32(f.octets)) && !isFamily(binary.LittleEndian.Uint32(f.octets)) {
		return ErrNotIP
	}
	return d.datagram(f.from(length), p)
}

// arcnet decodes what begins with a header of LINKTYPE_ARCNET_LINUX: both addresses, two octets of an offset, and a protocol. Behind that
// of IP there are three octets more (RFC 1201), but not behind the older one (RFC 1051). Of what was sent in parts Linux shows the whole.
func (d *Decoder) arcnet(f frame, p *Packet) error {
	const protocol, ip, oldIP = 4, 212, 240
	if len(f.octets) <= protocol {
		return ErrShort
	}
	length := protocol + 1
	switch f.octets[protocol] {
	case oldIP:
	case ip:
		length += 3
	default:
		return ErrNotIP
	}
	if len(f.octets) < length {
		return ErrShort
	}
	return d.datagram(f.from(length), p)
}

// enc decodes what begins with a header of LINKTYPE_ENC: address family, index of the security association, flags.
func (d *Decoder) enc(f frame, p *Packet) error {
	const length = 12
	if len(f.octets) < length {
		return ErrShort
	}
	return d.datagram(f.from(length), p)
}

// pflog decodes what begins with a header of LINKTYPE_PFLOG, the first octet of which is its length without padding. Inside there
// is a number for the direction, which depends on the system.
func (d *Decoder) pflog(f frame, p *Packet) error {
	const least = 48
	if len(f.octets) < least {
		return ErrShort
	}
	length := (int(f.octets[0]) + 3) &^ 3
	switch {
	case length < least:
		return ErrMalformed
	case length > len(f.octets):
		return ErrShort
	case !isFamily(uint32(f.octets[1])):
		return ErrNotIP
	}
	return d.datagram(f.from(length), p)
}

// nflog decodes LINKTYPE_NFLOG: family, version, a number, and then attributes in the octet order of the host, of which one is the
// datagram.
func (d *Decoder) nflog(f frame, p *Packet) error {
	const length, header, payload, hook = 4, 4, 9, 1
	if len(f.octets) < length {
		return ErrShort
	}
	var order binary.ByteOrder = binary.LittleEndian
	for f = f.from(length); len(f.octets) >= header; {
		if first := f.octets[:2]; first[0] == 0 && first[1] != 0 {
			order = binary.BigEndian // an attribute of 256 octets and more is never the first
		}
		n, kind := int(order.Uint16(f.octets)), order.Uint16(f.octets[2:])&0x7fff
		switch {
		case n < header:
			return ErrMalformed
		case kind == payload:
			return d.datagram(frame{f.octets[header:min(n, len(f.octets))], f.cut}, p)
		case n > len(f.octets):
			return ErrShort
		case kind == hook && n >= header+4:
			p.Direction = fromHook(f.octets[header+2])
		}
		f = f.from(min((n+3)&^3, len(f.octets)))
	}
	return ErrNotIP
}

// fromHook returns the direction that a hook of netfilter tells (linux/netfilter.h).
func fromHook(hook byte) capfile.Direction {
	const prerouting, input, output, postrouting = 0, 1, 3, 4
	switch hook {
	case prerouting, input:
		return capfile.Inbound
	case output, postrouting:
		return capfile.Outbound
	}
	return capfile.DirectionUnknown
}
