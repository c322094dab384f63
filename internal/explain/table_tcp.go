package explain

import (
	"fmt"
	"strings"

	"tcpprobe/internal/checksum"
	"tcpprobe/internal/text"
	"tcpprobe/tcphdr"
)

const tcpHeaderLen = 20 // octets, without options

// tcp explains a segment, whole or quoted, that a datagram carries (RFC 9293 3.1).
func (t *table) tcp(in carrier, quoted bool) {
	b := t.rest()
	flags := tcphdr.Flags(0)
	if len(b) >= 14 {
		flags = tcphdr.Flags(u16(b[12:]) & 0x1ff)
	}
	if original := t.originalOf(14); quoted && original != nil {
		flags = tcphdr.Flags(u16(original[12:]) & 0x1ff)
	}
	if quoted && in.src.Is4() {
		t.ends = "the quote ends here: RFC 792 promises the first 8 octets of the segment"
	}
	if quoted && in.src.Is4() && len(b) == minQuotedOctet {
		defer func() { t.add(0, "792", "here the quote ends: 8 octets of the segment are what is promised") }()
	}
	fields := []field{
		{2, "9293 3.1", func(b []byte) string { return fmt.Sprintf("Source Port %d", u16(b)) }},
		{2, "9293 3.1", func(b []byte) string { return fmt.Sprintf("Destination Port %d", u16(b)) }},
		{4, "9293 3.4", func(b []byte) string { return fmt.Sprintf("Sequence Number %d%s", u32(b), t.first(flags)) }},
		{4, "9293 3.4", func(b []byte) string { return acknowledgment(u32(b), flags) }},
		{1, "9293 3.1", dataOffset},
		{1, "9293 3.1", controlBits},
		{2, "", nil},
		{2, "9293 3.1", func(f []byte) string { return fmt.Sprintf("Checksum 0x%04x%s", u16(f), t.sum(in, b, f, quoted)) }},
		{2, "9293 3.1", func(b []byte) string { return urgent(u16(b), flags) }},
	}
	fields[6].source, fields[6].say = t.window(flags)
	if quoted && len(b) >= minQuotedOctet && len(b) < tcpHeaderLen {
		n := 3
		for size := minQuotedOctet; n < len(fields) && size+fields[n].size <= len(b); n++ {
			size += fields[n].size
		}
		fields = fields[:n]
	}
	if !t.fields(fields...) || len(b) < tcpHeaderLen {
		return
	}
	length := 4 * int(b[12]>>4)
	if length < tcpHeaderLen {
		t.odd(len(t.rest()), "9293 3.1", "a Data Offset below 5 words: where the data begins cannot be known")
		return
	}
	if length > tcpHeaderLen {
		layer := t.layer
		if !quoted {
			t.layer = "options"
		}
		t.within(length-tcpHeaderLen, t.tcpOptions)
		t.layer = layer
		if length > len(b) && !quoted {
			t.add(0, "", "%s", t.ends).color = text.Red
		}
	}
	t.data()
}

// first says that a sequence number is the one that its sender counts from.
func (t *table) first(flags tcphdr.Flags) string {
	switch {
	case !flags.Has(tcphdr.SYN):
		return ""
	case t.ours:
		return ": our ISS"
	}
	return ": their ISS, our IRS"
}

// acknowledgment says what an acknowledgment number means.
func acknowledgment(n uint32, flags tcphdr.Flags) string {
	if !flags.Has(tcphdr.ACK) {
		return fmt.Sprintf("Acknowledgment Number %d: without ACK it has no meaning", n)
	}
	return fmt.Sprintf("Acknowledgment Number %d: the next one that is awaited", n)
}

// dataOffset says what octet 12 of a header says.
func dataOffset(b []byte) string {
	s := fmt.Sprintf("Data Offset %d words = %d octets, reserved bits %03b", b[0]>>4, 4*(b[0]>>4), b[0]>>1&7)
	if b[0]&1 != 0 {
		s += "; AE set (RFC 9768 3.1.1)"
	}
	return s
}

// controlBits writes the textbook's six with those raised that are set: "urg ACK psh rst SYN fin [010010]". Above them
// are those of ECN, which are named if they are set.
func controlBits(b []byte) string {
	flags := tcphdr.Flags(b[0])
	names := []string{"urg", "ack", "psh", "rst", "syn", "fin"}
	for i := range names {
		if b[0]&(0x20>>i) != 0 {
			names[i] = strings.ToUpper(names[i])
		}
	}
	s := fmt.Sprintf("%s [%s]", strings.Join(names, " "), flags.Bits())
	for _, ecn := range []tcphdr.Flags{tcphdr.CWR, tcphdr.ECE} {
		if flags.Has(ecn) {
			s += "; " + ecn.String() + " set"
		}
	}
	if flags&(tcphdr.CWR|tcphdr.ECE) != 0 {
		s += " (RFC 3168 6.1)"
	}
	return s
}

// window returns what a window means, and where that is written.
func (t *table) window(flags tcphdr.Flags) (source string, say func([]byte) string) {
	switch {
	case flags.Has(tcphdr.SYN):
		return "7323 2.2", func(b []byte) string { return fmt.Sprintf("Window %d octets, not scaled yet", u16(b)) }
	case flags.Has(tcphdr.RST):
		return "9293 3.1", func(b []byte) string { return fmt.Sprintf("Window %d: a RST offers none", u16(b)) }
	case t.scale >= 0:
		return "7323 2.3", func(b []byte) string {
			return fmt.Sprintf("Window %d, times 2^%d = %d octets", u16(b), t.scale, int(u16(b))<<t.scale)
		}
	}
	return "9293 3.1", func(b []byte) string { return fmt.Sprintf("Window %d octets", u16(b)) }
}

// sum says what is known of the checksum, where it is the field of that segment and all that it covers is there.
func (t *table) sum(in carrier, segment, field []byte, quoted bool) string {
	switch {
	case quoted || len(segment) < tcpHeaderLen || &field[0] != &segment[16]:
		return ""
	case t.checksumFrom != "":
		return ": " + t.checksumFrom
	}
	return ": " + tcphdr.Verify(segment, in.src, in.dst).String()
}

// urgent says what an urgent pointer means.
func urgent(n uint16, flags tcphdr.Flags) string {
	if !flags.Has(tcphdr.URG) {
		return fmt.Sprintf("Urgent Pointer %d: without URG it has no meaning", n)
	}
	return fmt.Sprintf("Urgent Pointer %d", n)
}

// data shows the data of a segment.
func (t *table) data() {
	if n := len(t.rest()); n > 0 {
		const shown = 100
		begin, more := string(t.rest()[:min(n, shown)]), ""
		if n > shown {
			more = " and so on"
		}
		t.add(n, "9293 3.1", "%s of data: \"%s\"%s", text.Count(n, "octet"), t.printable(begin), more)
	}
}

// stateOf returns what was found out about the checksum of a received segment, in words.
func stateOf(s checksum.State) string {
	switch s {
	case checksum.Unknown:
		return ""
	case checksum.Partial:
		return "not filled in yet, left to a network card (offload)"
	}
	return s.String()
}
