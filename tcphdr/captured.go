package tcphdr

import (
	"errors"
	"io"
)

// ParseCaptured returns the header of a segment of which a capture may have kept no more than the beginning, and how many octets
// the header had on the wire: more than there are where its options are cut off. What is left of them aliases the segment.
//
// The error is that of [Parse], where not even the part is there that every header has.
func ParseCaptured(segment []byte) (h Header, length int, err error) {
	h, _, err = Parse(segment)
	if err == nil {
		return h, minHeaderLen + len(h.Options), nil
	}
	if len(segment) < minHeaderLen || !errors.Is(err, io.ErrUnexpectedEOF) {
		return Header{}, 0, err
	}
	var b [minHeaderLen]byte
	copy(b[:], segment)
	b[12] = b[12]&0x0f | minHeaderLen/4<<4
	h, _, err = Parse(b[:])
	h.Options = Options(segment[minHeaderLen:len(segment):len(segment)])
	return h, 4 * int(segment[12]>>4), err
}
