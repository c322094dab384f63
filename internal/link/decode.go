package link

import (
	"encoding/binary"
	"errors"
	"io"

	"tcpprobe/internal/capfile"
)

// Decoder finds the datagrams in frames. It is for one goroutine.
type Decoder struct {
	open      Tunnels
	tunnels   []Tunnel
	fragments fragments
	rest      []byte // of a frame that carries several datagrams
}

// NewDecoder returns a decoder that looks into the tunnels of a set, and into no others.
func NewDecoder(open Tunnels) *Decoder { return &Decoder{open: open} }

// frame is what is left of a frame, and how many octets more it had on the wire.
type frame struct {
	b   []byte
	cut int
}

// skip drops the first n octets.
func (f *frame) skip(n int) bool {
	if len(f.b) < n {
		return false
	}
	f.b = f.b[n:]
	return true
}

// Decode finds the datagram in a frame that begins with a header of a link type, and had so many octets on the wire. What p holds
// then aliases the frame, or lasts until the next one.
//
// The error is one of those of this package, none of which is a reason not to go on with the next frame.
func (d *Decoder) Decode(t capfile.LinkType, octets []byte, wire int, p *Packet) error {
	*p = Packet{}
	d.tunnels, d.rest = d.tunnels[:0], nil
	f := frame{b: octets, cut: max(wire-len(octets), 0)}
	return d.link(t, f, p)
}

// link decodes what begins with the header of a link type.
func (d *Decoder) link(t capfile.LinkType, f frame, p *Packet) error {
	switch t {
	case capfile.LinkEthernet:
		return d.ethernet(f, p)
	case capfile.LinkRaw, capfile.LinkRaw12, capfile.LinkRaw14, capfile.LinkIPv4, capfile.LinkIPv6:
		return d.datagram(f, p)
	}
	return ErrLinkType
}

// datagram decodes what begins with an IP header of either version.
func (d *Decoder) datagram(f frame, p *Packet) error {
	if len(f.b) == 0 {
		return ErrShort
	}
	if v := f.b[0] >> 4; v != 4 && v != 6 {
		return ErrNotIP
	}
	length, err := p.Datagram.ParseCaptured(f.b, len(f.b)+f.cut)
	switch {
	case errors.Is(err, io.ErrUnexpectedEOF):
		return ErrShort
	case err != nil:
		return ErrMalformed
	}
	p.Length, p.Octets, p.Tunnels = length, f.b, d.tunnels
	return nil
}

// EtherTypes (IEEE 802.3 3.2.6, and what IANA and IEEE have registered).
const (
	typeIPv4       = 0x0800
	typeIPv6       = 0x86dd
	typeVLAN       = 0x8100 // IEEE 802.1Q, customer
	typeService    = 0x88a8 // IEEE 802.1Q, service
	typeQinQ       = 0x9100 // before there was a standard
	typeQinQ2      = 0x9200
	maxLengthField = 1500 // a field that is not greater is no type, but a length
)

const ethernetLength = 14

// ethernet decodes what begins with an Ethernet header.
func (d *Decoder) ethernet(f frame, p *Packet) error {
	if len(f.b) < ethernetLength {
		return ErrShort
	}
	etherType := binary.BigEndian.Uint16(f.b[12:])
	f.b = f.b[ethernetLength:]
	return d.typed(etherType, f, p)
}

// typed decodes what an EtherType says.
func (d *Decoder) typed(etherType uint16, f frame, p *Packet) error {
	for {
		switch etherType {
		case typeIPv4, typeIPv6:
			return d.datagram(f, p)
		case typeVLAN, typeService, typeQinQ, typeQinQ2:
			if len(f.b) < 4 {
				return ErrShort
			}
			p.VLANs.add(uint32(binary.BigEndian.Uint16(f.b)) & 0xfff)
			etherType = binary.BigEndian.Uint16(f.b[2:])
			f.b = f.b[4:]
		default:
			return ErrNotIP
		}
	}
}
