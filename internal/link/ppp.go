package link

import (
	"encoding/binary"

	"tcpprobe/internal/capfile"
)

// Protocols of PPP, as IANA assigns them.
const (
	pppIPv4  = 0x21
	pppIPv6  = 0x57
	pppMPLS  = 0x281
	pppMPLS2 = 0x283
)

// ppp decodes what begins with a header of PPP (RFC 1661 2), in front of which there may be that of HDLC (RFC 1662 3.1). A protocol
// may be shortened to one octet, which is odd.
func (d *Decoder) ppp(f frame, p *Packet) error {
	b := f.octets
	if len(b) >= 2 && b[0] == 0xff && b[1] == 3 {
		f = f.from(2)
		b = f.octets
	}
	var protocol uint16
	switch {
	case len(b) >= 1 && b[0]&1 == 1:
		protocol = uint16(b[0])
		f = f.from(1)
	case len(b) >= 2:
		protocol = binary.BigEndian.Uint16(b)
		f = f.from(2)
	default:
		return ErrShort
	}
	switch protocol {
	case pppIPv4, pppIPv6:
		return d.datagram(f, p)
	case pppMPLS, pppMPLS2:
		return d.mpls(f, p)
	}
	return ErrNotIP
}

// pppDirection decodes PPP behind an octet that is 0 for what was received.
func (d *Decoder) pppDirection(f frame, p *Packet) error {
	if len(f.octets) < 1 {
		return ErrShort
	}
	p.Direction = capfile.Inbound
	if f.octets[0] != 0 {
		p.Direction = capfile.Outbound
	}
	return d.ppp(f.from(1), p)
}

// hdlc decodes what begins with a header of HDLC: that of PPP, or that of Cisco, which has an EtherType (RFC 1547 4.3.1).
func (d *Decoder) hdlc(f frame, p *Packet) error {
	const length, unicast, multicast = 4, 0x0f, 0x8f
	if len(f.octets) < length {
		return ErrShort
	}
	if a := f.octets[0]; a != unicast && a != multicast {
		return d.ppp(f, p)
	}
	return d.typed(binary.BigEndian.Uint16(f.octets[2:]), f.from(length), p)
}

// pppoe decodes what begins with a header of PPPoE (RFC 2516 4): version and type, a code that is 0 within a session, the
// session, a length.
func (d *Decoder) pppoe(f frame, p *Packet) error {
	const length, version = 6, 0x11
	switch {
	case len(f.octets) < length:
		return ErrShort
	case f.octets[0] != version:
		return ErrMalformed
	case f.octets[1] != 0:
		return ErrNotIP
	}
	return d.ppp(f.from(length), p)
}
