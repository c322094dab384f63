package tcphdr

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net/netip"

	"tcpprobe/internal/checksum"
)

const (
	protocol     = 6     // of TCP in the pseudo-header
	minHeaderLen = 20    // octets, without options
	maxOptions   = 40    // octets: the data offset counts at most 15 32-bit words
	maxSegment   = 65535 // octets, as the IPv4 Total Length bounds header and data
)

// ErrMalformed says that a segment cannot be read, or may not be sent. It is wrapped with the field and its value.
var ErrMalformed = errors.New("tcphdr: malformed segment")

// A Header is the TCP header (RFC 9293 3.1).
//
//	 0                   1                   2                   3
//	 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
//	+-------------------------------+-------------------------------+
//	|          Source Port          |       Destination Port        |
//	+-------------------------------+-------------------------------+
//	|                        Sequence Number                        |
//	+---------------------------------------------------------------+
//	|                    Acknowledgment Number                      |
//	+-------+-----+-+-+-+-+-+-+-+-+-+-------------------------------+
//	| Data  |     |A|C|E|U|A|P|R|S|F|                               |
//	| Offset|Rsrvd|E|W|C|R|C|S|S|Y|I|            Window             |
//	|       |     | |R|E|G|K|H|T|N|N|                               |
//	+-------+-----+-+-+-+-+-+-+-+-+-+-------------------------------+
//	|           Checksum            |        Urgent Pointer         |
//	+-------------------------------+-------------------------------+
//	|                           [Options]                           |
//	+---------------------------------------------------------------+
type Header struct {
	SrcPort, DstPort uint16
	Seq              SeqNum
	Ack              SeqNum  // has a meaning only with the ACK control bit
	Reserved         uint8   // 0 to 7: the reserved bits that RFC 9768 left when it took the lowest for AE; sent as 0
	Flags            Flags   // the control bits
	Window           uint16  // octets, before any window scaling
	Checksum         uint16  // as received; computed anew when sent
	UrgentPointer    uint16  // has a meaning only with the URG control bit
	Options          Options // with the padding, when received
}

// Parse returns the header and the data of a segment, both of which alias it. It does not verify the checksum, for which
// see [Verify], and keeps malformed options, for which see [Options.Malformed].
//
// The error is [io.ErrUnexpectedEOF] if the segment ends before the header does, and [ErrMalformed] if the data offset
// is less than the 5 words of a header without options.
func Parse(segment []byte) (Header, []byte, error) {
	if len(segment) < minHeaderLen {
		return Header{}, nil, io.ErrUnexpectedEOF
	}
	words := int(segment[12] >> 4)
	offset := 4 * words
	if offset < minHeaderLen {
		return Header{}, nil, fmt.Errorf("%w: data offset %d", ErrMalformed, words)
	}
	if offset > len(segment) {
		return Header{}, nil, io.ErrUnexpectedEOF
	}
	return Header{
		SrcPort:       binary.BigEndian.Uint16(segment[0:]),
		DstPort:       binary.BigEndian.Uint16(segment[2:]),
		Seq:           SeqNum(binary.BigEndian.Uint32(segment[4:])),
		Ack:           SeqNum(binary.BigEndian.Uint32(segment[8:])),
		Reserved:      segment[12] >> 1 & 0x7,
		Flags:         Flags(binary.BigEndian.Uint16(segment[12:])) & allFlags,
		Window:        binary.BigEndian.Uint16(segment[14:]),
		Checksum:      binary.BigEndian.Uint16(segment[16:]),
		UrgentPointer: binary.BigEndian.Uint16(segment[18:]),
		Options:       Options(segment[minHeaderLen:offset:offset]),
	}, segment[offset:], nil
}

// Append appends to b the segment made of the header, its options padded with zeros to a 32-bit boundary, and data. The
// checksum is computed for a segment from src to dst; h.Checksum is not looked at.
//
// It refuses with [ErrMalformed], and returns b as it was, if the options are malformed, longer than 40 octets, or go on
// with anything but zeros after the End of Option List; if a reserved bit or a bit above AE is set; if the addresses are
// not of one family; or if the segment is longer than 65535 octets.
func (h Header) Append(b []byte, src, dst netip.Addr, data []byte) ([]byte, error) {
	padding := -len(h.Options) & 3
	offset := minHeaderLen + len(h.Options) + padding
	length := offset + len(data)
	if err := h.check(src, dst, length); err != nil {
		return b, err
	}

	start := len(b)
	b = binary.BigEndian.AppendUint16(b, h.SrcPort)
	b = binary.BigEndian.AppendUint16(b, h.DstPort)
	b = binary.BigEndian.AppendUint32(b, uint32(h.Seq))
	b = binary.BigEndian.AppendUint32(b, uint32(h.Ack))
	b = binary.BigEndian.AppendUint16(b, uint16(offset/4)<<12|uint16(h.Flags))
	b = binary.BigEndian.AppendUint16(b, h.Window)
	b = append(b, 0, 0) // the checksum, once the rest is there
	b = binary.BigEndian.AppendUint16(b, h.UrgentPointer)
	b = append(b, h.Options...)
	for range padding {
		b = append(b, byte(EndOfOptions))
	}
	b = append(b, data...)

	sum := checksum.Sum(checksum.PseudoHeader(src, dst, protocol, length), b[start:])
	binary.BigEndian.PutUint16(b[start+16:], ^checksum.Fold(sum))
	return b, nil
}

// check says what keeps a segment of the given length from being sent, if anything does.
func (h Header) check(src, dst netip.Addr, length int) error {
	if src.BitLen() == 0 || src.BitLen() != dst.BitLen() {
		return fmt.Errorf("%w: addresses %v and %v", ErrMalformed, src, dst)
	}
	if h.Reserved != 0 {
		return fmt.Errorf("%w: reserved bits %03b", ErrMalformed, h.Reserved)
	}
	if h.Flags&^allFlags != 0 {
		return fmt.Errorf("%w: control bits %#x", ErrMalformed, uint16(h.Flags))
	}
	if len(h.Options) > maxOptions {
		return fmt.Errorf("%w: %d octets of options", ErrMalformed, len(h.Options))
	}
	if err := h.Options.check(); err != nil {
		return err
	}
	if length > maxSegment {
		return fmt.Errorf("%w: %d octets", ErrMalformed, length)
	}
	return nil
}

// Verify says what is known of the checksum of a segment that came from src to dst. A segment shorter than a header, or
// addresses of different families, leave it [checksum.Unknown].
func Verify(segment []byte, src, dst netip.Addr) checksum.State {
	if len(segment) < minHeaderLen || src.BitLen() == 0 || src.BitLen() != dst.BitLen() {
		return checksum.Unknown
	}
	pseudo := checksum.PseudoHeader(src, dst, protocol, len(segment))
	switch {
	case checksum.Fold(checksum.Sum(pseudo, segment)) == 0xffff:
		return checksum.Valid
	case binary.BigEndian.Uint16(segment[16:]) == checksum.Fold(pseudo):
		return checksum.Partial
	default:
		return checksum.Invalid
	}
}
