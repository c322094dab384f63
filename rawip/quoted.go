package rawip

import (
	"encoding/binary"
	"io"
)

const minQuotedPayload = 8 // octets that every ICMP error quotes of a payload (RFC 792)

// A Quoted is the beginning of one of our datagrams as an ICMP error gives it back.
type Quoted struct {
	Header      Header
	TotalLength uint16 // as quoted: routers are known to write it in their own octet order
	Payload     []byte // what is quoted of the payload, at least 8 octets, and whatever follows the quoted datagram
}

// ParseQuoted reads a quoted datagram: the header and at least 8 octets of the payload, which is all that RFC 792
// promises. The Total Length is reported, never believed. The result aliases b.
//
// The error is [io.ErrUnexpectedEOF] if b ends before that, and [ErrMalformed] if the version is not 4 or the IHL is
// less than 5 words.
func ParseQuoted(b []byte) (Quoted, error) {
	h, headerLen, err := parseHeader(b)
	if err != nil {
		return Quoted{}, err
	}
	if len(b) < headerLen+minQuotedPayload {
		return Quoted{}, io.ErrUnexpectedEOF
	}
	return Quoted{
		Header:      h,
		TotalLength: binary.BigEndian.Uint16(b[2:]),
		Payload:     b[headerLen:],
	}, nil
}
