package explain

import (
	"fmt"
	"net/netip"
	"strings"

	"tcpprobe/internal/text"
)

const (
	dnsHeaderLen = 12   // octets (RFC 1035 4.1.1)
	maxName      = 255  // octets (RFC 1035 2.3.4)
	pointer      = 0xc0 // the two bits that make a length a pointer (RFC 1035 4.1.4)
	typeOPT      = 41   // RFC 6891 6.1.1
)

// dns explains a message (RFC 1035 4.1).
func (t *table) dns() {
	t.layer = "DNS"
	b := t.rest()
	counted := func(name string) func([]byte) string {
		return func(b []byte) string { return fmt.Sprintf(name, u16(b)) }
	}
	response := len(b) > 2 && b[2]>>7 == 1
	if !t.fields(
		field{2, "1035 4.1.1", func(b []byte) string { return fmt.Sprintf("ID %d", u16(b)) }},
		field{1, "1035 4.1.1", func(b []byte) string {
			return fmt.Sprintf("QR %d %s, OPCODE %d%s, AA %d, TC %d, RD %d%s", b[0]>>7, [2]string{"query", "response"}[b[0]>>7],
				b[0]>>3&15, opcode(b[0]>>3&15), b[0]>>2&1, b[0]>>1&1, b[0]&1, on(b[0]&1, " recurse, please"))
		}},
		field{1, "1035 4.1.1", func(b []byte) string {
			s := fmt.Sprintf("RA %d%s, Z %d, AD %d, CD %d, RCODE %d", b[0]>>7, on(b[0]>>7, " recursion available"),
				b[0]>>6&1, b[0]>>5&1, b[0]>>4&1, b[0]&15)
			if response {
				s += " " + rcode(b[0]&15)
			}
			return s
		}},
		field{2, "1035 4.1.1", counted("QDCOUNT %d: questions")},
		field{2, "1035 4.1.1", counted("ANCOUNT %d: answers")},
		field{2, "1035 4.1.1", counted("NSCOUNT %d: authority records")},
		field{2, "1035 4.1.1", counted("ARCOUNT %d: additional records")},
	) {
		return
	}
	t.layer = "question"
	for range u16(b[4:]) {
		if !t.question() {
			return
		}
	}
	for i, section := range []string{"answer", "auth", "addition"} {
		t.layer = section
		for range u16(b[6+2*i:]) {
			if !t.record() {
				return
			}
		}
	}
	if n := len(t.rest()); n > 0 {
		t.layer = "DNS"
		t.odd(n, "", "after the last record: belongs to nothing")
	}
}

// question explains an entry of the question section. It reports whether it is whole.
func (t *table) question() bool {
	return t.name("QNAME", "1035 4.1.2") && t.fields(
		field{2, "1035 4.1.2", func(b []byte) string { return "QTYPE " + dnsType(u16(b)) }},
		field{2, "1035 4.1.2", func(b []byte) string { return "QCLASS " + dnsClass(u16(b)) }},
	)
}

// record explains a resource record. It reports whether it is whole.
func (t *table) record() bool {
	if b := t.rest(); len(b) >= 3 && b[0] == 0 && u16(b[1:]) == typeOPT {
		return t.opt()
	}
	if !t.name("NAME", "1035 4.1.3") {
		return false
	}
	b := t.rest()
	if !t.fields(
		field{2, "1035 4.1.3", func(b []byte) string { return "TYPE " + dnsType(u16(b)) }},
		field{2, "1035 4.1.3", func(b []byte) string { return "CLASS " + dnsClass(u16(b)) }},
		field{4, "1035 4.1.3", func(b []byte) string { return fmt.Sprintf("TTL %d seconds: so long it may be kept", u32(b)) }},
		field{2, "1035 4.1.3", func(b []byte) string { return "RDLENGTH " + text.Count(int(u16(b)), "octet") }},
	) {
		return false
	}
	kind, n := u16(b), int(u16(b[8:]))
	whole := n <= len(t.rest())
	t.within(n, func() { t.rdata(kind) })
	return whole
}

// rdata explains the data of a record of that type.
func (t *table) rdata(kind uint16) {
	n := len(t.rest())
	switch {
	case n == 0:
	case kind == 1 && n == 4:
		t.add(4, "1035 3.4.1", "RDATA: address %s", address(t.rest()))
	case kind == 28 && n == 16:
		t.add(16, "3596 2.2", "RDATA: address %v", netip.AddrFrom16([16]byte(t.rest())))
	case kind == 5:
		t.name("RDATA: CNAME", "1035 3.3.1")
	case kind == 2:
		t.name("RDATA: NSDNAME", "1035 3.3.11")
	case kind == 6:
		t.soa()
	default:
		t.add(n, "", "RDATA of a type that is not explained here")
	}
}

// soa explains the data of an SOA record (RFC 1035 3.3.13).
func (t *table) soa() {
	number := func(name string) field {
		return field{4, "1035 3.3.13", func(b []byte) string { return fmt.Sprintf("%s %d", name, u32(b)) }}
	}
	if t.name("RDATA: MNAME", "1035 3.3.13") && t.name("RNAME", "1035 3.3.13") {
		t.fields(number("SERIAL"), number("REFRESH"), number("RETRY"), number("EXPIRE"), number("MINIMUM"))
	}
}

