package icmp

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net/netip"

	"tcpprobe/internal/checksum"
)

// headerLen is the length in octets of what comes before the body in every message.
const headerLen = 8

const (
	protocol6           = 58  // of ICMPv6, in an IPv6 header
	firstInformational6 = 128 // types from here on are no errors (RFC 4443 2.1)
)

// ErrMalformed says that a message does not hold what was asked of it. It is wrapped with the field and its value.
var ErrMalformed = errors.New("icmp: malformed message")

// A Message is a message of ICMP (RFC 792) or of ICMPv6 (RFC 4443), which look alike, and have other types and codes.
//
//	 0                   1                   2                   3
//	 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
//	+---------------+---------------+-------------------------------+
//	|     Type      |     Code      |           Checksum            |
//	+---------------+---------------+-------------------------------+
//	|                   Rest, which depends on Type                 |
//	+---------------------------------------------------------------+
//	|                              Body                             |
//	+---------------------------------------------------------------+
type Message struct {
	V6       bool // it is ICMPv6
	Type     Type
	Code     Code
	Checksum uint16  // as received; computed anew when sent
	Rest     [4]byte // octets 4 to 7
	Body     []byte  // from octet 8 on
}

// Parse reads a message of ICMP. Body aliases b. It does not verify the checksum, for which see [Verify]. The error is
// [io.ErrUnexpectedEOF] if b is shorter than 8 octets.
func Parse(b []byte) (Message, error) { return parse(b, false) }

// Parse6 is [Parse] for a message of ICMPv6, whose checksum [Verify6] verifies.
func Parse6(b []byte) (Message, error) { return parse(b, true) }

func parse(b []byte, v6 bool) (Message, error) {
	if len(b) < headerLen {
		return Message{}, io.ErrUnexpectedEOF
	}
	return Message{
		V6:       v6,
		Type:     Type(b[0]),
		Code:     Code(b[1]),
		Checksum: binary.BigEndian.Uint16(b[2:]),
		Rest:     [4]byte(b[4:8]),
		Body:     b[headerLen:],
	}, nil
}

// Append appends the message to b, as one of ICMP. The checksum is computed; m.Checksum is not looked at.
func (m Message) Append(b []byte) []byte { return m.append(b, 0) }

// Append6 appends the message to b, as one of ICMPv6 between two addresses, which its checksum is over too (RFC 4443 2.3).
func (m Message) Append6(b []byte, src, dst netip.Addr) []byte {
	return m.append(b, checksum.PseudoHeader(src, dst, protocol6, headerLen+len(m.Body)))
}

// append appends the message, with a checksum that goes on from a sum.
func (m Message) append(b []byte, sum uint64) []byte {
	start := len(b)
	b = append(b, byte(m.Type), byte(m.Code))
	b = append(b, 0, 0) // the checksum, once the rest is there
	b = append(b, m.Rest[:]...)
	b = append(b, m.Body...)
	binary.BigEndian.PutUint16(b[start+2:], ^checksum.Fold(checksum.Sum(sum, b[start:])))
	return b
}

// Verify says what is known of the checksum of a message of ICMP. A message shorter than 8 octets leaves it
// [checksum.Unknown].
func Verify(b []byte) checksum.State { return verify(b, 0) }

// Verify6 is [Verify] for a message of ICMPv6 between two addresses.
func Verify6(b []byte, src, dst netip.Addr) checksum.State {
	return verify(b, checksum.PseudoHeader(src, dst, protocol6, len(b)))
}

func verify(b []byte, sum uint64) checksum.State {
	switch {
	case len(b) < headerLen:
		return checksum.Unknown
	case checksum.Fold(checksum.Sum(sum, b)) == 0xffff:
		return checksum.Valid
	default:
		return checksum.Invalid
	}
}

// IsError reports whether the message is of a type that quotes the datagram it is about. In ICMPv6 those are the types below
// 128 (RFC 4443 2.1), unknown ones too, and the redirect, which quotes in an option and is none here.
func (m Message) IsError() bool {
	if m.V6 {
		return m.Type < firstInformational6
	}
	switch m.Type {
	case DestinationUnreachable, SourceQuench, Redirect, TimeExceeded, ParameterProblem:
		return true
	default:
		return false
	}
}

// Quoted returns the octets of the datagram that an error message is about: its IP header and at least the first 8 octets of
// its payload, if the sender keeps to RFC 792 or RFC 4443, and whatever follows: padding, but no extension, for which see
// [Message.Objects]. They alias the body. The error is [ErrMalformed] for a message that is no error.
func (m Message) Quoted() ([]byte, error) {
	if !m.IsError() {
		return nil, fmt.Errorf("%w: type %d quotes no datagram", ErrMalformed, m.Type)
	}
	n := m.quoteLen()
	return m.Body[:n:n], nil
}

// NextHopMTU returns the largest datagram, in octets, that the next hop would have taken: what "fragmentation needed" (RFC
// 1191 4) and "packet too big" (RFC 4443 3.2) carry. It is not ok for any other message, or if the router does not tell and
// leaves 0.
func (m Message) NextHopMTU() (mtu uint32, ok bool) {
	if m.Meaning() != MeansTooBig {
		return 0, false
	}
	if mtu = uint32(binary.BigEndian.Uint16(m.Rest[2:])); m.V6 {
		mtu = binary.BigEndian.Uint32(m.Rest[:])
	}
	return mtu, mtu != 0
}

// Pointer returns the number of the octet of the quoted datagram in which a parameter problem was found, from 0. In ICMP it
// is ok only for code 0 of that type (RFC 792).
func (m Message) Pointer() (octet uint32, ok bool) {
	switch {
	case m.V6:
		return binary.BigEndian.Uint32(m.Rest[:]), m.Type == ParameterProblem6
	case m.Type == ParameterProblem && m.Code == 0:
		return uint32(m.Rest[0]), true
	}
	return 0, false
}

// Name returns what the type and code of the message mean; see the functions [Name] and [Name6].
func (m Message) Name() string {
	if m.V6 {
		return Name6(m.Type, m.Code)
	}
	return Name(m.Type, m.Code)
}
