package explain

import (
	"fmt"

	"tcpprobe/icmp"
	"tcpprobe/ndp"
)

// icmp6 explains a message of ICMPv6 (RFC 4443 2.1): what it quotes, or what Neighbor Discovery asks or answers by it.
func (t *table) icmp6(in carrier) {
	b := t.rest()
	discovery := len(b) > 0 && (b[0] == uint8(ndp.Solicitation) || b[0] == uint8(ndp.Advertisement))
	t.layer = "ICMPv6"
	source := "4443 2.1"
	if discovery {
		t.layer, source = "NDP", "4861 4.3"
		if b[0] == uint8(ndp.Advertisement) {
			source = "4861 4.4"
		}
	}
	m, err := icmp.Parse6(b)
	if err != nil {
		t.fields(
			field{1, source, func(b []byte) string { return fmt.Sprintf("Type %d", b[0]) }},
			field{1, source, func(b []byte) string { return fmt.Sprintf("Code %d", b[0]) }},
			field{icmpHeaderLen - 2, source, fixed("")},
		)
		return
	}
	if discovery {
		t.add(1, source, "Type %d: %v", m.Type, ndp.Type(m.Type))
		t.add(1, source, "Code %d", m.Code)
	} else {
		source = icmp6Source(m)
		t.add(1, source, "Type %d: %s", m.Type, typeName6(m.Type))
		t.add(1, source, "Code %d: %s", m.Code, m.Name())
	}
	t.add(2, "4443 2.3", "Checksum 0x%04x: %v", m.Checksum, icmp.Verify6(b, in.src, in.dst))
	if discovery {
		t.discovery(ndp.Type(m.Type), source)
		return
	}
	t.icmp6Rest(m, source)
	t.icmpQuote(m)
}

// icmp6Rest explains octets 4 to 7 of a message that is not of Neighbor Discovery.
func (t *table) icmp6Rest(m icmp.Message, source string) {
	const unit = 8 // octets (RFC 4884 4.4 and 4.5)
	switch m.Type {
	case icmp.PacketTooBig6:
		t.add(4, source, "MTU %d octets: the largest datagram that fits", u32(m.Rest[:]))
	case icmp.ParameterProblem6:
		t.add(4, source, "Pointer: octet %d of the quoted datagram is the problem", u32(m.Rest[:]))
	case icmp.DestinationUnreachable6, icmp.TimeExceeded6:
		quote, err := m.Quoted()
		switch units := int(m.Rest[0]); {
		case units == 0:
			t.add(1, source, "unused")
		case err != nil || len(quote) != unit*units:
			t.add(1, "4884 4", "%d units of 8 octets are no length that the quoted datagram can have", units)
		default:
			t.add(1, "4884 4", "the quoted datagram is %d units = %d octets long", units, unit*units)
		}
		t.add(3, source, "unused")
	default:
		t.add(4, source, "the rest of the header")
	}
}

// typeName6 names a type of those that quote a datagram.
func typeName6(t icmp.Type) string {
	switch t {
	case icmp.DestinationUnreachable6:
		return "destination unreachable"
	case icmp.PacketTooBig6:
		return "packet too big"
	case icmp.TimeExceeded6:
		return "time exceeded"
	case icmp.ParameterProblem6:
		return "parameter problem"
	}
	return icmp.Name6(t, 0)
}

// icmp6Source is where a type is defined.
func icmp6Source(m icmp.Message) string {
	switch m.Type {
	case icmp.DestinationUnreachable6:
		return "4443 3.1"
	case icmp.PacketTooBig6:
		return "4443 3.2"
	case icmp.TimeExceeded6:
		return "4443 3.3"
	case icmp.ParameterProblem6:
		return "4443 3.4"
	}
	return "4443 2.1"
}
