package route_test

import (
	"testing"

	"tcpprobe/internal/route"
)

// What a bridge receives was received by its port, and not by the other end of that, nor by other interfaces.
func TestStacked(t *testing.T) {
	h := newHost(t)
	for _, arguments := range []string{
		"link add br0 type bridge",
		"link add port0 type veth peer name far0",
		"link set port0 master br0",
	} {
		ip(t, h, arguments)
	}
	err := h.Do(func() error {
		c, err := route.OpenCache()
		if err != nil {
			return err
		}
		defer c.Close()
		indexes := make(map[string]int)
		for index := 1; len(indexes) < 6; index++ {
			if name, err := c.InterfaceName(index); err == nil {
				indexes[name] = index
			} else if index > 50 {
				t.Fatalf("only %v", indexes)
			}
		}
		for _, test := range []struct {
			a, b string
			want bool
		}{
			{"eth0", "eth0", true}, {"eth0", "eth1", false}, {"lo", "eth0", false},
			{"br0", "port0", true}, {"br0", "far0", false}, {"port0", "far0", false}, {"port0", "eth0", false},
		} {
			for _, pair := range [2][2]string{{test.a, test.b}, {test.b, test.a}} {
				if got, err := c.Stacked(indexes[pair[0]], indexes[pair[1]]); err != nil || got != test.want {
					t.Errorf("%v: %t, %v; want %t", pair, got, err, test.want)
				}
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}
