package rawip

import (
	"encoding/binary"
	"io"
)

// A Quoted6 is the beginning of one of our datagrams as an ICMPv6 error gives it back.
type Quoted6 struct {
	Header        Header6
	PayloadLength uint16 // as quoted
	Payload       []byte // what is quoted of the payload, at least 8 octets, and whatever follows the quoted datagram
}

// ParseQuoted6 reads a quoted IPv6 datagram: the header and at least 8 octets of the payload. RFC 4443 2.4 has a router quote
// as much as fits into 1280 octets; a translator from IPv4 may have less. The Payload Length is reported, never believed. The
// result aliases b.
//
// The error is [io.ErrUnexpectedEOF] if b ends before that, and [ErrMalformed] if the version is not 6.
func ParseQuoted6(b []byte) (Quoted6, error) {
	h, rest, err := parseFixed6(b)
	if err != nil {
		return Quoted6{}, err
	}
	h, payload, err := h.walk(rest)
	if err != nil || len(payload) < minQuotedPayload {
		return Quoted6{}, io.ErrUnexpectedEOF
	}
	return Quoted6{Header: h, PayloadLength: binary.BigEndian.Uint16(b[4:]), Payload: payload}, nil
}
