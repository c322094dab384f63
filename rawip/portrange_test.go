package rawip_test

import (
	"slices"
	"strings"
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
		got := all(r)
		if !slices.Equal(got, test.want) {
			t.Errorf("%q, %q: %d, want %d", test.ports, test.reserved, got, test.want)
		}
		for _, port := range []uint16{0, 1, 39999, 40000, 40001, 40002, 40003, 40004, 40005, 40006, 65535} {
			if got, want := r.Contains(port), slices.Contains(test.want, port); got != want {
				t.Errorf("%q, %q: contains %d: %v", test.ports, test.reserved, port, got)
			}
		}
		for port, want := range map[uint16]bool{1: strings.HasPrefix(test.reserved, "1-"), 65535: strings.HasSuffix(strings.TrimSpace(test.reserved), "65535")} {
			if got := r.Reserved(port); got != want {
				t.Errorf("%q, %q: reserves %d: %v", test.ports, test.reserved, port, got)
			}
		}
	}
	for _, broken := range []string{"", "x", "5", "0 5", "7 6", "1 65536", "-1 5"} {
		r := rawip.ParsePortRange(broken, "")
		if ports := all(r); len(ports) != 28232 || ports[0] != 32768 || ports[len(ports)-1] != 60999 {
			t.Errorf("%q is %d ports", broken, len(ports))
		}
	}
}

// all returns the ports of a range.
func all(r rawip.PortRange) (ports []uint16) {
	for i := range r.Len() {
		ports = append(ports, r.At(i))
	}
	return ports
}
