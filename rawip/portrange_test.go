package rawip_test

import (
	"slices"
	"testing"

	"tcpprobe/rawip"
)

func TestPortRange(t *testing.T) {
	for _, test := range []struct {
		ports, reserved string
		want            []uint16
	}{
		{"40000\t40003\n", "\n", []uint16{40000, 40001, 40002, 40003}},
		{"40000 40003", "40001", []uint16{40000, 40002, 40003}},
		{"40000 40005", "1-3,40000-40001,40004,65000-65535\n", []uint16{40002, 40003, 40005}},
		{"40000 40002", "1-40001", []uint16{40002}},
		{"40000 40002", "40002-65535", []uint16{40000, 40001}},
		{"40000 40002", "40002-40000,x,-,40001-", []uint16{40000, 40001, 40002}},
		{"40000 40002", "40000-40002", []uint16{40000, 40001, 40002}},
		{"1 2", "", []uint16{1, 2}},
		{"65534 65535", "", []uint16{65534, 65535}},
		{"65535 65535", "", []uint16{65535}},
	} {
		r := rawip.ParsePortRange(test.ports, test.reserved)
		got := slices.Sorted(r.All())
		if !slices.Equal(got, test.want) {
			t.Errorf("%q, %q: %d, want %d", test.ports, test.reserved, got, test.want)
		}
		for _, port := range []uint16{0, 1, 39999, 40000, 40001, 40002, 40003, 40004, 40005, 40006, 65535} {
			if got, want := r.Contains(port), slices.Contains(test.want, port); got != want {
				t.Errorf("%q, %q: contains %d: %v", test.ports, test.reserved, port, got)
			}
		}
		drawn := make(map[uint16]bool)
		for range 1000 {
			drawn[r.Draw()] = true
		}
		if len(drawn) != len(test.want) {
			t.Errorf("%q, %q: %d ports drawn of %d", test.ports, test.reserved, len(drawn), len(test.want))
		}
		for port := range drawn {
			if !r.Contains(port) {
				t.Errorf("%q, %q: drew %d", test.ports, test.reserved, port)
			}
		}
	}
	for _, broken := range []string{"", "x", "5", "0 5", "7 6", "1 65536", "-1 5"} {
		r := rawip.ParsePortRange(broken, "")
		if all := slices.Sorted(r.All()); len(all) != 28232 || all[0] != 32768 || all[len(all)-1] != 60999 {
			t.Errorf("%q is %d ports", broken, len(all))
		}
	}
}

// TestPortRangeAll: it begins anywhere, goes on upwards, and can be broken off.
func TestPortRangeAll(t *testing.T) {
	r := rawip.ParsePortRange("100 199", "")
	firsts := make(map[uint16]bool)
	for range 1000 {
		n := 0
		var before uint16
		for port := range r.All() {
			switch n {
			case 0:
				firsts[port] = true
			case 1:
				if port != before+1 && !(before == 199 && port == 100) {
					t.Fatalf("%d follows %d", port, before)
				}
			}
			before = port
			if n++; n == 2 {
				break
			}
		}
	}
	if len(firsts) < 90 {
		t.Errorf("it began from %d ports of 100", len(firsts))
	}
}
