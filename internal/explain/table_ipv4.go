package explain

import (
	"fmt"
	"net/netip"
	"strings"

	"tcpprobe/rawip"
)

const (
	ipv4HeaderLen  = 20 // octets, without options
	minQuotedOctet = 8  // of the payload, that every ICMP error quotes (RFC 792)
)

// datagram explains a datagram of either family, whole or quoted.
func (t *table) datagram(quoted bool) {
	six := rawip.Is6(t.rest())
	if !quoted {
		t.layer = "IPv4"
		if six {
			t.layer = "IPv6"
		}
	}
	if six {
		t.ipv6(quoted)
	} else {
		t.ipv4(quoted)
	}
}

// carrier is what a payload has to know of the datagram that it is in.
type carrier struct {
	src, dst netip.Addr // dst is the last one, under a source route
	protocol uint8
	later    bool // it is a fragment, and not the first
}

// ipv4 explains a datagram, whole or quoted (RFC 791 3.1).
func (t *table) ipv4(quoted bool) {
	b := t.rest()
	if len(b) == 0 {
		return
	}
	if version, words := b[0]>>4, b[0]&0xf; version != 4 || words < 5 {
		t.odd(len(b), "791 3.1", "not an IPv4 header: version %d, IHL %d words", version, words)
		return
	}
	header := 4 * int(b[0]&0xf)
	whole := t.fields(
		field{1, "791 3.1", func(b []byte) string {
			return fmt.Sprintf("version %d, IHL %d words = %d octets", b[0]>>4, b[0]&0xf, 4*(b[0]&0xf))
		}},
		field{1, "2474 3, 3168 5", func(b []byte) string { return fmt.Sprintf("DSCP %d, ECN %s", b[0]>>2, ecn(b[0]&3)) }},
		field{2, "791 3.1", func(b []byte) string { return fmt.Sprintf("Total Length %d octets", u16(b)) }},
		field{2, "791 3.1", func(b []byte) string { return fmt.Sprintf("Identification %d", u16(b)) }},
		field{2, "791 3.1", fragment},
		field{1, "791 3.1", func(b []byte) string { return "Time to Live " + t.hops(b[0]) }},
		field{1, "791 3.1", func(b []byte) string { return "Protocol " + protocol(b[0]) }},
		field{2, "791 3.1", func(f []byte) string {
			return fmt.Sprintf("Header Checksum 0x%04x%s", u16(f), headerState(b, f))
		}},
		field{4, "791 3.1", func(b []byte) string { return "Source Address " + address(b) }},
		field{4, "791 3.1", func(b []byte) string { return "Destination Address " + address(b) }},
	)
	if !whole {
		return
	}
	if header > ipv4HeaderLen {
		t.within(header-ipv4HeaderLen, t.ipv4Options)
		if len(b) < header {
			return
		}
	}
	payload := len(b) - header
	if total := int(u16(b[2:])); total >= header && total-header < payload && !(quoted && total-header < minQuotedOctet) {
		payload = total - header
	}
	options := rawip.Header{Dst: netip.AddrFrom4([4]byte(b[16:])), Options: b[ipv4HeaderLen:header]}
	in := carrier{netip.AddrFrom4([4]byte(b[12:])), options.FinalDst(), b[9], u16(b[6:])&0x1fff != 0}
	t.within(payload, func() { t.payload(in, quoted) })
	t.padding(quoted, "Total Length")
}

// padding explains what follows a datagram, behind the length that its header has in a field.
func (t *table) padding(quoted bool, length string) {
	switch n := len(t.rest()); {
	case n == 0:
	case quoted:
		t.add(n, "4884 4", "after the datagram: padding, to a length that a router fills up to")
	default:
		t.add(n, "894", "after the %s: padding of a short frame", length)
	}
}

// payload explains what a datagram carries.
func (t *table) payload(in carrier, quoted bool) {
	layer := t.layer
	switch n := len(t.rest()); {
	case n == 0:
	case in.later:
		source := "791 3.2"
		if in.src.Is6() {
			source = "8200 4.5"
		}
		t.add(n, source, "a later fragment: the header of what it carries is in the first")
	case in.protocol == rawip.ProtocolTCP:
		if !quoted {
			t.layer = "TCP"
		}
		t.tcp(in, quoted)
	case in.protocol == rawip.ProtocolICMP && in.src.Is4() && !quoted:
		t.layer = "ICMP"
		t.icmp()
	case in.protocol == rawip.ProtocolICMPv6 && in.src.Is6() && !quoted:
		t.icmp6(in)
	default:
		t.add(n, "", "octets of protocol %d", in.protocol)
	}
	t.layer = layer
}

// ipv4Options explains the options, which our datagrams never have and those of others hardly ever.
func (t *table) ipv4Options() {
	for len(t.rest()) > 0 {
		b := t.rest()
		switch {
		case b[0] == 0:
			t.add(len(b), "791 3.1", "End of Option List, and padding")
			return
		case b[0] == 1:
			t.add(1, "791 3.1", "No Operation")
		case len(b) < 2 || b[1] < 2 || int(b[1]) > len(b):
			t.odd(len(b), "791 3.1", "option %d, malformed: nothing can be told apart from here on", b[0])
			return
		default:
			t.add(int(b[1]), "791 3.1", "option %d, length %d", b[0], b[1])
		}
	}
}

// fragment says what the flags and the fragment offset say.
func fragment(b []byte) string {
	var flags []string
	for i, name := range []string{"reserved flag set", "don't fragment", "more fragments"} {
		if b[0]&(0x80>>i) != 0 {
			flags = append(flags, name)
		}
	}
	if flags == nil {
		flags = []string{"no flag set"}
	}
	return fmt.Sprintf("%s; Fragment Offset %d", strings.Join(flags, ", "), u16(b)&0x1fff)
}

// hops says what a Time to Live means.
func (t *table) hops(ttl uint8) string {
	if t.ours {
		return fmt.Sprint(ttl)
	}
	return fmt.Sprintf("%d: what is left of it", ttl)
}

// protocol names a protocol of those that we meet.
func protocol(p uint8) string {
	switch p {
	case rawip.ProtocolICMP:
		return "1: ICMP"
	case rawip.ProtocolTCP:
		return "6: TCP"
	case rawip.ProtocolUDP:
		return "17: UDP"
	case rawip.ProtocolICMPv6:
		return "58: ICMPv6"
	}
	return fmt.Sprint(p)
}

// ecn names an ECN codepoint (RFC 3168 5).
func ecn(codepoint uint8) string {
	return [4]string{"0 (Not-ECT)", "1 (ECT(1))", "2 (ECT(0))", "3 (CE)"}[codepoint]
}

// headerState says whether a header checksum is right, where it is the field of that header.
func headerState(header, field []byte) string {
	if len(header) < ipv4HeaderLen || &field[0] != &header[10] {
		return ""
	}
	return ": " + rawip.VerifyHeader(header).String()
}
