package tcphdr

import (
	"encoding/binary"
	"io"
)

// quotedLen is how many octets of a datagram's data every ICMP error quotes (RFC 792).
const quotedLen = 8

// A Quoted is the beginning of one of our segments as an ICMP error gives it back: enough to tell which segment it was.
type Quoted struct {
	SrcPort, DstPort uint16
	Seq              SeqNum
	Rest             []byte // what is quoted after the first 8 octets, often nothing
}

// ParseQuoted reads a quoted segment of at least 8 octets, which is all that RFC 792 promises. Rest aliases b. The error
// is [io.ErrUnexpectedEOF] if b is shorter.
func ParseQuoted(b []byte) (Quoted, error) {
	if len(b) < quotedLen {
		return Quoted{}, io.ErrUnexpectedEOF
	}
	return Quoted{
		SrcPort: binary.BigEndian.Uint16(b[0:]),
		DstPort: binary.BigEndian.Uint16(b[2:]),
		Seq:     SeqNum(binary.BigEndian.Uint32(b[4:])),
		Rest:    b[quotedLen:],
	}, nil
}
