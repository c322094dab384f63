package trace_test

import (
	"net/netip"
	"testing"

	"tcpprobe/internal/trace"
	"tcpprobe/probe"
)

// The translator is before the first reply that is of IPv4, by its address or by the flow label that it quotes.
func TestTranslator(t *testing.T) {
	first, behind, target := netip.MustParseAddr("2001:db8:1::1"), netip.MustParseAddr("64:ff9b::a02:2"), netip.MustParseAddr("64:ff9b::c000:250")
	own := netip.MustParseAddr("2001:db8:1::64")
	rejects := func(from netip.Addr, changed ...trace.Change) []trace.Reply {
		return []trace.Reply{{From: from, ICMP: &probe.ICMP{From: from, Type: 3}, Changed: changed}}
	}
	answers := []trace.Reply{{From: target, Segment: &probe.Segment{}}}
	label := func(found string) trace.Change {
		return trace.Change{Field: "flow_label", Sent: "0x12345", Found: found}
	}
	for name, test := range map[string]struct {
		hops [][]trace.Reply
		want trace.Translator
	}{
		"a router behind it":       {[][]trace.Reply{rejects(first), rejects(behind), answers}, trace.Translator{Hop: 2, From: behind, Before: 1, Intact: first}},
		"itself":                   {[][]trace.Reply{rejects(first), rejects(own, label("0x00000")), rejects(behind), answers}, trace.Translator{Hop: 2, From: own, Before: 1, Intact: first}},
		"silence":                  {[][]trace.Reply{rejects(first), nil, answers}, trace.Translator{Hop: 3, From: target, Before: 1, Intact: first}},
		"the first":                {[][]trace.Reply{rejects(behind), answers}, trace.Translator{Hop: 1, From: behind}},
		"not come so far":          {[][]trace.Reply{rejects(first)}, trace.Translator{}},
		"another label on the way": {[][]trace.Reply{rejects(first, label("0x00001"))}, trace.Translator{}},
	} {
		path := trace.NewTrace("", 1, 5)
		path.Remote = netip.AddrPortFrom(target, 80)
		for i, replies := range test.hops {
			path.Hops[i].Replies = replies
		}
		if got, ok := path.Translator(); ok {
			t.Errorf("%s: %+v where no prefix is known", name, got)
		}
		path.NAT64 = &probe.NAT64{Prefix: netip.MustParsePrefix("64:ff9b::/96"), Address: netip.MustParseAddr("192.0.2.80"), Synthesized: target}
		got, ok := path.Translator()
		if ok != (test.want.Hop > 0) || ok && got != test.want {
			t.Errorf("%s: %+v, want %+v", name, got, test.want)
		}
		for _, replies := range test.hops {
			for _, r := range replies {
				if v4, ok := path.BehindNAT64(r); ok != (r.From == behind) || ok && v4 != netip.MustParseAddr("10.2.0.2") {
					t.Errorf("%s: %v is %v", name, r.From, v4)
				}
			}
		}
	}
}
