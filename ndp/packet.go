package ndp

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"strings"

	"tcpprobe/internal/checksum"
)

// Type is the ICMPv6 type of a message (RFC 4861 4).
type Type uint8

const (
	Solicitation  Type = 135 // who has Target?
	Advertisement Type = 136 // Target is at the MAC of the option TargetMAC
)

// String returns "neighbor solicitation" or "neighbor advertisement".
func (t Type) String() string {
	if t == Solicitation {
		return "neighbor solicitation"
	}
	return "neighbor advertisement"
}

// Flags are the 32 bits between checksum and target. Those of a Solicitation are reserved, as are all without a name here.
type Flags uint32

const (
	Router    Flags = 1 << 31 // R: the sender is a router
	Solicited Flags = 1 << 30 // S: it answers a Solicitation
	Override  Flags = 1 << 29 // O: it counts more than what was known; clear in answers of proxies and for anycast addresses
)

// Has reports whether all of the other flags are set.
func (f Flags) Has(other Flags) bool { return f&other == other }

// String returns the letters of the flags that are set, like "R,S,O"; reserved ones as a number.
func (f Flags) String() string {
	var names []string
	for _, flag := range []struct {
		bit  Flags
		name string
	}{{Router, "R"}, {Solicited, "S"}, {Override, "O"}} {
		if f.Has(flag.bit) {
			names = append(names, flag.name)
		}
	}
	if reserved := f &^ (Router | Solicited | Override); reserved != 0 {
		names = append(names, fmt.Sprintf("%#x", uint32(reserved)))
	}
	return strings.Join(names, ",")
}

// OptionType says what an Option is (RFC 4861 4.6).
type OptionType uint8

const (
	SourceMAC OptionType = 1 // the MAC of who sent the packet
	TargetMAC OptionType = 2 // the MAC of the target
)

// Option is an option of any type. Its length is that of Data and 2, and a multiple of 8.
type Option struct {
	Type OptionType
	Data []byte
}

// Packet is a Solicitation or an Advertisement, with what of its IPv6 header decides whether it is to be believed. Next
// header, lengths and checksum are thereby given, and no fields.
type Packet struct {
	Src, Dst netip.Addr
	HopLimit uint8 // 255, or it comes from beyond the link (RFC 4861 7.1)
	Type     Type
	Code     uint8 // 0
	Flags    Flags
	Target   netip.Addr
	Options  []Option
}

// The octets of a packet.
const (
	headerSize  = 40 // of IPv6 (RFC 8200 3)
	messageSize = 24 // of a message without options

	version    = 6
	nextHeader = 58 // ICMPv6
)

// HopLimit is that of every packet of Neighbor Discovery: a router would have taken one off.
const HopLimit = 255

// ErrMalformed is the error of octets that are no Solicitation or Advertisement. It comes wrapped, with the field and its
// value.
var ErrMalformed = errors.New("malformed NDP packet")

// Append appends the packet's octets to b, from the IPv6 header on, with traffic class and flow label 0. It refuses
// addresses that are not IPv6, other types than the two, and options of an impossible length, with ErrMalformed.
func (p Packet) Append(b []byte) ([]byte, error) {
	length := messageSize
	for _, o := range p.Options {
		size := 2 + len(o.Data)
		if size%8 != 0 || size > 8*255 {
			return b, fmt.Errorf("%w: option %d of %d octets", ErrMalformed, o.Type, size)
		}
		length += size
	}
	for _, a := range []netip.Addr{p.Src, p.Dst, p.Target} {
		if !a.Is6() || a.Is4In6() {
			return b, fmt.Errorf("%w: %v is not an IPv6 address", ErrMalformed, a)
		}
	}
	switch {
	case p.Type != Solicitation && p.Type != Advertisement:
		return b, fmt.Errorf("%w: type %d", ErrMalformed, uint8(p.Type))
	case length > 0xffff:
		return b, fmt.Errorf("%w: %d octets", ErrMalformed, length)
	}
	b = binary.BigEndian.AppendUint32(b, version<<28)
	b = binary.BigEndian.AppendUint16(b, uint16(length))
	b = append(b, nextHeader, p.HopLimit)
	b = append(b, p.Src.AsSlice()...)
	b = append(b, p.Dst.AsSlice()...)
	start := len(b)
	b = append(b, uint8(p.Type), p.Code, 0, 0)
	b = binary.BigEndian.AppendUint32(b, uint32(p.Flags))
	b = append(b, p.Target.AsSlice()...)
	for _, o := range p.Options {
		b = append(b, uint8(o.Type), uint8((2+len(o.Data))/8))
		b = append(b, o.Data...)
	}
	sum := checksum.Sum(checksum.PseudoHeader(p.Src, p.Dst, nextHeader, length), b[start:])
	binary.BigEndian.PutUint16(b[start+2:], ^checksum.Fold(sum))
	return b, nil
}

