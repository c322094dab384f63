package serve

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"tcpprobe/internal/prober"
	"tcpprobe/internal/text"
)

// describe returns a module as a configuration has it, with every setting.
func (m Module) describe() string {
	var b strings.Builder
	line := func(name string, value any) { fmt.Fprintf(&b, "  %s: %v\n", name, value) }
	fmt.Fprintf(&b, "prober: tcp\n")
	if m.Timeout > 0 {
		fmt.Fprintf(&b, "timeout: %s\n", text.Duration(m.Timeout))
	}
	fmt.Fprintf(&b, "tcp:\n")
	switch m.Spec.Family {
	case prober.FamilyIPv4First, prober.FamilyIPv4:
		line("preferred_ip_protocol", "ip4")
	case prober.FamilyIPv6First, prober.FamilyIPv6:
		line("preferred_ip_protocol", "ip6")
	}
	line("ip_protocol_fallback", m.Spec.Family != prober.FamilyIPv4 && m.Spec.Family != prober.FamilyIPv6)
	if m.Spec.Source.IsValid() {
		line("source_ip_address", m.Spec.Source)
	}
	h := m.Spec.Handshake
	line("send", m.Spec.Send)
	line("close", h.Close)
	line("retries", h.Retries)
	line("syn", h.SYN)
	line("icmp", h.ICMP)
	line("ttl", m.Spec.TTL)
	line("dscp", m.Spec.TOS>>2)
	if h.MSS > 0 {
		line("mss", h.MSS)
	}
	line("window", h.Window)
	return b.String()
}

// describe returns what holds as a configuration has it.
func (s *Settings) describe() string {
	var b strings.Builder
	b.WriteString("modules:\n")
	for _, name := range slices.Sorted(maps.Keys(s.Modules)) {
		fmt.Fprintf(&b, "  %q:\n", name)
		for line := range strings.Lines(s.Modules[name].describe()) {
			b.WriteString("    " + line)
		}
	}
	if s.Policy.Allow != nil {
		b.WriteString("allow:\n")
		for _, p := range s.Policy.Allow {
			fmt.Fprintf(&b, "  - %q\n", p.text)
		}
	}
	return b.String()
}
