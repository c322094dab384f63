package explain

import (
	"fmt"

	"tcpprobe/icmp"
	"tcpprobe/internal/report"
	"tcpprobe/internal/text"
)

const icmpHeaderLen = 8 // octets

// icmp explains a message (RFC 792), and what it quotes.
func (t *table) icmp() {
	b := t.rest()
	m, err := icmp.Parse(b)
	if err != nil {
		t.fields(
			field{1, "792", func(b []byte) string { return fmt.Sprintf("Type %d", b[0]) }},
			field{1, "792", func(b []byte) string { return fmt.Sprintf("Code %d", b[0]) }},
			field{icmpHeaderLen - 2, "792", fixed("")},
		)
		return
	}
	t.add(1, "792", "Type %d: %s", m.Type, typeName(m.Type))
	t.add(1, codeSource(m), "Code %d: %s", m.Code, m.Name())
	t.add(2, "792", "Checksum 0x%04x: %v", m.Checksum, icmp.Verify(b))
	t.icmpRest(m)
	t.icmpQuote(m)
}

// icmpQuote explains what follows the header of a message of either family: what it quotes, and what a router adds to that, or
// else a body.
func (t *table) icmpQuote(m icmp.Message) {
	quote, err := m.Quoted()
	if err != nil {
		t.icmpBody()
		return
	}
	layer := t.layer
	t.within(len(quote), t.quote)
	if len(t.rest()) > 0 {
		t.extensions()
	}
	t.layer = layer
}

// icmpRest explains octets 4 to 7 of a message.
func (t *table) icmpRest(m icmp.Message) {
	unused := func(n int) { t.add(n, "792", "unused") }
	length := func() {
		quote, err := m.Quoted()
		switch words := m.Rest[1]; {
		case words > 0 && (err != nil || len(quote) != 4*int(words)):
			t.add(1, "4884 4", "%d words are no length that the quoted datagram can have", words)
			return
		case words > 0:
			t.add(1, "4884 4", "the quoted datagram is %d words = %d octets long", words, 4*int(words))
			return
		}
		unused(1)
	}
	switch m.Type {
	case icmp.DestinationUnreachable:
		unused(1)
		length()
		if m.Code == icmp.FragmentationNeeded {
			t.add(2, "1191 4", "Next-Hop MTU %d octets: the largest datagram that fits", u16(m.Rest[2:]))
			return
		}
		unused(2)
	case icmp.TimeExceeded:
		unused(1)
		length()
		unused(2)
	case icmp.ParameterProblem:
		t.add(1, "792", "Pointer: octet %d of the quoted datagram is the problem", m.Rest[0])
		length()
		unused(2)
	case icmp.Redirect:
		t.add(4, "792", "Gateway Internet Address %s", address(m.Rest[:]))
	default:
		t.add(4, "792", "the rest of the header")
	}
}

// icmpBody shows the body of a message that quotes nothing.
func (t *table) icmpBody() {
	if n := len(t.rest()); n > 0 {
		t.add(n, "792", "the body of the message")
	}
}

// quote explains the datagram that a message is about, beside what it was as it was sent.
func (t *table) quote() {
	t.layer = "quote"
	t.original, t.quoteAt = t.quoted, t.at
	ours := t.ours
	t.ours = true
	defer func() { t.ours, t.original = ours, nil }()
	if len(t.rest()) == 0 {
		t.add(0, "792", "nothing is quoted, which tells nobody whom it concerns").color = text.Red
		return
	}
	t.ends = "the quote ends here"
	t.datagram(true)
}

// extensions explains what a router adds about itself after the quote (RFC 4884 7 and 8).
func (t *table) extensions() {
	t.layer = "ICMP ext"
	t.ends = "the extension is cut off here"
	if !t.fields(
		field{2, "4884 7", func(b []byte) string { return fmt.Sprintf("extension structure, version %d", b[0]>>4) }},
		field{2, "4884 7", func(b []byte) string { return fmt.Sprintf("Checksum 0x%04x", u16(b)) }},
	) {
		return
	}
	for len(t.rest()) > 0 {
		b := t.rest()
		if len(b) < 4 || u16(b) < 4 || int(u16(b)) > len(b) {
			t.odd(len(b), "4884 8", "an object that is cut off or malformed")
			return
		}
		t.within(int(u16(b)), func() { t.extensionObject(b[2], b[3]) })
	}
}

// extensionObject explains an object of a class and type.
func (t *table) extensionObject(class, kind uint8) {
	t.add(4, "4884 8", "object of %d octets, Class-Num %d, C-Type %d", len(t.rest()), class, kind)
	object := icmp.Object{Class: class, CType: kind, Payload: t.rest()}
	if stack, ok := object.Labels(); ok {
		for _, l := range stack {
			bottom := ""
			if l.Bottom {
				bottom = ", the bottom of the stack"
			}
			t.add(4, "4950", "MPLS label %d, traffic class %d, TTL %d%s", l.Label, l.TC, l.TTL, bottom)
		}
	}
	if i, err := object.Interface(); err == nil && len(object.Payload) > 0 {
		t.add(len(object.Payload), "5837", "%s", text.Printable(report.InterfaceText(i)))
	}
	if n := len(t.rest()); n > 0 {
		t.add(n, "4884 8", "the payload of the object")
	}
}

// typeName names a type of those that quote a datagram.
func typeName(t icmp.Type) string {
	switch t {
	case icmp.DestinationUnreachable:
		return "destination unreachable"
	case icmp.SourceQuench:
		return "source quench"
	case icmp.Redirect:
		return "redirect"
	case icmp.TimeExceeded:
		return "time exceeded"
	case icmp.ParameterProblem:
		return "parameter problem"
	}
	return icmp.Name(t, 0)
}

// codeSource is where a code is defined.
func codeSource(m icmp.Message) string {
	switch {
	case m.Type != icmp.DestinationUnreachable || m.Code <= icmp.SourceRouteFailed:
		return "792"
	case m.Code <= icmp.HostUnreachableForTOS:
		return "1122 3.2.2.1"
	case m.Code <= icmp.PrecedenceCutoff:
		return "1812 5.2.7.1"
	}
	return ""
}
