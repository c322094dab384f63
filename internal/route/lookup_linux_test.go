package route_test

import (
	"errors"
	"net/netip"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"tcpprobe/internal/netlab"
	"tcpprobe/internal/netlab/labtest"
	"tcpprobe/internal/route"
)

func TestLookup(t *testing.T) {
	const firstWay = "via 10.1.0.1 dev eth0 src 10.1.0.2 mtu 1500"
	const secondWay = "via 10.2.0.1 dev eth1 src 10.2.0.2 mtu 1500"
	const mixedWay = "via 10.2.0.1 dev eth1 src 10.1.0.2 mtu 1500"

	with := func(f route.Flow, change func(*route.Flow)) route.Flow { change(&f); return f }
	outside := tcp("10.9.0.1")
	for _, test := range []struct {
		name  string
		setUp func(*netlab.Host) error
		flow  route.Flow
		want  string
	}{
		{"gateway", add(viaFirst), outside, firstWay},
		{"on-link", add(viaFirst), tcp("10.1.0.1"), "link dev eth0 src 10.1.0.2 mtu 1500"},
		{"own address", add(viaFirst), tcp("10.1.0.2"), "local dev lo src 10.1.0.2 mtu 65535"},
		{"own address of the other interface", add(viaFirst), with(tcp("10.2.0.2"), func(f *route.Flow) { f.Src = addr("10.1.0.2") }), "local dev lo src 10.1.0.2 mtu 65535"},
		{"loopback", add(viaFirst), tcp("127.0.0.1"), "local dev lo src 127.0.0.1 mtu 65535"},
		{"loopback net", none, tcp("127.99.98.97"), "local dev lo src 127.0.0.1 mtu 65535"},
		{"two default routes", add(netlab.Route{NextHop: addr("10.1.0.1"), Metric: 200}, netlab.Route{NextHop: addr("10.2.0.1"), Metric: 100}), outside, secondWay},
		{"longest prefix", add(viaFirst, netlab.Route{Dst: prefix("10.9.0.0/24"), NextHop: addr("10.2.0.1")}), outside, secondWay},
		{"preferred source", add(netlab.Route{NextHop: addr("10.1.0.1"), Source: addr("10.2.0.2")}), outside, "via 10.1.0.1 dev eth0 src 10.2.0.2 mtu 1500"},
		{"device route", add(netlab.Route{Dst: prefix("10.9.0.0/24"), Dev: "eth1"}), outside, "link dev eth1 src 10.2.0.2 mtu 1500"},
		{"route MTU", add(netlab.Route{NextHop: addr("10.1.0.1"), MTU: 1280}), outside, "via 10.1.0.1 dev eth0 src 10.1.0.2 mtu 1280"},
		{"link MTU", also(add(viaFirst), func(h *netlab.Host) error { return h.SetMTU("eth0", 576) }), outside, "via 10.1.0.1 dev eth0 src 10.1.0.2 mtu 576"},
		{"rule by source", also(add(viaFirst, viaSecond), rule(netlab.Rule{Priority: 10, From: prefix("10.2.0.2/32"), Table: 100})),
			with(outside, func(f *route.Flow) { f.Src = addr("10.2.0.2") }), secondWay},
		{"rule by another source", also(add(viaFirst, viaSecond), rule(netlab.Rule{Priority: 10, From: prefix("10.2.0.2/32"), Table: 100})), outside, firstWay},
		{"rule by mark", also(add(viaFirst, viaSecond), rule(netlab.Rule{Priority: 10, Mark: 0x51, Table: 100})),
			with(outside, func(f *route.Flow) { f.Mark = 0x51 }), secondWay},
		{"rule by another mark", also(add(viaFirst, viaSecond), rule(netlab.Rule{Priority: 10, Mark: 0x51, Table: 100})),
			with(outside, func(f *route.Flow) { f.Mark = 0x52 }), firstWay},
		{"rule by destination port", also(add(viaFirst, viaSecond), rule(netlab.Rule{Priority: 10, DestPort: 443, Table: 100})), outside, secondWay},
		{"rule by another destination port", also(add(viaFirst, viaSecond), rule(netlab.Rule{Priority: 10, DestPort: 444, Table: 100})), outside, firstWay},
		{"rule by source port", also(add(viaFirst, viaSecond), rule(netlab.Rule{Priority: 10, SourcePort: 40000, Table: 100})), outside, secondWay},
		{"rule by protocol", also(add(viaFirst, viaSecond), rule(netlab.Rule{Priority: 10, Protocol: 6, Table: 100})), outside, secondWay},
		{"rule by another protocol", also(add(viaFirst, viaSecond), rule(netlab.Rule{Priority: 10, Protocol: 17, Table: 100})), outside, firstWay},
		{"rule by Type of Service", also(add(viaFirst, viaSecond), func(h *netlab.Host) error { return rules(h, "tos 0x10 table 100") }),
			with(outside, func(f *route.Flow) { f.TOS = 0x10 }), secondWay},
		{"rule by another Type of Service", also(add(viaFirst, viaSecond), func(h *netlab.Host) error { return rules(h, "tos 0x08 table 100") }),
			with(outside, func(f *route.Flow) { f.TOS = 0x10 }), firstWay},
		{"rule by no Type of Service", also(add(viaFirst, viaSecond), func(h *netlab.Host) error { return rules(h, "tos 0x10 table 100") }), outside, firstWay},
		{"interface", add(viaFirst, netlab.Route{NextHop: addr("10.2.0.1"), Metric: 100}), with(outside, func(f *route.Flow) { f.Interface = "eth1" }), secondWay},
		{"interface without a route", add(viaFirst), with(outside, func(f *route.Flow) { f.Interface = "eth1" }), "link dev eth1 src 10.2.0.2 mtu 1500"},
		{"source of the other interface", add(viaFirst, netlab.Route{Dst: prefix("10.9.0.0/24"), NextHop: addr("10.2.0.1")}),
			with(outside, func(f *route.Flow) { f.Src = addr("10.1.0.2") }), mixedWay},
	} {
		t.Run(test.name, func(t *testing.T) {
			h := newHost(t)
			if err := test.setUp(h); err != nil {
				t.Fatal(err)
			}
			r, err := lookup(h, test.flow)
			if err != nil {
				t.Fatal(err)
			}
			if got := summary(r); got != test.want {
				t.Errorf("route %s, want %s", got, test.want)
			}
			if got := oracle(t, h, test.flow); got != test.want {
				t.Errorf("ip route get says %s, want %s", got, test.want)
			}
			if source, err := connect(h, test.flow); err != nil || source.IsValid() && source != r.Source {
				t.Errorf("connect(2) goes from %v, %v; the route from %v", source, err, r.Source)
			}
			if r.OnLink && r.NextHop != test.flow.Dst {
				t.Errorf("route %+v", r)
			}
			if usesARP := r.Interface != "lo"; r.AsksForMAC() != usesARP || r.Loopback == usesARP {
				t.Errorf("route %+v uses ARP: %t", r, r.AsksForMAC())
			}
		})
	}
}

