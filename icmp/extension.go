package icmp

import (
	"encoding/binary"
	"fmt"

	"tcpprobe/internal/checksum"
)

const (
	extensionVersion = 2   // RFC 4884 7
	extensionHeader  = 4   // octets
	objectHeader     = 4   // octets
	paddedQuote      = 128 // octets that a quote before an extension has at least (RFC 4884 4)
	lengthUnit       = 4   // octets, of the length attribute in ICMP
	lengthUnit6      = 8   // and in ICMPv6
	lengthAt         = 1   // which octet of Rest it is in ICMP
	lengthAt6        = 0   // and in ICMPv6
	maxLength        = 255 // the greatest length attribute
)

// An Object is a part of what a router adds to an error message (RFC 4884 8).
//
//	 0                   1                   2                   3
//	 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
//	+-------------------------------+---------------+---------------+
//	|             Length            |   Class-Num   |    C-Type     |
//	+-------------------------------+---------------+---------------+
//	|                            Payload                            |
//	+---------------------------------------------------------------+
type Object struct {
	Class, CType uint8
	Payload      []byte
}

// Classes of objects, as IANA registers them under "ICMP Extension Object Classes".
const (
	ClassLabels    = 1 // MPLS label stack (RFC 4950)
	ClassInterface = 2 // interface information (RFC 5837)
)

// Objects returns what was added to the message, and aliases it. A message that has no extension has no objects.
//
// The error is [ErrMalformed], and names the octet of the body where the extension cannot be read any further: the objects
// before it stand. What an extension says is no proof of anything.
func (m Message) Objects() ([]Object, error) {
	at := m.quoteLen()
	extension := m.Body[at:]
	if len(extension) == 0 {
		return nil, nil
	}
	malformed := func(at int, format string, a ...any) error {
		return fmt.Errorf("%w: extension, octet %d: %s", ErrMalformed, at, fmt.Sprintf(format, a...))
	}
	switch {
	case len(extension) < extensionHeader:
		return nil, malformed(at, "%d octets are no header", len(extension))
	case extension[0]>>4 != extensionVersion:
		return nil, malformed(at, "version %d", extension[0]>>4)
	case !intact(extension):
		return nil, malformed(at+2, "checksum %#04x", binary.BigEndian.Uint16(extension[2:]))
	}
	var objects []Object
	for n := extensionHeader; n < len(extension); {
		rest := extension[n:]
		if len(rest) < objectHeader {
			return objects, malformed(at+n, "%d octets are no object", len(rest))
		}
		length := int(binary.BigEndian.Uint16(rest))
		if length < objectHeader || length > len(rest) {
			return objects, malformed(at+n, "object of %d octets", length)
		}
		objects = append(objects, Object{Class: rest[2], CType: rest[3], Payload: rest[objectHeader:length:length]})
		n += length
	}
	return objects, nil
}

// intact reports whether nothing speaks against an extension's checksum. 0 is none (RFC 4884 7).
func intact(extension []byte) bool {
	return binary.BigEndian.Uint16(extension[2:]) == 0 || checksum.Fold(checksum.Sum(0, extension)) == 0xffff
}

// quoteLen returns how many octets of the body are the quoted datagram, with its padding.
func (m Message) quoteLen() int {
	if !m.extensible() {
		return len(m.Body)
	}
	at, unit := m.lengthAttribute()
	length := unit * int(m.Rest[at])
	if length >= paddedQuote {
		return min(length, len(m.Body)) // where it says more than there is, the quote is what matters
	}
	// RFC 4884 4 wants no shorter quote before an extension, and octet 5 was unused before: what is there is no reason to
	// lose a part of the quote, but an extension that is proven is one. RFC 4884 5.5: some routers do not say how long the
	// quote is, and put the extension behind 128 octets.
	for _, at := range []int{length, paddedQuote} {
		if at > 0 && at <= len(m.Body) && proven(m.Body[at:]) {
			return at
		}
	}
	return len(m.Body)
}

// extensible reports whether RFC 4884 4 gives a message of its type an extension.
func (m Message) extensible() bool {
	if m.V6 {
		return m.Type == DestinationUnreachable6 || m.Type == TimeExceeded6
	}
	return m.Type == DestinationUnreachable || m.Type == TimeExceeded || m.Type == ParameterProblem
}

// lengthAttribute returns which octet of Rest says how long the quote is, and in units of how many octets (RFC 4884 4).
func (m Message) lengthAttribute() (at, unit int) {
	if m.V6 {
		return lengthAt6, lengthUnit6
	}
	return lengthAt, lengthUnit
}

// proven reports whether octets are an extension by their own testimony: by version and checksum.
func proven(extension []byte) bool {
	return len(extension) >= extensionHeader && extension[0]>>4 == extensionVersion &&
		binary.BigEndian.Uint16(extension[2:]) != 0 && intact(extension)
}

// Extended returns the message with the objects behind its body, which is padded with zeros as RFC 4884 4 wants it, and
// with its length told. It refuses with [ErrMalformed] if the message's type can have no extension, or if the body or an
// object is too long.
func (m Message) Extended(objects ...Object) (Message, error) {
	if !m.extensible() {
		return Message{}, fmt.Errorf("%w: type %d has no extension", ErrMalformed, m.Type)
	}
	at, unit := m.lengthAttribute()
	length := (max(len(m.Body), paddedQuote) + unit - 1) / unit
	if length > maxLength {
		return Message{}, fmt.Errorf("%w: quote of %d octets before an extension", ErrMalformed, len(m.Body))
	}
	body := make([]byte, unit*length, unit*length+extensionHeader)
	copy(body, m.Body)
	body = append(body, extensionVersion<<4, 0, 0, 0)
	for _, o := range objects {
		n := objectHeader + len(o.Payload)
		if n > 0xffff {
			return Message{}, fmt.Errorf("%w: object of %d octets", ErrMalformed, n)
		}
		body = append(binary.BigEndian.AppendUint16(body, uint16(n)), o.Class, o.CType)
		body = append(body, o.Payload...)
	}
	extension := body[unit*length:]
	binary.BigEndian.PutUint16(extension[2:], ^checksum.Fold(checksum.Sum(0, extension)))
	m.Rest[at], m.Body = byte(length), body
	return m, nil
}
