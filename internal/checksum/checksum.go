package checksum

import (
	"encoding/binary"
	"net/netip"
)

// Sum adds the octets of b, as big-endian 16-bit words, to an unfolded sum, and returns the unfolded sum. An odd last
// octet counts as if a zero octet followed it, so of several parts only the last may be of odd length. The sum is exact
// for up to 16 GiB of octets.
func Sum(initial uint64, b []byte) uint64 {
	// Folding is arithmetic modulo 0xffff, to which 2^16 and 2^32 are both congruent to 1. Wider words may therefore be
	// summed in place of 16-bit ones; 32-bit words leave 32 bits of the accumulator for the carries.
	sum := initial
	for len(b) >= 8 {
		w := binary.BigEndian.Uint64(b)
		sum += w>>32 + w&0xffffffff
		b = b[8:]
	}
	for len(b) >= 2 {
		sum += uint64(binary.BigEndian.Uint16(b))
		b = b[2:]
	}
	if len(b) == 1 {
		sum += uint64(b[0]) << 8
	}
	return sum
}

// Fold adds the carries of sum back in until 16 bits remain. It does not complement the result.
func Fold(sum uint64) uint16 {
	for sum > 0xffff {
		sum = sum>>16 + sum&0xffff
	}
	return uint16(sum)
}

// PseudoHeader returns the unfolded sum of the pseudo-header of a transport protocol, for IPv4 (RFC 9293 3.1) and for
// IPv6 (RFC 8200 8.1). The length is that of the transport header and its data, in octets; src and dst are of one family.
func PseudoHeader(src, dst netip.Addr, protocol uint8, length int) uint64 {
	// As16 gives an IPv4 address as ::ffff:a.b.c.d, and 0xffff is zero to a ones' complement sum: both families take
	// one path.
	s, d := src.As16(), dst.As16()
	return Sum(Sum(uint64(protocol)+uint64(uint32(length)), s[:]), d[:])
}

// A State is what is known of a received checksum.
type State uint8

const (
	// Unknown means that there is too little to verify: the octets that the checksum covers are not all there.
	Unknown State = iota
	// Valid means that the checksum is right.
	Valid
	// Partial means that the field holds only the folded sum of the pseudo-header. The sender left the rest to a network
	// card, and the segment has not been through one: so it is on loopback and veth, and on the way out.
	Partial
	// Invalid means that the checksum is wrong.
	Invalid
)

// String returns "unknown", "valid", "partial" or "invalid".
func (s State) String() string {
	switch s {
	case Valid:
		return "valid"
	case Partial:
		return "partial"
	case Invalid:
		return "invalid"
	default:
		return "unknown"
	}
}
