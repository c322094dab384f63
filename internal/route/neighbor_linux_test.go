package route_test

import (
	"errors"
	"testing"
	"time"

	"tcpprobe/internal/netlab"
	"tcpprobe/internal/route"
)

func TestNeighbor(t *testing.T) {
	mac := [6]byte{0x02, 0x61, 0x62, 0x63, 0x64, 0x65}
	for _, test := range []struct {
		name  string
		setUp func(*netlab.Host) error
		want  route.Neighbor
	}{
		{"none", none, route.Neighbor{}},
		{"reachable", func(h *netlab.Host) error { return h.Neighbor("eth0", addr("10.1.0.1"), mac, false) }, route.Neighbor{HardwareAddr: mac, Known: true, State: route.NeighborReachable}},
		{"permanent", func(h *netlab.Host) error { return h.Neighbor("eth0", addr("10.1.0.1"), mac, true) }, route.Neighbor{HardwareAddr: mac, Known: true, Permanent: true, State: route.NeighborPermanent}},
		{"on another link", func(h *netlab.Host) error { return h.Neighbor("eth1", addr("10.1.0.1"), mac, true) }, route.Neighbor{}},
		{"of another address", func(h *netlab.Host) error { return h.Neighbor("eth0", addr("10.1.0.3"), mac, true) }, route.Neighbor{}},
		{"failed", func(h *netlab.Host) error {
			ip(t, h, "neighbor add 10.1.0.1 dev eth0 nud failed")
			return nil
		}, route.Neighbor{State: route.NeighborFailed}},
		{"without ARP", func(h *netlab.Host) error {
			ip(t, h, "neighbor add 10.1.0.1 lladdr 02:61:62:63:64:65 dev eth0 nud noarp")
			return nil
		}, route.Neighbor{HardwareAddr: mac, Known: true, Permanent: true, State: route.NeighborNoARP}},
	} {
		t.Run(test.name, func(t *testing.T) {
			h := newHost(t)
			if err := errors.Join(h.Route(viaFirst), test.setUp(h)); err != nil {
				t.Fatal(err)
			}
			r, err := lookup(h, tcp("10.9.0.1"))
			if err != nil || r.Neighbor != test.want {
				t.Errorf("neighbour %+v, %v; want %+v", r.Neighbor, err, test.want)
			}
		})
	}
}

// What the kernel asks for in vain it says so of, while it asks and after.
func TestNeighborThatDoesNotExist(t *testing.T) {
	h := newHost(t)
	if err := h.Sysctl("net/ipv4/neigh/eth0/retrans_time_ms", "50"); err != nil {
		t.Fatal(err)
	}
	conn, err := h.Dial(t.Context(), "udp4", "10.1.0.77:9")
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	err = h.Do(func() error {
		c, err := route.OpenCache()
		if err != nil {
			return err
		}
		defer c.Close()
		r, err := c.Lookup(tcp("10.1.0.77"), time.Now())
		if err != nil || r.Neighbor.State != route.NeighborNone || r.Neighbor.State.Unresolved() {
			t.Errorf("before: %+v, %v", r.Neighbor, err)
		}
		if _, err := conn.Write([]byte{0}); err != nil {
			return err
		}
		n, err := c.Neighbor(r.Index, addr("10.1.0.77"))
		if err != nil || n.State != route.NeighborIncomplete || !n.State.Unresolved() || n.Known {
			t.Errorf("while it is asked for: %+v, %v", n, err)
		}
		for deadline := time.Now().Add(10 * time.Second); n.State != route.NeighborFailed; {
			if n, err = c.Neighbor(r.Index, addr("10.1.0.77")); err != nil || time.Now().After(deadline) {
				t.Fatalf("in the end: %+v, %v", n, err)
			}
		}
		if !n.State.Unresolved() || n.Known {
			t.Errorf("in the end: %+v", n)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// An entry for an address of IPv6 is asked for as one of IPv4 is.
func TestNeighborOfIPv6(t *testing.T) {
	h := newHost(t)
	if err := h.Sysctl("net/ipv6/conf/eth0/disable_ipv6", "0"); err != nil {
		t.Fatal(err)
	}
	ip(t, h, "route add 10.9.0.0/24 via inet6 fe80::99 dev eth0")
	ip(t, h, "neighbor add fe80::99 lladdr 02:61:62:63:64:65 dev eth0 nud permanent")
	r, err := lookup(h, tcp("10.9.0.1"))
	want := route.Neighbor{HardwareAddr: [6]byte{0x02, 0x61, 0x62, 0x63, 0x64, 0x65}, Known: true, Permanent: true, State: route.NeighborPermanent}
	if err != nil || r.Neighbor != want {
		t.Errorf("neighbour %+v, %v; want %+v", r.Neighbor, err, want)
	}
	if err := r.TakesFrames(); err != nil {
		t.Errorf("with a MAC that an administrator set: %v", err)
	}
}