// Parse reads a packet from its IPv6 header on, and says what is known of its checksum. The options alias b. Octets behind
// the payload are padding of the frame and are left alone; fewer than there should be are io.ErrUnexpectedEOF. A packet of
// another version or type, with extension headers, or with an option that is empty or too long is ErrMalformed (RFC 4861
// 7.1). Hop limit, code, flags, addresses and checksum are not judged.
func Parse(b []byte) (Packet, checksum.State, error) {
	if len(b) < headerSize {
		return Packet{}, checksum.Unknown, fmt.Errorf("NDP packet of %d octets: %w", len(b), io.ErrUnexpectedEOF)
	}
	if v := b[0] >> 4; v != version {
		return Packet{}, checksum.Unknown, fmt.Errorf("%w: IP version %d", ErrMalformed, v)
	}
	if b[6] != nextHeader {
		return Packet{}, checksum.Unknown, fmt.Errorf("%w: next header %d", ErrMalformed, b[6])
	}
	length := int(binary.BigEndian.Uint16(b[4:]))
	switch {
	case length < messageSize:
		return Packet{}, checksum.Unknown, fmt.Errorf("%w: payload length %d", ErrMalformed, length)
	case len(b) < headerSize+length:
		return Packet{}, checksum.Unknown, fmt.Errorf("NDP packet of %d octets: %w", len(b), io.ErrUnexpectedEOF)
	}
	m := b[headerSize : headerSize+length]
	p := Packet{
		Src:      netip.AddrFrom16([16]byte(b[8:24])),
		Dst:      netip.AddrFrom16([16]byte(b[24:40])),
		HopLimit: b[7],
		Type:     Type(m[0]),
		Code:     m[1],
		Flags:    Flags(binary.BigEndian.Uint32(m[4:])),
		Target:   netip.AddrFrom16([16]byte(m[8:24])),
	}
	if p.Type != Solicitation && p.Type != Advertisement {
		return Packet{}, checksum.Unknown, fmt.Errorf("%w: type %d", ErrMalformed, m[0])
	}
	for rest := m[messageSize:]; len(rest) > 0; {
		if len(rest) < 2 || rest[1] == 0 || 8*int(rest[1]) > len(rest) {
			return Packet{}, checksum.Unknown, fmt.Errorf("%w: an option at octet %d ends beyond the message, or nowhere", ErrMalformed, headerSize+length-len(rest))
		}
		size := 8 * int(rest[1])
		p.Options = append(p.Options, Option{Type: OptionType(rest[0]), Data: rest[2:size]})
		rest = rest[size:]
	}
	state := checksum.Invalid
	if checksum.Fold(checksum.Sum(checksum.PseudoHeader(p.Src, p.Dst, nextHeader, length), m)) == 0xffff {
		state = checksum.Valid
	}
	return p, state, nil
}

// Size returns how many octets the packet has, from the IPv6 header on.
func (p Packet) Size() int {
	size := headerSize + messageSize
	for _, o := range p.Options {
		size += 2 + len(o.Data)
	}
	return size
}

// MAC returns the MAC that the first option of the type holds.
func (p Packet) MAC(t OptionType) (mac [6]byte, ok bool) {
	for _, o := range p.Options {
		if o.Type == t && len(o.Data) == len(mac) {
			return [6]byte(o.Data), true
		}
	}
	return [6]byte{}, false
}

// SolicitedNode returns the group whose members hear Solicitations for an address (RFC 4291 2.7.1).
func SolicitedNode(a netip.Addr) netip.Addr {
	group := [16]byte{0: 0xff, 1: 0x02, 11: 0x01, 12: 0xff}
	address := a.As16()
	copy(group[13:], address[13:])
	return netip.AddrFrom16(group)
}

// GroupMAC returns the MAC that frames to a multicast address go to (RFC 2464 7).
func GroupMAC(group netip.Addr) [6]byte {
	a := group.As16()
	return [6]byte{0x33, 0x33, a[12], a[13], a[14], a[15]}
}
