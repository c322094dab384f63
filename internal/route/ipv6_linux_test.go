package route_test

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"tcpprobe/internal/netlab"
	"tcpprobe/internal/route"
)

// newHost6 is newHost with IPv6 beside: 2001:db8:1::2/64 to 2001:db8:1::1 on eth0, 2001:db8:2::2/64 to 2001:db8:2::1 on eth1, and
// link-local addresses fe80::2.
func newHost6(t *testing.T) *netlab.Host {
	t.Helper()
	h := newHost(t)
	if err := h.EnableIPv6(); err != nil {
		t.Fatal(err)
	}
	for ifname, global := range map[string]string{"eth0": "2001:db8:1::2/64", "eth1": "2001:db8:2::2/64"} {
		for _, a := range []string{global, "fe80::2/64"} {
			if err := h.Address(ifname, prefix(a)); err != nil {
				t.Fatal(err)
			}
		}
	}
	return h
}

var (
	viaFirst6  = netlab.Route{NextHop: addr("2001:db8:1::1")}
	viaSecond6 = netlab.Route{NextHop: addr("2001:db8:2::1"), Table: 100}
)

// set makes a set-up of lines of ip(8).
func set(t *testing.T, lines ...string) func(*netlab.Host) error {
	return func(h *netlab.Host) error {
		for _, line := range lines {
			ip(t, h, line)
		}
		return nil
	}
}

func TestLookupIPv6(t *testing.T) {
	const firstWay = "via 2001:db8:1::1 dev eth0 src 2001:db8:1::2 mtu 1500"
	const secondWay = "via 2001:db8:2::1 dev eth1 src 2001:db8:2::2 mtu 1500"
	const outside = "2001:db8:9::1"
	from := func(source string) func(*route.Flow) { return func(f *route.Flow) { f.Src = addr(source) } }
	through := func(name string) func(*route.Flow) { return func(f *route.Flow) { f.Interface = name } }
	plain := func(*route.Flow) {}
	for _, test := range []struct {
		name   string
		setUp  func(*netlab.Host) error
		dst    string
		change func(*route.Flow)
		want   string
	}{
		{"gateway", add(viaFirst6), outside, plain, firstWay},
		{"link-local gateway", set(t, "-6 route add default via fe80::1 dev eth0"), outside, plain, "via fe80::1 dev eth0 src 2001:db8:1::2 mtu 1500"},
		{"on-link", add(viaFirst6), "2001:db8:1::9", plain, "link dev eth0 src 2001:db8:1::2 mtu 1500"},
		{"own address", add(viaFirst6), "2001:db8:1::2", plain, "local dev lo src 2001:db8:1::2 mtu 65536"},
		{"loopback", add(viaFirst6), "::1", plain, "local dev lo src ::1 mtu 65536"},
		{"link-local", none, "fe80::1", through("eth1"), "link dev eth1 src fe80::2 mtu 1500"},
		{"own link-local", none, "fe80::2", through("eth1"), "local dev lo src fe80::2 mtu 65536"},
		{"interface by its number", none, "fe80::1", through("2"), "link dev eth0 src fe80::2 mtu 1500"},
		{"route MTU", set(t, "-6 route add default via 2001:db8:1::1 mtu 1300"), outside, plain, "via 2001:db8:1::1 dev eth0 src 2001:db8:1::2 mtu 1300"},
		{"rule by source", also(add(viaFirst6, viaSecond6), rule(netlab.Rule{Priority: 10, From: prefix("2001:db8:2::2/128"), Table: 100})), outside, from("2001:db8:2::2"), secondWay},
		{"rule by mark", also(add(viaFirst6, viaSecond6), rule(netlab.Rule{Priority: 10, From: prefix("::/0"), Mark: 0x51, Table: 100})), outside, func(f *route.Flow) { f.Mark = 0x51 }, secondWay},
		{"rule by port", also(add(viaFirst6, viaSecond6), rule(netlab.Rule{Priority: 10, From: prefix("::/0"), DestPort: 443, Table: 100})), outside, plain, secondWay},
		{"rule by another port", also(add(viaFirst6, viaSecond6), rule(netlab.Rule{Priority: 10, From: prefix("::/0"), DestPort: 444, Table: 100})), outside, plain, firstWay},
		{"given source", add(viaFirst6), outside, from("2001:db8:2::2"), "via 2001:db8:1::1 dev eth0 src 2001:db8:2::2 mtu 1500"},
		{"deprecated source last", set(t, "-6 route add default via 2001:db8:1::1", "-6 addr add 2001:db8:1::3/64 dev eth0 nodad", "-6 addr change 2001:db8:1::2/64 dev eth0 preferred_lft 0"),
			outside, plain, "via 2001:db8:1::1 dev eth0 src 2001:db8:1::3 mtu 1500"},
	} {
		t.Run(test.name, func(t *testing.T) {
			h := newHost6(t)
			if err := test.setUp(h); err != nil {
				t.Fatal(err)
			}
			f := tcp(test.dst)
			test.change(&f)
			r, err := lookup(h, f)
			if err != nil {
				t.Fatal(err)
			}
			if got := summary(r); got != test.want {
				t.Errorf("route %s, want %s", got, test.want)
			}
			if r.AsksForMAC() != (r.Interface != "lo") || r.OnLink && r.NextHop != f.Dst {
				t.Errorf("route %+v", r)
			}
			if (r.Scope != 0) != r.Source.IsLinkLocalUnicast() || r.Zone != f.Interface && test.dst != "fe80::1" {
				t.Errorf("source %v is one of interface %d, %s", r.Source, r.Scope, r.Zone)
			}
		})
	}
}

