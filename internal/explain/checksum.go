package explain

import (
	"encoding/binary"
	"fmt"
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

// datagramChecksums shows how the checksums of a datagram come about: the header's, which IPv6 has none of, and that of the
// segment or message.
func (l *Lesson) datagramChecksums(datagram []byte) {
	var ip rawip.Datagram
	if err := ip.Parse(datagram); err != nil {
		l.page.prose("The checksums cannot be shown: the datagram is not whole.")
		return
	}
	if ip.Is6() {
		l.page.prose("An IPv6 header has no checksum: what it carries counts the addresses in its own (RFC 8200 8.1).")
	} else {
		headerLen := headersOf(datagram)
		l.page.begin("header checksum of IPv4, over its %d octets", headerLen, "791 3.1").
			finish(datagram[:headerLen], 10, 0)
	}
	if ip.MoreFragments || ip.FragmentOffset != 0 {
		return
	}
	payload := ip.Payload
	switch {
	case ip.Protocol == rawip.ProtocolTCP && len(payload) >= tcpHeaderLen:
		l.page.begin("checksum of TCP, over a pseudo-header and %d octets of segment", len(payload), "9293 3.1").
			pseudo(&ip, "segment").finish(payload, 16, checksum.Fold(checksum.PseudoHeader(ip.Src, ip.Dst, ip.Protocol, len(payload))))
	case ip.IsICMP() && ip.Is6() && len(payload) >= icmpHeaderLen:
		l.page.begin("checksum of ICMPv6, over a pseudo-header and %d octets of message", len(payload), "4443 2.3").
			pseudo(&ip, "message").finish(payload, 2, 0)
	case ip.IsICMP() && len(payload) >= icmpHeaderLen:
		l.page.begin("checksum of ICMP, over the %d octets of the message", len(payload), "792").finish(payload, 2, 0)
	}
}

// begin adds the title of a checksum.
func (p *page) begin(title string, octets int, source string) *sum {
	p.Line("")
	p.Line(p.sourced(fmt.Sprintf(title, octets), source))
	return &sum{page: p}
}

// pseudo adds what counts beside the payload of a datagram (RFC 9293 3.1, RFC 8200 8.1).
func (s *sum) pseudo(ip *rawip.Datagram, payload string) *sum {
	length := len(ip.Payload)
	if ip.Is6() {
		b := binary.BigEndian.AppendUint32(slices.Concat(ip.Src.AsSlice(), ip.Dst.AsSlice()), uint32(length))
		s.words("pseudo", append(b, 0, 0, 0, ip.Protocol), -1)
		s.page.Line(fmt.Sprintf("          source and destination address, length of the %s, next header", payload))
		return s
	}
	b := slices.Concat(ip.Src.AsSlice(), ip.Dst.AsSlice(), []byte{0, ip.Protocol})
	s.words("pseudo", binary.BigEndian.AppendUint16(b, uint16(length)), -1)
	s.page.Line(fmt.Sprintf("          source and destination address, protocol, length of the %s", payload))
	return s
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
