package port_test

import (
	"net/netip"
	"testing"
	"time"

	"tcpprobe/internal/port"
)

// Of connections with the same ends the numbers go up with the time; those with other ends have nothing to do with them.
func TestNumbers(t *testing.T) {
	start := time.Unix(5_000, 0)
	n := port.NewNumbers(start)
	local, remote := netip.MustParseAddrPort("10.0.0.1:40000"), netip.MustParseAddrPort("10.0.0.2:80")
	first := n.ISN(local, remote, start)
	for _, test := range []struct {
		after time.Duration
		isn   uint32
		stamp uint32
	}{
		{0, 0, 0},
		{4 * time.Microsecond, 1, 0},
		{time.Millisecond, 250, 1},
		{2 * time.Minute, 30_000_000, 120_000},
		{5 * time.Hour, 4_500_000_000 % (1 << 32), 18_000_000},
	} {
		if got := n.ISN(local, remote, start.Add(test.after)) - first; got != test.isn {
			t.Errorf("after %v the ISN is %d further, want %d", test.after, got, test.isn)
		}
		if got := n.Timestamp(local.Addr(), remote.Addr(), start.Add(test.after)) - n.Timestamp(local.Addr(), remote.Addr(), start); got != test.stamp {
			t.Errorf("after %v the time stamp is %d further, want %d", test.after, got, test.stamp)
		}
	}
	if other := netip.MustParseAddrPort("10.0.0.1:40001"); n.ISN(other, remote, start) == first {
		t.Error("another port has the same ISN")
	}
	if swapped := n.ISN(remote, local, start); swapped == first {
		t.Error("the ends swapped have the same ISN")
	}
	if again := port.NewNumbers(start); again.ISN(local, remote, start) == first {
		t.Error("another run has the same ISN")
	}
}
