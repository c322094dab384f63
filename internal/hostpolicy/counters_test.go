package hostpolicy

import (
	"slices"
	"testing"
)

func TestCounters(t *testing.T) {
	const before = "TcpExt: SyncookiesSent IPReversePathFilter InCsumErrors\nTcpExt: 7 3 1\nIpExt: InNoRoutes InCsumErrors\nIpExt: 0 1\n"
	const after = "TcpExt: SyncookiesSent IPReversePathFilter InCsumErrors\nTcpExt: 9 5 1\nIpExt: InNoRoutes InCsumErrors\nIpExt: 0 2\n"
	read := func(netstat, xfrm string) Counters {
		c := make(Counters)
		c.addNetstat(netstat)
		c.addXfrm(xfrm)
		return c
	}
	first := read(before, "XfrmOutPolBlock         \t0\nXfrmInNoPols            \t4\n")
	then := read(after, "XfrmOutPolBlock         \t2\nXfrmInNoPols            \t4\n")
	want := []Moved{{"IPReversePathFilter", 2}, {"InCsumErrors", 1}, {"XfrmOutPolBlock", 2}}
	if got := then.Since(first); !slices.Equal(got, want) {
		t.Errorf("moved: %v, want %v", got, want)
	}
	for _, damaged := range []string{"", "\n", "TcpExt:\n", "TcpExt: IPReversePathFilter\n", "TcpExt: IPReversePathFilter\nTcpExt: x\n", "TcpExt: IPReversePathFilter\nTcpExt: 1 2\n"} {
		if c := read(damaged, damaged); len(c) != 0 {
			t.Errorf("%q: %v", damaged, c)
		}
	}
}