// A rule for the source address that the kernel chose sends the flow another way than the one that it was chosen for.
// connect(2) goes that way too; a single question to the kernel would not show it.
func TestLookupAsksAgainWithTheSourceItGot(t *testing.T) {
	h := newHost(t)
	setUp := also(add(viaFirst, netlab.Route{Type: netlab.Prohibit, Table: 100}),
		rule(netlab.Rule{Priority: 10, From: prefix("10.1.0.2/32"), Table: 100}))
	if err := setUp(h); err != nil {
		t.Fatal(err)
	}
	if got, want := oracle(t, h, tcp("10.9.0.1")), "via 10.1.0.1 dev eth0 src 10.1.0.2 mtu 1500"; got != want {
		t.Errorf("one question gives %s, want %s", got, want)
	}
	if _, err := lookup(h, tcp("10.9.0.1")); !errors.Is(err, unix.EACCES) {
		t.Errorf("error %v, want EACCES", err)
	}
	if _, err := connect(h, tcp("10.9.0.1")); !errors.Is(err, unix.EACCES) {
		t.Errorf("connect(2) says %v, want EACCES", err)
	}
}

// Of several next hops the kernel takes one by a hash of the flow, and for connect(2) the same.
func TestSeveralNextHops(t *testing.T) {
	h := newHost(t)
	ip(t, h, "route add default nexthop via 10.1.0.1 nexthop via 10.2.0.1")
	if err := h.Sysctl("net/ipv4/fib_multipath_hash_policy", "1"); err != nil { // the ports count
		t.Fatal(err)
	}
	taken := make(map[netip.Addr]int)
	for port := range uint16(64) {
		f := tcp("10.9.0.1")
		f.SrcPort += port
		r, err := lookup(h, f)
		if err != nil {
			t.Fatal(err)
		}
		if source, err := connect(h, f); err != nil || source != r.Source {
			t.Errorf("from port %d: connect(2) goes from %v, %v; the route from %v", f.SrcPort, source, err, r.Source)
		}
		f.Src = r.Source
		if got, want := summary(r), oracle(t, h, f); got != want {
			t.Errorf("from port %d: %s, ip route get says %s", f.SrcPort, got, want)
		}
		taken[r.NextHop]++
	}
	if first, second := taken[addr("10.1.0.1")], taken[addr("10.2.0.1")]; first == 0 || second == 0 || first+second != 64 {
		t.Errorf("next hops %v", taken)
	}
}

// A path MTU that the kernel has learnt from a router counts as the route's.
func TestLearntPathMTU(t *testing.T) {
	n := labtest.Journey(t)
	if err := n.R1.SetMTU("eth1", 1300); err != nil {
		t.Fatal(err)
	}
	f := tcp("10.3.0.80")
	if r, err := lookup(n.Client, f); err != nil || r.MTU != 1500 {
		t.Fatalf("route %+v, %v", r, err)
	}
	conn, err := n.Client.Dial(t.Context(), "udp4", "10.3.0.80:9")
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	// The router's answer makes the next write fail, with an error that waits in the socket.
	if _, err := conn.Write(make([]byte, 1400)); err != nil {
		t.Fatal(err)
	}
	var r route.Route
	for deadline := time.Now().Add(10 * time.Second); time.Now().Before(deadline); {
		if r, err = lookup(n.Client, f); err != nil || r.MTU != 1500 {
			break
		}
	}
	if err != nil || r.MTU != 1300 || r.LinkMTU != 1500 {
		t.Errorf("route with MTU %d on a link of %d, %v; want 1300 on one of 1500", r.MTU, r.LinkMTU, err)
	}
}
