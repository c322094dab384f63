package rawip

import (
	"encoding/binary"
	"fmt"
	"io"
)

// ParseCaptured reads a datagram of either family into d, of which a capture may have kept no more than the beginning, and
// which octets of the link layer may follow. It returns how many octets of payload the datagram had on the wire, more than
// there are of d.Payload where it was cut. wire is how many octets there were on the wire from the datagram on: all of them
// are its own where its header does not tell, as in those that a kernel has not yet cut into several.
//
// The error is [io.ErrUnexpectedEOF] if a header is not there as a whole, and [ErrMalformed] as of [Datagram.Parse].
func (d *Datagram) ParseCaptured(b []byte, wire int) (length int, err error) {
	wire = max(wire, len(b))
	switch versionOf(b) {
	case version:
		h, headerLen, err := parseHeader(b)
		if err != nil {
			return 0, err
		}
		total := int(binary.BigEndian.Uint16(b[2:]))
		if total == 0 {
			total = wire
		}
		if total < headerLen {
			return 0, fmt.Errorf("%w: Total Length %d", ErrMalformed, total)
		}
		d.set(&h, b[headerLen:min(total, len(b))])
		return total - headerLen, nil
	case version6:
		h, rest, err := parseFixed6(b)
		if err != nil {
			return 0, err
		}
		total := int(binary.BigEndian.Uint16(b[4:]))
		if total == 0 {
			total = wire - headerLen6
			if jumbo, ok := jumboLength(b); ok {
				total = jumbo
			}
		}
		rest = rest[:min(total, len(rest))]
		h, payload, err := h.walk(rest)
		if err != nil {
			if len(rest) < total {
				return 0, io.ErrUnexpectedEOF
			}
			return 0, err
		}
		d.set6(&h, payload)
		return total - (len(rest) - len(payload)), nil
	}
	return 0, unknownVersion(b)
}

// FragmentID6 returns the Identification of the fragment header of an IPv6 datagram (RFC 8200 4.5); 0 if it has none.
func FragmentID6(datagram []byte) uint32 {
	h, rest, err := parseFixed6(datagram)
	if err != nil {
		return 0
	}
	h, _, _ = h.walk(rest)
	f, _ := h.Extensions.Fragment()
	return f.ID
}
