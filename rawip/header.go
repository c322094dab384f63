package rawip

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net/netip"

	"tcpprobe/internal/checksum"
)

// Numbers of the protocols that a datagram may carry, as IANA assigns them.
const (
	ProtocolICMP = 1
	ProtocolTCP  = 6
	ProtocolUDP  = 17

	ProtocolICMPv6 = 58
)

const (
	version           = 4
	minHeaderLen      = 20    // octets, without options
	maxOptions        = 40    // octets: the IHL counts at most 15 32-bit words
	maxDatagram       = 65535 // octets: the Total Length is 16 bits
	maxFragmentOffset = 1<<13 - 1
	fragmentUnit      = 8 // octets

	flagReserved      = 1 << 15
	flagDontFragment  = 1 << 14
	flagMoreFragments = 1 << 13
)

// ErrMalformed says that a datagram cannot be read, or may not be sent. It is wrapped with the field and its value.
var ErrMalformed = errors.New("rawip: malformed datagram")

// A Header is the IPv4 header (RFC 791 3.1). Version, IHL and Total Length are computed when it is written.
//
//	 0                   1                   2                   3
//	 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
//	+-------+-------+-----------+---+-------------------------------+
//	|Version|  IHL  |   DSCP    |ECN|         Total Length          |
//	+-------+-------+-----------+---+-----+-------------------------+
//	|        Identification         |R D M|     Fragment Offset     |
//	+---------------+---------------+-----+-------------------------+
//	| Time to Live  |   Protocol    |        Header Checksum        |
//	+---------------+---------------+-------------------------------+
//	|                        Source Address                         |
//	+---------------------------------------------------------------+
//	|                      Destination Address                      |
//	+---------------------------------------------------------------+
//	|                           [Options]                           |
//	+---------------------------------------------------------------+
type Header struct {
	TOS            uint8  // the octet that RFC 791 calls Type of Service; see DSCP and ECN
	ID             uint16 // Identification; has a meaning only for fragments and what may become one (RFC 6864)
	ReservedFlag   bool   // the first of the three flags; sent as 0
	DontFragment   bool
	MoreFragments  bool
	FragmentOffset uint16 // 0 to 8191, in units of 8 octets
	TTL            uint8  // Time to Live, in hops
	Protocol       uint8
	Checksum       uint16 // as received; computed anew when sent
	Src, Dst       netip.Addr
	Options        []byte // with the padding, when received
}

// DSCP returns the differentiated services codepoint, 0 to 63 (RFC 2474 3).
func (h Header) DSCP() uint8 { return h.TOS >> 2 }

// ECN returns the ECN field (RFC 3168 5): 0 for Not-ECT, 1 for ECT(1), 2 for ECT(0), 3 for CE.
func (h Header) ECN() uint8 { return h.TOS & 0x3 }

// Options that name the routers to pass, the last of whose addresses is the destination (RFC 791 3.1).
const (
	optionEnd         = 0
	optionNop         = 1
	optionLooseRoute  = 131
	optionStrictRoute = 137
)

// FinalDst returns the address that the datagram is for in the end: Dst, or under a source route that is not used up the last
// address of it. Checksums of transports are over this one (RFC 1122 4.1.3.6, RFC 9293 3.1).
func (h Header) FinalDst() netip.Addr {
	for b := h.Options; len(b) > 0; {
		switch b[0] {
		case optionEnd:
			return h.Dst
		case optionNop:
			b = b[1:]
			continue
		}
		if len(b) < 2 || b[1] < 2 || int(b[1]) > len(b) {
			return h.Dst
		}
		length := int(b[1])
		// The pointer counts from 1, and is greater than the length when the route is used up.
		if (b[0] == optionLooseRoute || b[0] == optionStrictRoute) && length >= 7 && int(b[2]) <= length {
			return netip.AddrFrom4([4]byte(b[length-4 : length]))
		}
		b = b[length:]
	}
	return h.Dst
}

// Parse returns the header and the payload of a datagram, both of which alias it. Octets after the Total Length, such as
// the padding of a short Ethernet frame, are left out of the payload. Parse does not verify the checksum, for which see
// [VerifyHeader].
//
// The error is [io.ErrUnexpectedEOF] if the datagram ends before its header or its Total Length does, and
// [ErrMalformed] if the version is not 4, the IHL is less than 5 words, or the Total Length is less than the header.
func Parse(datagram []byte) (Header, []byte, error) {
	return parse(datagram, 0)
}

// ParseUnsized is [Parse] for a datagram that the kernel has joined out of several, or not yet cut into several, and
// that may be longer than a Total Length can say. Where the Total Length is 0, the datagram is all of the slice.
func ParseUnsized(datagram []byte) (Header, []byte, error) {
	return parse(datagram, len(datagram))
}

// parse is Parse, with the length that a Total Length of 0 stands for.
func parse(datagram []byte, unsized int) (Header, []byte, error) {
	h, headerLen, err := parseHeader(datagram)
	if err != nil {
		return Header{}, nil, err
	}
	total := int(binary.BigEndian.Uint16(datagram[2:]))
	if total == 0 {
		total = unsized
	}
	if total < headerLen {
		return Header{}, nil, fmt.Errorf("%w: Total Length %d", ErrMalformed, total)
	}
	if total > len(datagram) {
		return Header{}, nil, io.ErrUnexpectedEOF
	}
	return h, datagram[headerLen:total], nil
}