// The zone of an address is the interface, and not to be contradicted.
func TestZone(t *testing.T) {
	h := newHost6(t)
	for zone, want := range map[string]string{
		"fe80::1%eth1": "link dev eth1 src fe80::2 mtu 1500",
		"fe80::1%eth0": "fe80::1%eth0 is not on eth1",
		"fe80::1%eth9": `there is no interface "eth9"`,
	} {
		f := route.Flow{Dst: addr(zone)}
		if strings.Contains(want, "not on") {
			f.Interface = "eth1"
		}
		r, err := lookup(h, f)
		if got := answer(r, err); !strings.HasPrefix(got, want) {
			t.Errorf("%s: %s, want %s", zone, got, want)
		}
		if err == nil && (r.NextHop.Zone() != "" || r.Source.Zone() != "" || r.Scope != r.Index || r.Zone != r.Interface) {
			t.Errorf("%+v", r)
		}
	}
}

func TestNoRouteIPv6(t *testing.T) {
	of := func(kind string) func(*netlab.Host) error {
		return set(t, "-6 route add default via 2001:db8:1::1", "-6 route add "+kind+" 2001:db8:9::/48")
	}
	plain := tcp("2001:db8:9::1")
	from := func(source string) route.Flow { f := plain; f.Src = addr(source); return f }
	through := func(dst, name string) route.Flow { f := tcp(dst); f.Interface = name; return f }
	for _, test := range []struct {
		name  string
		setUp func(*netlab.Host) error
		flow  route.Flow
		want  unix.Errno
		text  string
	}{
		{"no default route", none, plain, unix.ENETUNREACH, "no route to 2001:db8:9::1"},
		{"unreachable", of("unreachable"), plain, unix.EHOSTUNREACH, "the route to 2001:db8:9::1 is of type unreachable"},
		{"prohibit", of("prohibit"), plain, unix.EACCES, "the route to 2001:db8:9::1 is of type prohibit"},
		{"blackhole", of("blackhole"), plain, unix.EINVAL, "the route to 2001:db8:9::1 is of type blackhole"},
		{"throw", of("throw"), plain, unix.ENETUNREACH, "no route to 2001:db8:9::1"},
		{"multicast", add(viaFirst6), through("ff02::1", "eth0"), unix.ENETUNREACH, "ff02::1 is a multicast address"},
		{"unspecified", add(viaFirst6), tcp("::"), unix.ENETUNREACH, ":: is no address of a host"},
		{"foreign source", add(viaFirst6), from("2001:db8:77::1"), unix.EADDRNOTAVAIL, "2001:db8:77::1 is not an address of this host"},
		{"unspecified source", add(viaFirst6), from("::"), unix.EADDRNOTAVAIL, ":: is not an address of this host"},
		{"loopback source", add(viaFirst6), from("::1"), unix.EADDRNOTAVAIL, "::1 is no source for what leaves this host"},
		{"source of another family", add(viaFirst6), from("10.1.0.2"), unix.EAFNOSUPPORT, "2001:db8:9::1 cannot be reached from 10.1.0.2: they are of different families"},
		{"IPv4-mapped", none, tcp("::ffff:10.1.0.1"), unix.EAFNOSUPPORT, "::ffff:10.1.0.1 is neither an IPv4 nor an IPv6 address"},
		{"loopback through an interface", add(viaFirst6), through("::1", "eth0"), unix.ENETUNREACH, "::1 is this host itself: nothing for it may leave through eth0"},
		{"link-local without an interface", add(viaFirst6), tcp("fe80::1"), unix.EINVAL, "fe80::1 is a link-local address, which every link has its own of: it takes an interface, as in fe80::1%eth0"},
		{"switched off", also(add(viaFirst6), func(h *netlab.Host) error { return h.Sysctl("net/ipv6/conf/eth1/disable_ipv6", "1") }), through("2001:db8:9::1", "eth1"),
			unix.ENETUNREACH, "IPv6 is switched off on eth1 (net.ipv6.conf.eth1.disable_ipv6)"},
		{"too small for IPv6", also(add(viaFirst6), func(h *netlab.Host) error { return h.SetMTU("eth1", 1200) }), through("2001:db8:9::1", "eth1"),
			unix.ENETUNREACH, "eth1 has no IPv6, which takes an MTU of 1280 (RFC 8200 5)"},
		{"no IPv6 at all", func(h *netlab.Host) error { return h.Sysctl("net/ipv6/conf/all/disable_ipv6", "1") }, plain,
			unix.ENETUNREACH, "no route to 2001:db8:9::1: this host has no IPv6 address"},
		{"link-local addresses alone", set(t, "-6 addr flush dev eth0 scope global", "-6 addr flush dev eth1 scope global"), plain,
			unix.ENETUNREACH, "no route to 2001:db8:9::1: this host has none but link-local IPv6 addresses"},
	} {
		t.Run(test.name, func(t *testing.T) {
			h := newHost6(t)
			if err := test.setUp(h); err != nil {
				t.Fatal(err)
			}
			_, err := lookup(h, test.flow)
			var failed *route.Error
			if !errors.As(err, &failed) || !errors.Is(err, test.want) || failed.Error() != test.text {
				t.Errorf("error %#v, want %q, which is %v", err, test.text, test.want)
			}
		})
	}
}

