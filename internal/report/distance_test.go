package report_test

import (
	"net/netip"
	"testing"

	"tcpprobe/internal/report"
	"tcpprobe/probe"
)

// TestDistance checks what the Times to Live of a quote tell: a router that rejects may have counted ours down, or not.
func TestDistance(t *testing.T) {
	behind := &probe.Route{NextHop: gateway}
	for _, test := range []struct {
		name        string
		from        netip.Addr
		kind, code  uint8
		quoted      uint8
		route       *probe.Route
		least, most int
		text        string
	}{
		{"prohibited beyond the first router", router, 3, 13, 63, behind, 1, 2, "1 or 2 hops"},
		{"no route further away", router, 3, 0, 61, nil, 3, 4, "3 or 4 hops"},
		{"prohibited by a route of the first router", gateway, 3, 13, 64, behind, 1, 1, "1 hop"},
		{"prohibited by a firewall of the first router", gateway, 3, 13, 63, behind, 1, 1, "1 hop"},
		{"not counted down at all", router, 3, 13, 64, nil, 1, 1, "1 hop"},
		{"too large beyond the first router", router, 3, 4, 63, behind, 1, 2, "1 or 2 hops"},
		{"used up", router, 11, 0, 1, behind, 64, 64, "64 hops"},
		{"the target", remote, 3, 3, 60, behind, 5, 5, "5 hops"},
		{"no quote of it", router, 3, 13, 0, behind, 0, 0, "0 hops"},
		{"a forged quote", router, 3, 13, 65, behind, 0, 0, "0 hops"},
	} {
		m := &probe.ICMP{From: test.from, Source: local, Target: remote, Type: test.kind, Code: test.code, SentTTL: 64, QuotedTTL: test.quoted}
		least, most := report.Distance(m, test.route)
		if least != test.least || most != test.most {
			t.Errorf("%s: %d to %d, want %d to %d", test.name, least, most, test.least, test.most)
		}
		if got := report.HopsText(least, most); got != test.text {
			t.Errorf("%s: %q, want %q", test.name, got, test.text)
		}
	}
}
