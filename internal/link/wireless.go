package link

import (
	"encoding/binary"

	"tcpprobe/internal/capfile"
)

// radiotap decodes what begins with a radiotap header: version, padding, length, and a bitmap of the fields that follow, all of it
// little-endian. One field says whether the header of 802.11 is padded.
func (d *Decoder) radiotap(f frame, p *Packet) error {
	const fixed, hasMore, hasTime, hasFlags, padded = 8, 1 << 31, 1 << 0, 1 << 1, 0x20
	b := f.octets
	if len(b) < fixed {
		return ErrShort
	}
	length := int(binary.LittleEndian.Uint16(b[2:]))
	switch {
	case b[0] != 0 || length < fixed:
		return ErrMalformed
	case length > len(b):
		return ErrShort
	}
	b = b[:length]
	present := binary.LittleEndian.Uint32(b[4:])
	at := fixed
	for word := present; word&hasMore != 0; at += 4 {
		if at+4 > length {
			return ErrMalformed
		}
		word = binary.LittleEndian.Uint32(b[at:])
	}
	if present&hasTime != 0 {
		at = (at+7)&^7 + 8
	}
	pad := present&hasFlags != 0 && at < length && b[at]&padded != 0
	return d.wireless(f.from(length), pad, p)
}

// prism decodes what begins with a Prism or an AVS header, whose length is in its second word. That of AVS begins with a version in
// network order; of the other the order is that of the host.
func (d *Decoder) prism(f frame, p *Packet) error {
	const least, avs, mask, longest = 8, 0x80211000, 0xfffff000, 1 << 16
	if len(f.octets) < least {
		return ErrShort
	}
	length := binary.BigEndian.Uint32(f.octets[4:])
	if binary.BigEndian.Uint32(f.octets)&mask != avs && length >= longest {
		length = binary.LittleEndian.Uint32(f.octets[4:])
	}
	switch {
	case length < least:
		return ErrMalformed
	case int64(length) > int64(len(f.octets)):
		return ErrShort
	}
	return d.wireless(f.from(int(length)), false, p)
}

// ppi decodes what begins with a header of per-packet information: version, flags, length, and the link type of what is behind it.
func (d *Decoder) ppi(f frame, p *Packet) error {
	const least = 8
	if len(f.octets) < least {
		return ErrShort
	}
	length := int(binary.LittleEndian.Uint16(f.octets[2:]))
	switch {
	case f.octets[0] != 0 || length < least:
		return ErrMalformed
	case length > len(f.octets):
		return ErrShort
	}
	t := binary.LittleEndian.Uint32(f.octets[4:])
	if d.depth++; d.depth > maxDepth || t > 0xffff {
		return ErrMalformed
	}
	return d.link(capfile.LinkType(t), f.from(length), p)
}

// Bits of the frame control field (IEEE 802.11 9.2.4.1), in its two octets.
const (
	typeMask    = 0x0c
	typeData    = 0x08
	subtypeNull = 0x40 // it has no body
	subtypeQoS  = 0x80

	toDS      = 0x01
	fromDS    = 0x02
	protected = 0x40
	order     = 0x80 // of a QoS frame: there is an HT Control field
)

// wireless decodes what begins with a header of IEEE 802.11, behind which there may be padding to a multiple of four octets.
func (d *Decoder) wireless(f frame, padded bool, p *Packet) error {
	const threeAddresses, address, sequence, fragment, aggregated = 24, 6, 22, 0x0f, 0x80
	b := f.octets
	if len(b) < threeAddresses {
		return ErrShort
	}
	kind, flags := b[0], b[1]
	if kind&3 != 0 || kind&typeMask != typeData || kind&subtypeNull != 0 {
		return ErrNotIP
	}
	length := threeAddresses
	if flags&(toDS|fromDS) == toDS|fromDS {
		length += address
	}
	amsdu := false
	if kind&subtypeQoS != 0 {
		if len(b) < length+2 {
			return ErrShort
		}
		amsdu = b[length]&aggregated != 0
		length += 2
		if flags&order != 0 {
			length += 4
		}
	}
	if padded {
		length = (length + 3) &^ 3
	}
	if len(b) < length {
		return ErrShort
	}
	later := b[sequence]&fragment != 0
	f = f.from(length)
	switch plain := len(f.octets) >= 2 && f.octets[0] == 0xaa && f.octets[1] == 0xaa; {
	case later:
		return ErrFragment
	case flags&protected != 0 && !plain: // some drivers decrypt, and leave the bit there
		return ErrEncrypted
	case amsdu && !plain:
		return d.aggregate(f, p)
	}
	return d.llc(f, p)
}

// aggregate decodes the first subframe of an A-MSDU (IEEE 802.11 9.3.2.2.2): addresses, a length, a header of LLC, and padding up
// to the next one.
func (d *Decoder) aggregate(f frame, p *Packet) error {
	b := f.octets
	d.rest = frame{}
	if len(b) < ethernetLength {
		return ErrShort
	}
	end := ethernetLength + int(binary.BigEndian.Uint16(b[12:]))
	sub := f
	if end < len(b) {
		sub = frame{octets: b[:end]}
		if next := (end + 3) &^ 3; next < len(b) {
			d.rest = f.from(next)
		}
	}
	return d.llc(sub.from(ethernetLength), p)
}
