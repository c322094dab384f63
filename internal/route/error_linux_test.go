package route_test

import (
	"errors"
	"net/netip"
	"testing"

	"golang.org/x/sys/unix"

	"tcpprobe/internal/netlab"
	"tcpprobe/internal/netlab/labtest"
	"tcpprobe/internal/route"
)

func TestNoRoute(t *testing.T) {
	unreachable := func(kind netlab.RouteType) func(*netlab.Host) error {
		return add(viaFirst, netlab.Route{Dst: prefix("10.9.0.0/24"), Type: kind})
	}
	through := func(ifname string) route.Flow {
		f := tcp("10.9.0.1")
		f.Interface = ifname
		return f
	}
	from := func(source string) route.Flow {
		f := tcp("10.9.0.1")
		f.Src = addr(source)
		return f
	}
	for _, test := range []struct {
		name    string
		setUp   func(*netlab.Host) error
		flow    route.Flow
		want    unix.Errno
		connect unix.Errno
		text    string
	}{
		{"no default route", none, tcp("10.9.0.1"), unix.ENETUNREACH, unix.ENETUNREACH, "no route to 10.9.0.1"},
		{"unreachable", unreachable(netlab.Unreachable), tcp("10.9.0.1"), unix.EHOSTUNREACH, unix.EHOSTUNREACH, "the route to 10.9.0.1 is of type unreachable"},
		{"prohibit", unreachable(netlab.Prohibit), tcp("10.9.0.1"), unix.EACCES, unix.EACCES, "the route to 10.9.0.1 is of type prohibit"},
		{"blackhole", unreachable(netlab.Blackhole), tcp("10.9.0.1"), unix.EINVAL, unix.EINVAL, "the route to 10.9.0.1 is of type blackhole"},
		{"throw", also(add(netlab.Route{Type: unix.RTN_THROW, Table: 100}), rule(netlab.Rule{Priority: 10, Table: 100})), tcp("10.9.0.1"), unix.ENETUNREACH, unix.ENETUNREACH, "no route to 10.9.0.1"},
		{"broadcast", add(viaFirst), tcp("10.1.0.255"), unix.ENETUNREACH, unix.ENETUNREACH, "10.1.0.255 is a broadcast address"},
		{"limited broadcast", add(viaFirst), tcp("255.255.255.255"), unix.ENETUNREACH, unix.ENETUNREACH, "255.255.255.255 is a broadcast address"},
		{"multicast", add(viaFirst), tcp("224.0.0.1"), unix.ENETUNREACH, unix.ENETUNREACH, "224.0.0.1 is a multicast address"},
		{"foreign source", add(viaFirst), from("10.1.0.3"), unix.EADDRNOTAVAIL, unix.EADDRNOTAVAIL, "10.1.0.3 is not an address of this host"},
		{"foreign source through an interface", add(viaFirst), func() route.Flow { f := from("10.1.0.3"); f.Interface = "eth0"; return f }(), unix.EADDRNOTAVAIL, unix.EADDRNOTAVAIL, "10.1.0.3 is not an address of this host"},
		{"foreign source that bind(2) may take", also(add(viaFirst), func(h *netlab.Host) error { return h.Sysctl("net/ipv4/ip_nonlocal_bind", "1") }), from("10.1.0.3"), unix.EADDRNOTAVAIL, 0, "10.1.0.3 is not an address of this host"},
		{"loopback source", add(viaFirst), from("127.0.0.1"), unix.EADDRNOTAVAIL, unix.EINVAL, "127.0.0.1 is no source for what leaves this host"},
		{"loopback through an interface", add(viaFirst), func() route.Flow { f := tcp("127.0.0.1"); f.Interface = "eth0"; return f }(), unix.ENETUNREACH, 0, "127.0.0.1 is this host itself: nothing for it may leave through eth0"},
		{"multicast source", add(viaFirst), from("224.0.0.9"), unix.EADDRNOTAVAIL, 0, "224.0.0.9 is not an address of this host"},
		{"no such interface", add(viaFirst), through("eth9"), unix.ENODEV, unix.ENODEV, `there is no interface "eth9"`},
		{"impossible interface", add(viaFirst), through("an-interface-name"), unix.ENODEV, unix.ENODEV, `there is no interface "an-interface-name"`},
		{"interface down", also(add(viaFirst), func(h *netlab.Host) error { return h.SetLink("eth0", false) }), tcp("10.9.0.1"), unix.ENETUNREACH, unix.ENETUNREACH, "no route to 10.9.0.1"},
		// To the user this is a fault of the link, to connect(2) one of the route.
		{"wanted interface down", also(add(viaFirst), func(h *netlab.Host) error { return h.SetLink("eth1", false) }), through("eth1"), unix.ENETDOWN, unix.ENETUNREACH, "the interface eth1 is down"},
		{"IPv6 source", none, route.Flow{Dst: addr("10.1.0.1"), Src: netip.IPv6Loopback()}, unix.EAFNOSUPPORT, 0, "10.1.0.1 cannot be reached from ::1: they are of different families"},
	} {
		t.Run(test.name, func(t *testing.T) {
			h := newHost(t)
			if err := test.setUp(h); err != nil {
				t.Fatal(err)
			}
			_, err := lookup(h, test.flow)
			var failed *route.Error
			if !errors.As(err, &failed) || !errors.Is(err, test.want) || failed.Flow != test.flow || failed.Error() != test.text {
				t.Errorf("error %#v, want %q, which is %v", err, test.text, test.want)
			}
			if test.connect == 0 {
				return
			}
			if _, err := connect(h, test.flow); !errors.Is(err, test.connect) {
				t.Errorf("connect(2) says %v, want %v", err, test.connect)
			}
		})
	}
}

// A host without any address can have routes, but nothing to send from.
func TestNoSource(t *testing.T) {
	lab := labtest.New(t)
	a, err := lab.Host("a")
	if err != nil {
		t.Fatal(err)
	}
	b, err := lab.Host("b")
	if err != nil {
		t.Fatal(err)
	}
	if err := lab.Link(a, "eth0", netip.Prefix{}, b, "eth0", netip.Prefix{}); err != nil {
		t.Fatal(err)
	}
	if err := a.Route(netlab.Route{Dev: "eth0"}); err != nil {
		t.Fatal(err)
	}
	_, err = lookup(a, tcp("10.9.0.1"))
	if want := "this host has no address to reach 10.9.0.1 from"; !errors.Is(err, unix.EADDRNOTAVAIL) || err.Error() != want {
		t.Errorf("error %v, want %s", err, want)
	}
}
