package icmp

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"tcpprobe/internal/checksum"
)

// headerLen is the length in octets of what comes before the body in every message.
const headerLen = 8

// ErrMalformed says that a message does not hold what was asked of it. It is wrapped with the field and its value.
var ErrMalformed = errors.New("icmp: malformed message")

// A Message is an ICMP message (RFC 792).
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
	Type     Type
	Code     Code
	Checksum uint16  // as received; computed anew when sent
	Rest     [4]byte // octets 4 to 7
	Body     []byte  // from octet 8 on
}

// Parse reads a message. Body aliases b. It does not verify the checksum, for which see [Verify]. The error is
// [io.ErrUnexpectedEOF] if b is shorter than 8 octets.
func Parse(b []byte) (Message, error) {
	if len(b) < headerLen {
		return Message{}, io.ErrUnexpectedEOF
	}
	return Message{
		Type:     Type(b[0]),
		Code:     Code(b[1]),
		Checksum: binary.BigEndian.Uint16(b[2:]),
		Rest:     [4]byte(b[4:8]),
		Body:     b[headerLen:],
	}, nil
}

// Append appends the message to b. The checksum is computed; m.Checksum is not looked at.
func (m Message) Append(b []byte) []byte {
	start := len(b)
	b = append(b, byte(m.Type), byte(m.Code))
	b = append(b, 0, 0) // the checksum, once the rest is there
	b = append(b, m.Rest[:]...)
	b = append(b, m.Body...)
	binary.BigEndian.PutUint16(b[start+2:], ^checksum.Fold(checksum.Sum(0, b[start:])))
	return b
}

// Verify says what is known of the checksum of a message. A message shorter than 8 octets leaves it [checksum.Unknown].
func Verify(b []byte) checksum.State {
	switch {
	case len(b) < headerLen:
		return checksum.Unknown
	case checksum.Fold(checksum.Sum(0, b)) == 0xffff:
		return checksum.Valid
	default:
		return checksum.Invalid
	}
}

// IsError reports whether the message is of a type that quotes the datagram it is about.
func (m Message) IsError() bool {
	switch m.Type {
	case DestinationUnreachable, SourceQuench, Redirect, TimeExceeded, ParameterProblem:
		return true
	default:
		return false
	}
}

// Quoted returns the octets of the datagram that an error message is about: its IPv4 header and at least the first 8
// octets of its payload, if the sender keeps to RFC 792, and whatever follows: padding, but no extension, for which see
// [Message.Objects]. They alias the body. The error is [ErrMalformed] for a message that is no error.
func (m Message) Quoted() ([]byte, error) {
	if !m.IsError() {
		return nil, fmt.Errorf("%w: type %d quotes no datagram", ErrMalformed, m.Type)
	}
	n := m.quoteLen()
	return m.Body[:n:n], nil
}

// NextHopMTU returns the largest datagram, in octets, that the next hop would have taken: what "fragmentation needed"
// carries (RFC 1191 4). It is not ok for any other message, or if the router does not tell and leaves 0.
func (m Message) NextHopMTU() (mtu uint16, ok bool) {
	if m.Type != DestinationUnreachable || m.Code != FragmentationNeeded {
		return 0, false
	}
	mtu = binary.BigEndian.Uint16(m.Rest[2:])
	return mtu, mtu != 0
}

// Pointer returns the number of the octet of the quoted datagram in which a parameter problem was found, from 0. It is
// ok only for code 0 of that type (RFC 792).
func (m Message) Pointer() (octet uint8, ok bool) {
	if m.Type != ParameterProblem || m.Code != 0 {
		return 0, false
	}
	return m.Rest[0], true
}

// Name returns what the type and code of the message mean; see the function [Name].
func (m Message) Name() string { return Name(m.Type, m.Code) }
