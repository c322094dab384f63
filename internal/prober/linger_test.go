package prober

import (
	"net/netip"
	"slices"
	"testing"

	"tcpprobe/internal/port"
)

// TestLingering: leases leave in the order in which they came, when there is no more room; a small range has room for few.
func TestLingering(t *testing.T) {
	for ports, want := range map[int][]uint16{28232: nil, 8: {1, 2, 3}, 3: {1, 2, 3, 4, 5}} {
		l := newLingering(ports)
		var released []uint16
		for n := uint16(1); n <= 5; n++ {
			lease := port.Lease{Local: netip.AddrPortFrom(netip.AddrFrom4([4]byte{192, 0, 2, 1}), n)}
			if out, ok := l.add(lease); ok {
				released = append(released, out.Local.Port())
			}
		}
		if !slices.Equal(released, want) {
			t.Errorf("of %d ports: %v are released, want %v", ports, released, want)
		}
	}
}
