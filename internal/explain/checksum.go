package explain

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"tcpprobe/internal/checksum"
	"tcpprobe/internal/text"
	"tcpprobe/rawip"
)

// sum is a checksum in the making (RFC 1071 1).
type sum struct {
	page  *page
	total uint64
}

// datagramChecksums shows how the checksums of a datagram come about: the header's, and that of the segment or message.
func (l *Lesson) datagramChecksums(datagram []byte) {
	h, payload, err := rawip.ParseUnsized(datagram)
	if err != nil {
		l.page.prose("The checksums cannot be shown: the datagram is not whole.")
		return
	}
	headerLen := ipv4HeaderLen + len(h.Options)
	l.page.begin("header checksum of IPv4, over its %d octets", headerLen, "791 3.1").
		finish(datagram[:headerLen], 10, 0)
	if h.MoreFragments || h.FragmentOffset != 0 {
		return
	}
	switch {
	case h.Protocol == rawip.ProtocolTCP && len(payload) >= tcpHeaderLen:
		s := l.page.begin("checksum of TCP, over a pseudo-header and %d octets of segment", len(payload), "9293 3.1")
		pseudo := pseudoHeader(h.Src, h.Dst, h.Protocol, len(payload))
		s.words("pseudo", pseudo, -1)
		l.page.Line("          source and destination address, protocol, length of the segment")
		s.finish(payload, 16, checksum.Fold(checksum.PseudoHeader(h.Src, h.Dst, h.Protocol, len(payload))))
	case h.Protocol == rawip.ProtocolICMP && len(payload) >= icmpHeaderLen:
		l.page.begin("checksum of ICMP, over the %d octets of the message", len(payload), "792").finish(payload, 2, 0)
	}
}

// begin adds the title of a checksum.
func (p *page) begin(title string, octets int, source string) *sum {
	p.Line("")
	p.Line(p.sourced(fmt.Sprintf(title, octets), source))
	return &sum{page: p}
}

// pseudoHeader returns what TCP counts beside the segment (RFC 9293 3.1).
func pseudoHeader(src, dst netip.Addr, protocol uint8, length int) []byte {
	b := slices.Concat(src.AsSlice(), dst.AsSlice(), []byte{0, protocol})
	return binary.BigEndian.AppendUint16(b, uint16(length))
}

const wordsInLine = 8

// words adds octets as 16-bit words with the running sum. The checksum field counts as 0; it is at octet field, or
// nowhere if that is negative.
func (s *sum) words(label string, octets []byte, field int) {
	for at, chunk := range slices.Collect(slices.Chunk(octets, 2*wordsInLine)) {
		var words []string
		for i, word := range slices.Collect(slices.Chunk(chunk, 2)) {
			v := uint64(word[0]) << 8
			if len(word) == 2 {
				v |= uint64(word[1])
			}
			if 2*(at*wordsInLine+i) == field {
				v = 0
			}
			s.total += v
			words = append(words, fmt.Sprintf("%04x", v))
		}
		s.page.Line(fmt.Sprintf("%8s  %-*s  sum %x", label, 5*wordsInLine-1, strings.Join(words, " "), s.total))
		label = ""
	}
}

// finish adds the octets themselves, folds and complements the sum, and compares it with the field.
func (s *sum) finish(octets []byte, field int, pseudo uint16) {
	s.words("words", octets, field)
	if len(octets)%2 == 1 {
		s.page.Line("          the last octet alone counts as if a zero octet followed")
	}
	for s.total > 0xffff {
		folded := s.total>>16 + s.total&0xffff
		s.page.Line(fmt.Sprintf("    fold  %x + %04x = %04x: what is above 16 bits is added at the bottom", s.total>>16, s.total&0xffff, folded))
		s.total = folded
	}
	want, is := ^uint16(s.total), u16(octets[field:])
	s.page.Line(s.page.sourced(fmt.Sprintf("   invert %04x becomes %04x: every bit is turned over", s.total, want), "1071 1"))
	switch {
	// 0 and ffff are the same number to a ones' complement sum.
	case want == is || want == 0 && is == 0xffff || want == 0xffff && is == 0:
		s.page.Line(fmt.Sprintf("   field  %04x: the same, so the checksum is valid", is))
	case pseudo != 0 && is == pseudo:
		s.page.Line(fmt.Sprintf("   field  %04x: the folded sum of the pseudo-header alone. The sender left the", is))
		s.page.Line("          rest to its network card (offload), and no card has had the segment")
		s.page.Line("          yet: so it is on loopback and veth")
	default:
		s.page.Line(s.page.Paint(text.Red, fmt.Sprintf("   field  %04x: not the same, so the checksum is invalid", is)))
	}
}
