package link

import (
	"encoding/binary"

	"tcpprobe/internal/capfile"
)

// EtherTypes, as IEEE and IANA have registered them.
const (
	typeIPv4    = 0x0800
	typeIPv6    = 0x86dd
	typeVLAN    = 0x8100 // IEEE 802.1Q, customer
	typeService = 0x88a8 // IEEE 802.1Q, service
	typeQinQ    = 0x9100 // the same, before there was a standard
	typeQinQ2   = 0x9200
	typeVNTag   = 0x8926 // of Cisco; before IEEE 802.1BR
	typeETag    = 0x893f // IEEE 802.1BR
	typePBB     = 0x88e7 // IEEE 802.1ah
	typeMPLS    = 0x8847
	typeMPLS2   = 0x8848 // to more than one receiver, once
	typePPPoE   = 0x8864 // RFC 2516, sessions
	typePPP     = 0x880b
	typeTEB     = 0x6558 // a whole Ethernet frame (RFC 1701)
	typeERSPAN  = 0x88be
	typeERSPAN3 = 0x22eb

	maxLengthField = 1500 // a field that is not greater is no type, but a length
)

const (
	ethernetLength = 14
	fddiLength     = 13
)

// ethernet decodes what begins with an Ethernet header.
func (d *Decoder) ethernet(f frame, p *Packet) error {
	if len(f.octets) < ethernetLength {
		return ErrShort
	}
	return d.typed(binary.BigEndian.Uint16(f.octets[12:]), f.from(ethernetLength), p)
}

// typed decodes what an EtherType says.
func (d *Decoder) typed(etherType uint16, f frame, p *Packet) error {
	if d.depth++; d.depth > maxDepth {
		return ErrMalformed
	}
	for {
		tag := 0 // octets of it, the last two of which are the next EtherType
		switch etherType {
		case typeIPv4, typeIPv6:
			return d.datagram(f, p)
		case typeVLAN, typeService, typeQinQ, typeQinQ2:
			tag = 4
		case typeVNTag:
			tag = 6
		case typeETag:
			tag = 8
		case typeMPLS, typeMPLS2:
			return d.mpls(f, p)
		case typePPPoE:
			return d.pppoe(f, p)
		case typePPP:
			return d.ppp(f, p)
		case typeTEB:
			return d.ethernet(f, p)
		case typePBB:
			if len(f.octets) < 4 {
				return ErrShort
			}
			return d.ethernet(f.from(4), p)
		default:
			if etherType <= maxLengthField {
				return d.llc(f, p)
			}
			return ErrNotIP
		}
		if len(f.octets) < tag {
			return ErrShort
		}
		if tag == 4 {
			p.VLANs.add(uint32(binary.BigEndian.Uint16(f.octets)) & 0xfff)
		}
		etherType = binary.BigEndian.Uint16(f.octets[tag-2:])
		f = f.from(tag)
	}
}

// llc decodes what begins with a header of IEEE 802.2, where an EtherType stands behind one of SNAP (RFC 1042).
func (d *Decoder) llc(f frame, p *Packet) error {
	const snap = 8
	b := f.octets
	switch {
	case len(b) < 3:
		return ErrShort
	case b[0] == 6 && b[1] == 6 && b[2] == 3: // IP, in the SAP that IEEE gave it
		return d.datagram(f.from(3), p)
	case b[0] != 0xaa || b[1] != 0xaa || b[2] != 3:
		return ErrNotIP
	case len(b) < snap:
		return ErrShort
	case b[3] != 0 || b[4] != 0 || b[5] != 0 && b[5] != 0xf8: // of another organisation
		return ErrNotIP
	}
	etherType := binary.BigEndian.Uint16(b[6:])
	if etherType <= maxLengthField {
		return ErrNotIP
	}
	return d.typed(etherType, f.from(snap), p)
}

// fddi decodes what begins with a header of FDDI.
func (d *Decoder) fddi(f frame, p *Packet) error {
	if len(f.octets) < fddiLength {
		return ErrShort
	}
	return d.llc(f.from(fddiLength), p)
}

// mpls decodes what begins with a stack of labels (RFC 3032). Nothing says what is below the last one: it is a datagram if it
// begins as one, and otherwise an Ethernet frame, in front of which there may be a control word of zeros (RFC 4448 4.6).
func (d *Decoder) mpls(f frame, p *Packet) error {
	const entry, bottom, word = 4, 1 << 8, 4
	for last := false; !last; f = f.from(entry) {
		if len(f.octets) < entry {
			return ErrShort
		}
		e := binary.BigEndian.Uint32(f.octets)
		p.Labels.add(e >> 12)
		last = e&bottom != 0
	}
	if len(f.octets) < word {
		return ErrShort
	}
	switch f.octets[0] >> 4 {
	case 4, 6:
		return d.datagram(f, p)
	case 0:
		f = f.from(word)
	}
	return d.typed(typeTEB, f, p)
}

// fromPacketType returns the direction that Linux's packet types tell (packet(7)).
func fromPacketType(t uint16) capfile.Direction {
	const toHost, outgoing = 0, 4
	switch t {
	case outgoing:
		return capfile.Outbound
	case toHost:
		return capfile.Inbound
	}
	return capfile.DirectionUnknown
}
