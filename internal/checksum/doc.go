// Package checksum computes the Internet checksum (RFC 1071) that IPv4, ICMP and TCP share.
//
// A checksum is made in three steps, so that a header, a pseudo-header and data need not stand in one buffer: sum the
// parts, fold the sum to 16 bits, and complement it:
//
//	sum := checksum.PseudoHeader(src, dst, protocol, len(segment))
//	field := ^checksum.Fold(checksum.Sum(sum, segment))
//
// With the received checksum field among the octets, a sum that folds to 0xffff is right.
package checksum