// An address of this host that is not known to be free is no destination: the kernel would ask the link for it.
func TestTentativeDestination(t *testing.T) {
	h := newHost6(t)
	if err := h.Sysctl("net/ipv6/conf/eth0/accept_dad", "1"); err != nil {
		t.Fatal(err)
	}
	if err := h.Sysctl("net/ipv6/conf/eth0/dad_transmits", "60"); err != nil {
		t.Fatal(err)
	}
	ip(t, h, "-6 addr add 2001:db8:1::7/64 dev eth0")
	for _, flow := range []route.Flow{tcp("2001:db8:1::7"), {Dst: addr("2001:db8:1::1"), Src: addr("2001:db8:1::7")}} {
		if _, err := lookup(h, flow); !errors.Is(err, unix.EADDRNOTAVAIL) || !strings.Contains(err.Error(), "it is tentative") {
			t.Errorf("%v from %v: %v", flow.Dst, flow.Src, err)
		}
	}
}

// The MTU that an interface has for IPv6 is in no route.
func TestInterfaceMTUForIPv6(t *testing.T) {
	h := newHost6(t)
	if err := errors.Join(add(viaFirst6)(h), h.Sysctl("net/ipv6/conf/eth0/mtu", "1400")); err != nil {
		t.Fatal(err)
	}
	if r, err := lookup(h, tcp("2001:db8:9::1")); err != nil || r.MTU != 1400 || r.LinkMTU != 1400 {
		t.Errorf("%+v, %v", r, err)
	}
}

