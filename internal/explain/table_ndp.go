package explain

import (
	"fmt"

	"tcpprobe/ndp"
)

// discovery explains what follows the checksum of a message of Neighbor Discovery.
func (t *table) discovery(kind ndp.Type, source string) {
	if !t.fields(
		field{4, source, func(b []byte) string { return discoveryFlags(kind, ndp.Flags(u32(b))) }},
		field{16, source, func(b []byte) string { return "Target Address " + address(b) }},
	) {
		return
	}
	for len(t.rest()) > 0 {
		t.discoveryOption()
	}
}

// discoveryFlags says what the flags say, which a solicitation has none of.
func discoveryFlags(kind ndp.Type, f ndp.Flags) string {
	if kind == ndp.Solicitation {
		return "reserved"
	}
	said := ""
	for _, flag := range []struct {
		bit                ndp.Flags
		letter, set, clear string
	}{
		{ndp.Router, "R", "it is a router", "it is no router"},
		{ndp.Solicited, "S", "it answers us", "nobody asked"},
		{ndp.Override, "O", "what was known before counts no more", "a proxy or an anycast address: another may answer"},
	} {
		value, meaning := 0, flag.clear
		if f.Has(flag.bit) {
			value, meaning = 1, flag.set
		}
		said += fmt.Sprintf("%s %d: %s; ", flag.letter, value, meaning)
	}
	return said + "reserved bits"
}

// discoveryOption explains one option (RFC 4861 4.6).
func (t *table) discoveryOption() {
	const unit, macLen = 8, 6 // octets
	b := t.rest()
	if len(b) < 2 || b[1] == 0 || unit*int(b[1]) > len(b) {
		t.odd(len(b), "4861 4.6", "an option that is cut off or malformed")
		return
	}
	name := map[ndp.OptionType]string{ndp.SourceMAC: "Source Link-Layer Address", ndp.TargetMAC: "Target Link-Layer Address"}[ndp.OptionType(b[0])]
	if length := unit * int(b[1]); name == "" || length != 2+macLen {
		t.add(length, "4861 4.6", "option %d of %d octets", b[0], length)
		return
	}
	t.add(1, "4861 4.6.1", "option %d: %s", b[0], name)
	t.add(1, "4861 4.6.1", "Length %d unit of 8 octets", b[1])
	t.add(macLen, "4861 4.6.1", "%s", mac(b[2:2+macLen]))
}
