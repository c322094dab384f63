package explain

import (
	"fmt"
	"net/netip"

	"tcpprobe/rawip"
)

const ipv6HeaderLen = 40 // octets, without extension headers

// ipv6 explains a datagram, whole or quoted (RFC 8200 3).
func (t *table) ipv6(quoted bool) {
	b := t.rest()
	whole := t.fields(
		field{4, "8200 3, 6437 2", classAndLabel},
		field{2, "8200 3", func(b []byte) string { return fmt.Sprintf("Payload Length %d octets", u16(b)) }},
		field{1, "8200 3", func(b []byte) string { return "Next Header " + nextHeader(b[0]) }},
		field{1, "8200 3", func(b []byte) string { return "Hop Limit " + t.hops(b[0]) }},
		field{16, "8200 3", func(b []byte) string { return "Source Address " + address(b) }},
		field{16, "8200 3", func(b []byte) string { return "Destination Address " + address(b) }},
	)
	if !whole {
		return
	}
	in := carrier{src: netip.AddrFrom16([16]byte(b[8:])), dst: netip.AddrFrom16([16]byte(b[24:]))}
	payload := len(t.rest())
	if length := int(u16(b[4:])); length > 0 && length < payload && !(quoted && length < minQuotedOctet) {
		payload = length // 0 is that of a datagram that is too long for the field (RFC 2675 3)
	}
	t.within(payload, func() {
		in.protocol, in.later = t.extensionHeaders(b[6])
		t.payload(in, quoted)
	})
	t.padding(quoted, "Payload Length")
}

// classAndLabel says what the first four octets say, whose fields do not end where an octet does.
func classAndLabel(b []byte) string {
	first := u32(b)
	class := uint8(first >> 20)
	return fmt.Sprintf("version %d; Traffic Class: DSCP %d, ECN %s; Flow Label 0x%05x", first>>28, class>>2, ecn(class&3), first&0xfffff)
}

// nextHeader names what follows a header.
func nextHeader(n uint8) string {
	switch n {
	case rawip.HeaderHopByHop:
		return "0: hop-by-hop options"
	case rawip.HeaderRouting:
		return "43: a routing header"
	case rawip.HeaderFragment:
		return "44: a fragment header"
	case rawip.HeaderDestinationOptions:
		return "60: destination options"
	}
	return protocol(n)
}

// extensionHeaders explains the headers between that of IPv6 and the payload, the first of which has a number. It returns
// the protocol of the payload, and whether that is of a later fragment.
func (t *table) extensionHeaders(number uint8) (protocol uint8, later bool) {
	const unit = 8 // octets, of which each has at least one
	for {
		source, name := "", ""
		switch number {
		case rawip.HeaderHopByHop:
			source, name = "8200 4.3", "hop-by-hop options"
		case rawip.HeaderRouting:
			source, name = "8200 4.4", "routing header"
		case rawip.HeaderFragment:
			source, name = "8200 4.5", "fragment header"
		case rawip.HeaderDestinationOptions:
			source, name = "8200 4.6", "destination options"
		default:
			return number, false
		}
		b := t.rest()
		if len(b) < unit {
			t.odd(len(b), "", "%s", t.ends)
			return number, false
		}
		length := unit
		if number != rawip.HeaderFragment {
			length = unit * (1 + int(b[1]))
		}
		if length > len(b) {
			t.odd(len(b), source, "%s of %d octets, which ends beyond the datagram", name, length)
			return number, false
		}
		said := fmt.Sprintf("%s, %d octets", name, length)
		if number == rawip.HeaderFragment {
			said += fmt.Sprintf(": Fragment Offset %d, Identification %d", u16(b[2:])&^7, u32(b[4:]))
			later = u16(b[2:])&^7 != 0
		}
		t.add(length, source, "%s; Next Header %s", said, nextHeader(b[0]))
		number = b[0]
		if later {
			return number, true
		}
	}
}
