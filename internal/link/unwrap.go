package link

import (
	"encoding/binary"

	"tcpprobe/rawip"
)

// Protocols of datagrams that carry others, as IANA assigns them.
const (
	protocolIPv4     = 4
	protocolIPv6     = 41
	protocolGRE      = 47
	protocolMPLS     = 137
	protocolEthernet = 143
)

// Ports of UDP to which tunnels send, as IANA assigns them, and the one that Linux had for VXLAN before.
const (
	portVXLAN    = 4789
	portOldVXLAN = 8472
	portVXLANGPE = 4790
	portGeneve   = 6081
	portGRE      = 4754
	portGTP      = 2152
)

// unwrap finds out what a datagram is the tunnel of: NoTunnel if it is none, or if its header is not whole. Otherwise it returns the
// EtherType of what is inside.
func unwrap(p *Packet) (t Tunnel, etherType uint16, inside frame) {
	f := frame{p.Datagram.Payload, max(p.Length-len(p.Datagram.Payload), 0)}
	ok := false
	switch p.Datagram.Protocol {
	case protocolIPv4:
		return inIP(p), typeIPv4, f
	case protocolIPv6:
		return inIP(p), typeIPv6, f
	case protocolMPLS:
		return inIP(p), typeMPLS, f
	case protocolEthernet:
		return inIP(p), typeTEB, f
	case protocolGRE:
		t = GRE
		etherType, f, ok = gre(f)
	case rawip.ProtocolUDP:
		t, etherType, f, ok = inUDP(f)
	}
	if !ok {
		return NoTunnel, 0, frame{}
	}
	return t, etherType, f
}

// inIP returns SRv6 if a routing header of segments stands behind the IPv6 header and options, and otherwise IPIP.
func inIP(p *Packet) Tunnel {
	const headerLen, unit, segments = 40, 8, 4
	b := p.Octets
	if !p.Datagram.Is6() {
		return IPIP
	}
	next := b[6]
	for b = b[headerLen:]; len(b) >= unit; {
		switch next {
		case rawip.HeaderRouting:
			if b[2] == segments {
				return SRv6
			}
		case rawip.HeaderHopByHop, rawip.HeaderDestinationOptions:
		default:
			return IPIP
		}
		next = b[0]
		b = b[min(unit*(int(b[1])+1), len(b)):]
	}
	return IPIP
}

// gre reads a GRE header of version 0 (RFC 2784 2, RFC 2890 2), or of version 1, that of PPTP (RFC 2637 4.1).
func gre(f frame) (etherType uint16, inside frame, ok bool) {
	const (
		checksummed, routed, keyed, numbered, acknowledged = 0x8000, 0x4000, 0x2000, 0x1000, 0x0080
		version, pptp, word                                = 7, 1, 4
	)
	if len(f.octets) < word {
		return 0, f, false
	}
	flags := binary.BigEndian.Uint16(f.octets)
	etherType = binary.BigEndian.Uint16(f.octets[2:])
	length := word
	switch {
	case flags&routed != 0 || flags&version > pptp:
		return 0, f, false
	case flags&version == pptp && flags&acknowledged != 0:
		length += word
	}
	for _, field := range [...]uint16{checksummed, keyed, numbered} {
		if flags&field != 0 {
			length += word
		}
	}
	if len(f.octets) < length {
		return 0, f, false
	}
	f = f.from(length)
	switch etherType {
	case typeERSPAN, typeERSPAN3:
		f, ok = erspan(etherType, flags&numbered != 0, f)
		return typeTEB, f, ok
	}
	return etherType, f, true
}

// erspan drops the header in front of a mirrored frame (draft-foschiano-erspan 4): none of the first type, which has no numbers.
func erspan(etherType uint16, numbered bool, f frame) (inside frame, ok bool) {
	const type2, type3, platform = 8, 12, 8
	length := 0
	switch {
	case etherType == typeERSPAN && numbered:
		length = type2
	case etherType == typeERSPAN3:
		if length = type3; len(f.octets) >= type3 && f.octets[type3-1]&1 != 0 {
			length += platform
		}
	}
	if len(f.octets) < length {
		return f, false
	}
	return f.from(length), true
}

// inUDP reads the header of a tunnel in UDP, which its destination port tells.
func inUDP(f frame) (t Tunnel, etherType uint16, inside frame, ok bool) {
	const length = 8
	if len(f.octets) < length {
		return NoTunnel, 0, f, false
	}
	port := binary.BigEndian.Uint16(f.octets[2:])
	f = f.from(length)
	switch port {
	case portVXLAN, portOldVXLAN:
		t, etherType = VXLAN, typeTEB
		f, ok = vxlan(f)
	case portVXLANGPE:
		if t = VXLAN; len(f.octets) >= length {
			etherType = gpeTypes[f.octets[3]&3]
			f, ok = vxlan(f)
		}
	case portGeneve:
		t = Geneve
		etherType, f, ok = geneve(f)
	case portGRE:
		t = GRE
		etherType, f, ok = gre(f)
	case portGTP:
		t = GTP
		etherType, f, ok = gtp(f)
	}
	return t, etherType, f, ok
}

// gpeTypes are the EtherTypes of what VXLAN-GPE numbers (draft-ietf-nvo3-vxlan-gpe 3.1); 0 is for what it does not.
var gpeTypes = []uint16{0, typeIPv4, typeIPv6, typeTEB}

// vxlan drops a VXLAN header (RFC 7348 5), which has the bit that says that it has a number.
func vxlan(f frame) (frame, bool) {
	const length, numbered = 8, 0x08
	if len(f.octets) < length || f.octets[0]&numbered == 0 {
		return f, false
	}
	return f.from(length), true
}

// geneve reads a Geneve header (RFC 8926 3.4).
func geneve(f frame) (etherType uint16, inside frame, ok bool) {
	const fixed, version, options, unit = 8, 0xc0, 0x3f, 4
	if len(f.octets) < fixed || f.octets[0]&version != 0 {
		return 0, f, false
	}
	length := fixed + unit*int(f.octets[0]&options)
	if len(f.octets) < length {
		return 0, f, false
	}
	return binary.BigEndian.Uint16(f.octets[2:]), f.from(length), true
}

// gtp reads a header of GTP-U and those behind it (3GPP TS 29.281 5.1 and 5.2).
func gtp(f frame) (etherType uint16, inside frame, ok bool) {
	const fixed, more, protocol, version1, optional, extended, user, unit = 8, 4, 0xf0, 0x30, 0x07, 0x04, 255, 4
	b := f.octets
	if len(b) < fixed || b[0]&protocol != version1 || b[1] != user {
		return 0, f, false
	}
	flags := b[0]
	f = f.from(fixed)
	if flags&optional != 0 {
		if len(f.octets) < more {
			return 0, f, false
		}
		next := f.octets[more-1]
		f = f.from(more)
		for flags&extended != 0 && next != 0 {
			if len(f.octets) < 1 {
				return 0, f, false
			}
			length := unit * int(f.octets[0])
			if length == 0 || length > len(f.octets) {
				return 0, f, false
			}
			next = f.octets[length-1]
			f = f.from(length)
		}
	}
	return typeIPv4, f, true // the datagram says itself of which version it is
}