// Of several next hops the kernel takes one by the flow label.
func TestSeveralNextHopsIPv6(t *testing.T) {
	h := newHost6(t)
	ip(t, h, "-6 route add default nexthop via 2001:db8:1::1 nexthop via 2001:db8:2::1")
	taken := make(map[netip.Addr]int)
	for label := range uint32(64) {
		f := tcp("2001:db8:9::1")
		f.Src, f.FlowLabel = addr("2001:db8:1::2"), 0x12345+label
		r, err := lookup(h, f)
		if err != nil {
			t.Fatal(err)
		}
		taken[r.NextHop]++
	}
	if first, second := taken[addr("2001:db8:1::1")], taken[addr("2001:db8:2::1")]; first == 0 || second == 0 || first+second != 64 {
		t.Errorf("next hops %v", taken)
	}
}

// Whatever the tables, rules and addresses, a Cache says of IPv6 what Lookup says.
func TestCacheIPv6(t *testing.T) {
	for name, lines := range map[string][]string{
		"plain":           {"-6 route add default via 2001:db8:1::1"},
		"more specific":   {"-6 route add default via 2001:db8:1::1", "-6 route add 2001:db8:9::/48 via 2001:db8:2::1", "-6 route add 2001:db8:9:7::/64 via 2001:db8:1::9"},
		"rejections":      {"-6 route add 2001:db8::/32 via 2001:db8:1::1", "-6 route add prohibit 2001:db8:9:7::/64", "-6 route add unreachable 2001:db8:9:8::/64"},
		"several hops":    {"-6 route add default nexthop via 2001:db8:1::1 nexthop via 2001:db8:2::1"},
		"several routers": {"-6 route append default via fe80::1 dev eth0 metric 7", "-6 route append default via fe80::1 dev eth1 metric 7"},
		"rule to":         {"-6 route add default via 2001:db8:1::1", "-6 route add default via 2001:db8:2::1 table 7", "-6 rule add to 2001:db8:9:7::/64 table 7"},
		"rule by port":    {"-6 route add default via 2001:db8:1::1", "-6 route add default via 2001:db8:2::1 table 7", "-6 rule add ipproto tcp sport 1000-1031 table 7"},
		// The source is the one that shares most with the destination, or has its label.
		"several sources": {"-6 route add default via 2001:db8:1::1", "-6 addr add 2001:db8:9:7::77/128 dev eth0 nodad", "-6 addr add fd00:9::1/128 dev eth0 nodad", "-6 addr add 2002:a00:1::1/128 dev eth0 nodad"},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHost6(t)
			if err := set(t, lines...)(h); err != nil {
				t.Fatal(err)
			}
			var flows []route.Flow
			for i := range 64 {
				for _, dst := range []string{"2001:db8:9:7::%x", "2001:db8:9:8::%x", "2001:db8:77:%x::1", "fd00:9::%x", "fd00:8::%x", "2002:a00:2::%x", "2001:db8:1::%x"} {
					f := tcp(fmt.Sprintf(dst, 1+4*i))
					f.SrcPort, f.FlowLabel = uint16(1000+i), uint32(1+i)
					flows = append(flows, f)
				}
			}
			for i, got := range cached(t, h, flows) {
				if want := answer(lookup(h, flows[i])); got != want {
					t.Errorf("%v: the cache says %s, Lookup %s", flows[i].Dst, got, want)
				}
			}
		})
	}
}
