package explain

import (
	"fmt"

	"tcpprobe/arp"
)

// arp explains a packet of RFC 826, which has no sections to name.
func (t *table) arp() {
	t.layer = "ARP"
	number := func(format string) func([]byte) string {
		return func(b []byte) string { return fmt.Sprintf(format, b[len(b)-1]) }
	}
	known := func(name string, want uint16, meaning string) func([]byte) string {
		return func(b []byte) string {
			if v := u16(b); v != want {
				return fmt.Sprintf("%s 0x%04x", name, v)
			}
			return fmt.Sprintf("%s %s", name, meaning)
		}
	}
	b := t.rest()
	if !t.fields(
		field{2, "826", known("hardware type", 1, "1: Ethernet")},
		field{2, "826", known("protocol type", etherTypeIPv4, "0x0800: IPv4")},
		field{1, "826", number("a hardware address has %d octets")},
		field{1, "826", number("a protocol address has %d octets")},
		field{2, "826", func(b []byte) string { return fmt.Sprintf("opcode %d: %v", u16(b), arp.Operation(u16(b))) }},
	) {
		return
	}
	if b[4] != 6 || b[5] != 4 {
		t.odd(len(t.rest()), "826", "addresses of other lengths than Ethernet's and IPv4's")
		return
	}
	request := u16(b[6:]) == uint16(arp.Request)
	if !t.fields(
		field{6, "826", func(b []byte) string { return "SenderHA " + mac(b) }},
		field{4, "826", func(b []byte) string { return "SenderPA " + address(b) }},
		field{6, "826", func(b []byte) string {
			if request {
				return "TargetHA " + mac(b) + ": what is asked"
			}
			return "TargetHA " + mac(b)
		}},
		field{4, "826", func(b []byte) string { return "TargetPA " + address(b) }},
	) {
		return
	}
	if n := len(t.rest()); n > 0 {
		t.add(n, "894", "padding of a short frame")
	}
}