// opt explains an OPT record, whose fields mean other things than those of a record. It reports whether it is whole.
func (t *table) opt() bool {
	if !t.fields(
		field{1, "6891 6.1.2", fixed("NAME: the root, as always in OPT")},
		field{2, "6891 6.1.2", fixed("TYPE 41 OPT: EDNS")},
		field{2, "6891 6.1.2", func(b []byte) string {
			return fmt.Sprintf("in the place of CLASS: UDP messages of up to %d octets are taken", u16(b))
		}},
		field{1, "6891 6.1.3", func(b []byte) string { return fmt.Sprintf("EXTENDED-RCODE %d: upper bits of RCODE", b[0]) }},
		field{1, "6891 6.1.3", func(b []byte) string { return fmt.Sprintf("VERSION %d", b[0]) }},
		field{2, "6891 6.1.4", func(b []byte) string { return fmt.Sprintf("DO %d, Z %d", b[0]>>7, u16(b)&0x7fff) }},
	) {
		return false
	}
	n := 0
	if !t.fields(field{2, "6891 6.1.2", func(b []byte) string {
		n = int(u16(b))
		return "RDLEN " + text.Count(n, "octet") + " of options"
	}}) {
		return false
	}
	whole := n <= len(t.rest())
	t.within(n, func() {
		for b := t.rest(); len(b) >= 4 && 4+int(u16(b[2:])) <= len(b); b = t.rest() {
			t.add(4+int(u16(b[2:])), "6891 6.1.2", "OPTION-CODE %d, OPTION-LENGTH %d", u16(b), u16(b[2:]))
		}
	})
	return whole
}

// name explains a domain name, label by label. It reports whether it is whole.
func (t *table) name(what, source string) bool {
	if whole, ok := readName(t.octets, t.base, t.at); ok {
		what += " " + t.printable(whole)
	}
	what += ": "
	for size := 0; ; size++ {
		b := t.rest()
		switch {
		case len(b) == 0 || size >= maxName:
			t.odd(len(b), "1035 2.3.4", "a name without an end")
			return false
		case b[0] == 0:
			t.add(1, "1035 3.1", "%s", what+ends(size))
			return true
		case b[0]&pointer == pointer && len(b) >= 2:
			to := int(u16(b) & 0x3fff)
			named, ok := readName(t.octets, t.base, t.base+to)
			if !ok || t.base+to >= t.at {
				t.odd(len(b), "1035 4.1.4", "a pointer to octet %d of the message, where no name stands", to)
				return false
			}
			t.add(2, "1035 4.1.4", "%s", fmt.Sprintf("%spointer to octet %d of the message, %s", what, to, t.printable(named)))
			return true
		case b[0]&pointer != 0 || 1+int(b[0]) > len(b):
			t.odd(len(b), "1035 3.1", "a label that is cut off or malformed")
			return false
		}
		n := int(b[0])
		t.add(1+n, source, "%s", fmt.Sprintf("%slabel of %s \"%s\"", what, text.Count(n, "octet"), t.printable(string(b[1:1+n]))))
		what, size = "", size+n
	}
}

// ends names the octet that ends a name.
func ends(size int) string {
	if size == 0 {
		return "the root"
	}
	return "the root, which ends the name"
}

// readName returns the name that stands at an octet of a message that begins at base. It is not ok unless the name is
// whole, and every pointer in it points back.
func readName(octets []byte, base, at int) (name string, ok bool) {
	var labels []string
	for size := 0; at >= base && at < len(octets) && size < maxName; {
		n := int(octets[at])
		switch {
		case n == 0:
			return strings.Join(labels, ".") + ".", true
		case n&pointer == pointer && at+1 < len(octets):
			to := base + int(u16(octets[at:])&0x3fff)
			if to >= at {
				return "", false
			}
			at = to
		case n&pointer != 0 || at+1+n > len(octets):
			return "", false
		default:
			labels = append(labels, string(octets[at+1:at+1+n]))
			at += 1 + n
			size += 1 + n
		}
	}
	return "", false
}

// on returns s if a bit is set.
func on(bit uint8, s string) string {
	if bit == 0 {
		return ""
	}
	return s
}

// opcode names the OPCODE of a standard query.
func opcode(n uint8) string {
	if n == 0 {
		return " standard query"
	}
	return ""
}

// rcode names a response code of a header (RFC 1035 4.1.1).
func rcode(n uint8) string {
	if names := []string{"NOERROR", "FORMERR", "SERVFAIL", "NXDOMAIN", "NOTIMP", "REFUSED"}; int(n) < len(names) {
		return names[n]
	}
	return ""
}

// dnsType names a type (RFC 1035 3.2.2).
func dnsType(n uint16) string {
	names := map[uint16]string{1: "A", 2: "NS", 5: "CNAME", 6: "SOA", 12: "PTR", 15: "MX", 16: "TXT", 28: "AAAA", typeOPT: "OPT"}
	return strings.TrimSpace(fmt.Sprintf("%d %s", n, names[n]))
}

// dnsClass names a class (RFC 1035 3.2.4).
func dnsClass(n uint16) string {
	if n == 1 {
		return "1 IN, the Internet"
	}
	return fmt.Sprint(n)
}