// parseHeader returns the header at the beginning of b and its length in octets. It does not look at the Total Length.
func parseHeader(b []byte) (h Header, headerLen int, err error) {
	if len(b) < minHeaderLen {
		return Header{}, 0, io.ErrUnexpectedEOF
	}
	if v := b[0] >> 4; v != version {
		return Header{}, 0, fmt.Errorf("%w: version %d", ErrMalformed, v)
	}
	ihl := int(b[0] & 0xf)
	headerLen = 4 * ihl
	if headerLen < minHeaderLen {
		return Header{}, 0, fmt.Errorf("%w: IHL %d", ErrMalformed, ihl)
	}
	if headerLen > len(b) {
		return Header{}, 0, io.ErrUnexpectedEOF
	}
	fragment := binary.BigEndian.Uint16(b[6:])
	return Header{
		TOS:            b[1],
		ID:             binary.BigEndian.Uint16(b[4:]),
		ReservedFlag:   fragment&flagReserved != 0,
		DontFragment:   fragment&flagDontFragment != 0,
		MoreFragments:  fragment&flagMoreFragments != 0,
		FragmentOffset: fragment & maxFragmentOffset,
		TTL:            b[8],
		Protocol:       b[9],
		Checksum:       binary.BigEndian.Uint16(b[10:]),
		Src:            netip.AddrFrom4([4]byte(b[12:16])),
		Dst:            netip.AddrFrom4([4]byte(b[16:20])),
		Options:        b[minHeaderLen:headerLen:headerLen],
	}, headerLen, nil
}

// Append appends to b the datagram made of the header and payload. It is [Header.AppendHeader] with the payload after it.
func (h Header) Append(b []byte, payload []byte) ([]byte, error) {
	b, err := h.AppendHeader(b, len(payload))
	if err != nil {
		return b, err
	}
	return append(b, payload...), nil
}

// AppendHeader appends to b the header alone, its options padded with zeros to a 32-bit boundary, for a payload of
// payloadLen octets that the caller appends afterwards. The checksum is computed; h.Checksum is not looked at.
//
// It refuses with [ErrMalformed], and returns b as it was, if an address is not IPv4, the options are longer than 40
// octets, the datagram would be longer than 65535 octets, the fragment offset is greater than 8191, or the reserved flag
// is set.
func (h Header) AppendHeader(b []byte, payloadLen int) ([]byte, error) {
	padding := -len(h.Options) & 3
	headerLen := minHeaderLen + len(h.Options) + padding
	if err := h.check(headerLen, payloadLen); err != nil {
		return b, err
	}

	fragment := h.FragmentOffset
	if h.DontFragment {
		fragment |= flagDontFragment
	}
	if h.MoreFragments {
		fragment |= flagMoreFragments
	}
	src, dst := h.Src.As4(), h.Dst.As4()

	start := len(b)
	b = append(b, byte(version<<4|headerLen/4), h.TOS)
	b = binary.BigEndian.AppendUint16(b, uint16(headerLen+payloadLen))
	b = binary.BigEndian.AppendUint16(b, h.ID)
	b = binary.BigEndian.AppendUint16(b, fragment)
	b = append(b, h.TTL, h.Protocol)
	b = append(b, 0, 0) // the checksum, once the rest is there
	b = append(b, src[:]...)
	b = append(b, dst[:]...)
	b = append(b, h.Options...)
	for range padding {
		b = append(b, 0)
	}
	binary.BigEndian.PutUint16(b[start+10:], ^checksum.Fold(checksum.Sum(0, b[start:])))
	return b, nil
}

// check says what keeps a datagram of the given lengths from being sent, if anything does.
func (h Header) check(headerLen, payloadLen int) error {
	if !h.Src.Is4() {
		return fmt.Errorf("%w: source address %v", ErrMalformed, h.Src)
	}
	if !h.Dst.Is4() {
		return fmt.Errorf("%w: destination address %v", ErrMalformed, h.Dst)
	}
	if h.ReservedFlag {
		return fmt.Errorf("%w: reserved flag 1", ErrMalformed)
	}
	if h.FragmentOffset > maxFragmentOffset {
		return fmt.Errorf("%w: fragment offset %d", ErrMalformed, h.FragmentOffset)
	}
	if len(h.Options) > maxOptions {
		return fmt.Errorf("%w: %d octets of options", ErrMalformed, len(h.Options))
	}
	if payloadLen < 0 || payloadLen > maxDatagram-headerLen {
		return fmt.Errorf("%w: payload of %d octets", ErrMalformed, payloadLen)
	}
	return nil
}

// VerifyHeader says what is known of the header checksum of a datagram. A header that is not whole leaves it
// [checksum.Unknown].
func VerifyHeader(datagram []byte) checksum.State {
	_, headerLen, err := parseHeader(datagram)
	switch {
	case err != nil:
		return checksum.Unknown
	case checksum.Fold(checksum.Sum(0, datagram[:headerLen])) == 0xffff:
		return checksum.Valid
	default:
		return checksum.Invalid
	}
}
