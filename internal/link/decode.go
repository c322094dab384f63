package link

import (
	"errors"
	"io"

	"tcpprobe/internal/capfile"
	"tcpprobe/rawip"
)

// Decoder finds the datagrams in frames. It is for one goroutine.
type Decoder struct {
	open      Tunnels
	peeking   bool   // it only looks for what is inside of a tunnel
	inner     Packet // that it saw there
	depth     int
	tunnels   []Tunnel
	fragments fragments
	rest      frame // of a frame that carries several datagrams
}

// NewDecoder returns a decoder that looks into the tunnels of a set, and into no others.
func NewDecoder(open Tunnels) *Decoder { return &Decoder{open: open} }

// frame is what is left of a frame that was captured, and how many octets more it had on the wire.
type frame struct {
	octets []byte
	cut    int
}

// from returns the frame without its first n octets, which it has.
func (f frame) from(n int) frame { return frame{f.octets[n:], f.cut} }

// Decode finds the datagram in a frame that begins with the header of a link type, and had so many octets on the wire. What p
// holds then aliases the frame, or lasts until the next one. Of a datagram in fragments, p is the first one that has its TCP
// header as a whole, or the last one that made it whole.
//
// The error is one of those of this package, none of which is a reason not to go on with the next frame.
func (d *Decoder) Decode(t capfile.LinkType, octets []byte, wire int, p *Packet) error {
	*p = Packet{}
	d.tunnels, d.rest, d.depth = d.tunnels[:0], frame{}, 0
	return d.link(t, frame{octets, max(wire-len(octets), 0)}, p)
}

// More reports whether the frame carries another datagram. Aggregates of 802.11 do.
func (d *Decoder) More() bool { return len(d.rest.octets) > 0 }

// Another is Decode for the next datagram of the same frame.
func (d *Decoder) Another(p *Packet) error {
	*p = Packet{}
	d.tunnels, d.depth = d.tunnels[:0], 0
	return d.aggregate(d.rest, p)
}

// maxDepth is how many headers of links and tunnels may be inside each other.
const maxDepth = 32

// link decodes what begins with the header of a link type.
func (d *Decoder) link(t capfile.LinkType, f frame, p *Packet) error {
	switch t {
	case capfile.LinkEthernet:
		return d.ethernet(f, p)
	case capfile.LinkRaw, capfile.LinkRaw12, capfile.LinkRaw14, capfile.LinkIPv4, capfile.LinkIPv6:
		return d.datagram(f, p)
	case capfile.LinkLinuxSLL:
		return d.cooked(f, p)
	case capfile.LinkLinuxSLL2:
		return d.cooked2(f, p)
	case capfile.LinkNull, capfile.LinkLoop:
		return d.loopback(f, p)
	case capfile.LinkPPP:
		return d.ppp(f, p)
	case capfile.LinkPPPHDLC, capfile.LinkCiscoHDLC:
		return d.hdlc(f, p)
	case capfile.LinkPPPDirection:
		return d.pppDirection(f, p)
	case capfile.LinkPPPoE:
		return d.pppoe(f, p)
	case capfile.LinkIEEE80211:
		return d.wireless(f, false, p)
	case capfile.LinkRadiotap:
		return d.radiotap(f, p)
	case capfile.LinkPrism, capfile.LinkAVS:
		return d.prism(f, p)
	case capfile.LinkPPI:
		return d.ppi(f, p)
	case capfile.LinkMPLS:
		return d.mpls(f, p)
	case capfile.LinkFDDI:
		return d.fddi(f, p)
	case capfile.LinkARCNET:
		return d.arcnet(f, p)
	case capfile.LinkEnc:
		return d.enc(f, p)
	case capfile.LinkPflog:
		return d.pflog(f, p)
	case capfile.LinkNFLOG:
		return d.nflog(f, p)
	}
	return ErrLinkType
}

// datagram decodes what begins with an IP header of either version.
func (d *Decoder) datagram(f frame, p *Packet) error {
	if len(f.octets) == 0 {
		return ErrShort
	}
	if v := f.octets[0] >> 4; v != 4 && v != 6 {
		return ErrNotIP
	}
	length, err := p.Datagram.ParseCaptured(f.octets, len(f.octets)+f.cut)
	switch {
	case errors.Is(err, io.ErrUnexpectedEOF):
		return ErrShort
	case err != nil:
		return ErrMalformed
	}
	p.Length, p.Octets, p.Tunnels = length, f.octets, d.tunnels
	switch p.Datagram.Protocol {
	case rawip.ProtocolTCP:
		if p.Datagram.FragmentOffset > 0 || p.Datagram.MoreFragments {
			return d.fragment(p)
		}
		return nil
	case rawip.ProtocolICMP, rawip.ProtocolICMPv6:
	default:
		if p.Datagram.FragmentOffset == 0 {
			return d.tunnel(p)
		}
	}
	if p.Datagram.FragmentOffset > 0 {
		return ErrFragment
	}
	return nil
}

// tunnel looks into the datagram, if it is that of a tunnel.
func (d *Decoder) tunnel(p *Packet) error {
	t, etherType, inside := unwrap(p)
	switch {
	case t == NoTunnel:
		return nil
	case d.open.Has(t):
		if !d.peeking {
			d.tunnels = append(d.tunnels, t)
		}
		return d.typed(etherType, inside, p)
	}
	open := d.open
	d.open, d.peeking, d.inner = AllTunnels, true, Packet{}
	if err := d.typed(etherType, inside, &d.inner); err == nil && d.inner.Datagram.Protocol == rawip.ProtocolTCP {
		p.Inner = t
	}
	d.open, d.peeking = open, false
	return nil
}
