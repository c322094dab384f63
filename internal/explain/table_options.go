package explain

import (
	"fmt"
	"strings"

	"tcpprobe/internal/text"
	"tcpprobe/tcphdr"
)

// tcpOptions explains the options of a segment (RFC 9293 3.2).
func (t *table) tcpOptions() {
	for len(t.rest()) > 0 {
		b := t.rest()
		kind := tcphdr.OptionKind(b[0])
		switch {
		case kind == tcphdr.EndOfOptions:
			t.add(len(b), "9293 3.2", "End of Option List, and padding")
			return
		case kind == tcphdr.NoOperation:
			t.add(1, "9293 3.2", "No-Operation: aligns what follows")
		case len(b) < 2 || b[1] < 2 || int(b[1]) > len(b):
			t.odd(len(b), "9293 3.2", "option %d, malformed: %s. What follows cannot be told apart", kind, malformation(b))
			return
		default:
			n := int(b[1])
			t.within(n, func() { t.tcpOption(kind, n) })
		}
	}
}

// malformation says what is wrong with an option.
func malformation(b []byte) string {
	switch {
	case len(b) < 2:
		return "its length is missing"
	case b[1] < 2:
		return fmt.Sprintf("length %d does not even count itself", b[1])
	}
	return fmt.Sprintf("length %d, but %s left", b[1], text.Count(len(b), "octet"))
}

// tcpOption explains an option that is n octets long.
func (t *table) tcpOption(kind tcphdr.OptionKind, n int) {
	b := t.rest()
	switch {
	case kind == tcphdr.MaximumSegmentSize && n == 4:
		t.fields(field{4, "9293 3.7.1", func(b []byte) string {
			return fmt.Sprintf("Maximum Segment Size: the sender takes %d octets of data at once", u16(b[2:]))
		}})
	case kind == tcphdr.WindowScale && n == 3:
		t.fields(field{3, "7323 2.2", func(b []byte) string {
			return fmt.Sprintf("Window Scale: later windows count times 2^%d = %d", b[2], 1<<min(b[2], 14))
		}})
	case kind == tcphdr.SACKPermitted && n == 2:
		t.fields(field{2, "2018 2", fixed("SACK-Permitted: selective acknowledgments are understood")})
	case kind == tcphdr.SACK && n >= 10 && n%8 == 2:
		t.add(2, "2018 3", "SACK, length %d: blocks that arrived out of order", n)
		for len(t.rest()) > 0 {
			t.add(4, "2018 3", "left edge %d", u32(t.rest()))
			t.add(4, "2018 3", "right edge %d", u32(t.rest()))
		}
	case kind == tcphdr.Timestamps && n == 10:
		t.fields(
			field{2, "7323 3.2", fixed("Timestamps, length 10")},
			field{4, "7323 3.2", func(b []byte) string { return fmt.Sprintf("TSval %d: the sender's clock", u32(b)) }},
			field{4, "7323 3.2", func(b []byte) string { return echo(u32(b)) }},
		)
	default:
		t.add(len(b), optionSource(kind), "option %d%s, length %d", kind, optionName(kind), n)
	}
}

// echo says what a TSecr means.
func echo(ecr uint32) string {
	if ecr == 0 {
		return "TSecr 0: nothing to echo yet"
	}
	return fmt.Sprintf("TSecr %d: the other's clock, echoed", ecr)
}

// optionName is the short name of an option in parentheses, if it has one.
func optionName(kind tcphdr.OptionKind) string {
	if name := kind.String(); !strings.HasPrefix(name, "kind-") {
		return " (" + name + ")"
	}
	return ""
}

// optionSource is where an option is defined that is not explained.
func optionSource(kind tcphdr.OptionKind) string {
	switch kind {
	case tcphdr.MD5:
		return "2385"
	case tcphdr.UserTimeout:
		return "5482"
	case tcphdr.TCPAuth:
		return "5925"
	case tcphdr.MPTCP:
		return "8684"
	case tcphdr.FastOpen:
		return "7413 4.1.1"
	case tcphdr.AccECN0, tcphdr.AccECN1:
		return "9768"
	case tcphdr.Experiment1, tcphdr.Experiment2:
		return "6994"
	case tcphdr.MaximumSegmentSize:
		return "9293 3.2"
	case tcphdr.WindowScale:
		return "7323 2.2"
	case tcphdr.SACKPermitted:
		return "2018 2"
	case tcphdr.SACK:
		return "2018 3"
	case tcphdr.Timestamps:
		return "7323 3.2"
	}
	return "9293 3.1"
}
