package route_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"tcpprobe/internal/netlab"
	"tcpprobe/internal/netlab/labtest"
	"tcpprobe/internal/route"
)

func TestMain(m *testing.M) { labtest.Main(m) }

// newHost returns a host with eth0, 10.1.0.2/24, to a neighbour 10.1.0.1, and eth1, 10.2.0.2/24, to a neighbour 10.2.0.1.
func newHost(t *testing.T) *netlab.Host {
	t.Helper()
	lab := labtest.New(t)
	var hosts [3]*netlab.Host
	for i, name := range []string{"host", "first", "second"} {
		h, err := lab.Host(name)
		if err != nil {
			t.Fatal(err)
		}
		hosts[i] = h
	}
	for i, link := range []struct{ name, ours, theirs string }{
		{"eth0", "10.1.0.2/24", "10.1.0.1/24"},
		{"eth1", "10.2.0.2/24", "10.2.0.1/24"},
	} {
		err := lab.Link(hosts[0], link.name, netip.MustParsePrefix(link.ours), hosts[i+1], "eth0", netip.MustParsePrefix(link.theirs))
		if err != nil {
			t.Fatal(err)
		}
	}
	return hosts[0]
}

// lookup asks for the route on the host.
func lookup(h *netlab.Host, f route.Flow) (route.Route, error) {
	var r route.Route
	err := h.Do(func() (err error) {
		r, err = route.Lookup(f)
		return err
	})
	return r, err
}

// summary is what an application notices of a route.
func summary(r route.Route) string {
	how := "link"
	switch {
	case r.Local:
		how = "local"
	case !r.OnLink:
		how = "via " + r.NextHop.String()
	}
	return fmt.Sprintf("%s dev %s src %v mtu %d", how, r.Interface, r.Source, r.MTU)
}

// ip runs ip(8) on the host.
func ip(t *testing.T, h *netlab.Host, arguments string) []byte {
	t.Helper()
	out, err := h.Command(t.Context(), "ip", strings.Fields(arguments)...).CombinedOutput()
	if err != nil {
		t.Fatalf("ip %s: %v\n%s", arguments, err, out)
	}
	return out
}

// oracle is the summary of what "ip route get" says of the flow.
func oracle(t *testing.T, h *netlab.Host, f route.Flow) string {
	t.Helper()
	query := "-j route get " + f.Dst.String()
	if f.Src.IsValid() {
		query += " from " + f.Src.String()
	}
	if f.Interface != "" {
		query += " oif " + f.Interface
	}
	if f.Mark != 0 {
		query += fmt.Sprintf(" mark %d", f.Mark)
	}
	if f.Protocol != 0 {
		query += fmt.Sprintf(" ipproto %d sport %d dport %d", f.Protocol, f.SrcPort, f.DstPort)
	}
	var routes []struct {
		Type    string
		Gateway string
		Via     struct{ Host string }
		Dev     string
		Prefsrc string
		Metrics []struct{ MTU int }
	}
	out := ip(t, h, query)
	if err := json.Unmarshal(out, &routes); err != nil || len(routes) != 1 {
		t.Fatalf("ip %s: %v\n%s", query, err, out)
	}
	got := routes[0]
	how := "link"
	switch {
	case got.Type == "local":
		how = "local"
	case got.Gateway != "":
		how = "via " + got.Gateway
	case got.Via.Host != "":
		how = "via " + got.Via.Host
	}
	source := got.Prefsrc
	if source == "" {
		source = f.Src.String()
	}
	var link *net.Interface
	err := h.Do(func() (err error) {
		link, err = net.InterfaceByName(got.Dev)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	mtu := min(link.MTU, 65535)
	if len(got.Metrics) > 0 && got.Metrics[0].MTU != 0 {
		mtu = got.Metrics[0].MTU
	}
	return fmt.Sprintf("%s dev %s src %s mtu %d", how, got.Dev, source, mtu)
}

// connect is connect(2) for the flow. It returns the source address that the kernel chose.
func connect(h *netlab.Host, f route.Flow) (netip.Addr, error) {
	var source netip.Addr
	err := h.Do(func() error {
		fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
		if err != nil {
			return os.NewSyscallError("socket", err)
		}
		defer unix.Close(fd)
		if f.Mark != 0 {
			if err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_MARK, int(f.Mark)); err != nil {
				return os.NewSyscallError("setsockopt", err)
			}
		}
		if f.Interface != "" {
			if err := unix.BindToDevice(fd, f.Interface); err != nil {
				return os.NewSyscallError("setsockopt", err)
			}
		}
		local := &unix.SockaddrInet4{Port: int(f.SrcPort)}
		if f.Src.IsValid() {
			local.Addr = f.Src.As4()
		}
		if err := unix.Bind(fd, local); err != nil {
			return os.NewSyscallError("bind", err)
		}
		err = unix.Connect(fd, &unix.SockaddrInet4{Port: int(f.DstPort), Addr: f.Dst.As4()})
		// A neighbour may already have refused, on loopback.
		if err != nil && err != unix.EINPROGRESS && err != unix.ECONNREFUSED {
			return os.NewSyscallError("connect", err)
		}
		if err == unix.ECONNREFUSED {
			return nil
		}
		name, err := unix.Getsockname(fd)
		if err != nil {
			return os.NewSyscallError("getsockname", err)
		}
		source = netip.AddrFrom4(name.(*unix.SockaddrInet4).Addr)
		return nil
	})
	return source, err
}

// tcp is a flow of TCP with all ports set.
func tcp(dst string) route.Flow {
	return route.Flow{Dst: netip.MustParseAddr(dst), SrcPort: 40000, DstPort: 443, Protocol: unix.IPPROTO_TCP}
}

func addr(s string) netip.Addr     { return netip.MustParseAddr(s) }
func prefix(s string) netip.Prefix { return netip.MustParsePrefix(s) }

// add makes a set-up of routes.
func add(routes ...netlab.Route) func(*netlab.Host) error {
	return func(h *netlab.Host) error {
		for _, r := range routes {
			if err := h.Route(r); err != nil {
				return err
			}
		}
		return nil
	}
}

// also makes a set-up of two.
func also(first, second func(*netlab.Host) error) func(*netlab.Host) error {
	return func(h *netlab.Host) error { return errors.Join(first(h), second(h)) }
}

func rule(r netlab.Rule) func(*netlab.Host) error {
	return func(h *netlab.Host) error { return h.Rule(r) }
}

var (
	viaFirst  = netlab.Route{NextHop: addr("10.1.0.1")}
	viaSecond = netlab.Route{NextHop: addr("10.2.0.1"), Table: 100}
	none      = func(*netlab.Host) error { return nil }
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
			if (r.OnLink && r.NextHop != test.flow.Dst) || !r.Up || !r.Running {
				t.Errorf("route %+v", r)
			}
			if usesARP := r.Interface != "lo"; r.UsesARP() != usesARP || r.Loopback == usesARP {
				t.Errorf("route %+v uses ARP: %t", r, r.UsesARP())
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
		{"multicast source", add(viaFirst), from("224.0.0.9"), unix.EADDRNOTAVAIL, 0, "224.0.0.9 is not an address of this host"},
		{"no such interface", add(viaFirst), through("eth9"), unix.ENODEV, unix.ENODEV, `there is no interface "eth9"`},
		{"impossible interface", add(viaFirst), through("an-interface-name"), unix.ENODEV, unix.ENODEV, `there is no interface "an-interface-name"`},
		{"interface down", also(add(viaFirst), func(h *netlab.Host) error { return h.SetLink("eth0", false) }), tcp("10.9.0.1"), unix.ENETUNREACH, unix.ENETUNREACH, "no route to 10.9.0.1"},
		// To the user this is a fault of the link, to connect(2) one of the route.
		{"wanted interface down", also(add(viaFirst), func(h *netlab.Host) error { return h.SetLink("eth1", false) }), through("eth1"), unix.ENETDOWN, unix.ENETUNREACH, "the interface eth1 is down"},
		{"IPv6 destination", none, route.Flow{Dst: netip.IPv6Loopback()}, unix.EAFNOSUPPORT, 0, "::1 is not an IPv4 address"},
		{"IPv6 source", none, route.Flow{Dst: addr("10.1.0.1"), Src: netip.IPv6Loopback()}, unix.EAFNOSUPPORT, 0, "::1 is not an IPv4 address"},
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

// TestB95 is about links on which nobody is asked for a MAC.
func TestB95_TunnelUsesNoARP(t *testing.T) {
	h := newHost(t)
	tun, err := h.Tun("tun0")
	if errors.Is(err, os.ErrPermission) && os.Getenv("TCPPROBE_LAB") == "user" {
		return // some systems let root alone open the device
	}
	if err != nil {
		t.Fatal(err)
	}
	defer tun.Close()
	err = errors.Join(
		h.Address("tun0", prefix("10.7.0.1/24")),
		h.SetLink("tun0", true),
		h.Route(netlab.Route{NextHop: addr("10.7.0.2")}),
	)
	if err != nil {
		t.Fatal(err)
	}
	r, err := lookup(h, tcp("10.9.0.1"))
	if err != nil {
		t.Fatal(err)
	}
	if got, want := summary(r), "via 10.7.0.2 dev tun0 src 10.7.0.1 mtu 1500"; got != want || got != oracle(t, h, tcp("10.9.0.1")) {
		t.Errorf("route %s, want %s", got, want)
	}
	const arphrdNone = 65534
	if r.UsesARP() || !r.NoARP || !r.PointToPoint || r.HardwareType != arphrdNone || r.HardwareAddr != [6]byte{} {
		t.Errorf("route %+v", r)
	}
}

func TestB95_ARPSwitchedOff(t *testing.T) {
	h := newHost(t)
	ip(t, h, "link set eth0 arp off")
	if r, err := lookup(h, tcp("10.1.0.1")); err != nil || r.UsesARP() || !r.NoARP {
		t.Errorf("route %+v, %v", r, err)
	}
}

func TestInterface(t *testing.T) {
	h := newHost(t)
	r, err := lookup(h, tcp("10.2.0.1"))
	if err != nil {
		t.Fatal(err)
	}
	const arphrdEther = 1
	if r.HardwareType != arphrdEther || r.HardwareAddr != [6]byte{0x02, 0x00, 10, 2, 0, 2} || r.LinkMTU != 1500 || r.NoARP || r.PointToPoint || r.Loopback {
		t.Errorf("route %+v", r)
	}
	var eth1 *net.Interface
	err = h.Do(func() (err error) {
		eth1, err = net.InterfaceByName("eth1")
		return err
	})
	if err != nil || r.Index != eth1.Index {
		t.Errorf("index %d, want %d, %v", r.Index, eth1.Index, err)
	}
}

// The next hop of a datagram of IPv4 can have an address of IPv6 alone. ARP cannot find it; the kernel can.
func TestIPv6NextHop(t *testing.T) {
	h := newHost(t)
	if err := h.Sysctl("net/ipv6/conf/eth0/disable_ipv6", "0"); err != nil {
		t.Fatal(err)
	}
	ip(t, h, "route add 10.9.0.0/24 via inet6 fe80::99 dev eth0")
	r, err := lookup(h, tcp("10.9.0.1"))
	if err != nil {
		t.Fatal(err)
	}
	if got, want := summary(r), "via fe80::99 dev eth0 src 10.1.0.2 mtu 1500"; got != want || got != oracle(t, h, tcp("10.9.0.1")) {
		t.Errorf("route %s, want %s", got, want)
	}
	if r.UsesARP() || r.OnLink {
		t.Errorf("route %+v", r)
	}
}

func TestNeighbor(t *testing.T) {
	mac := [6]byte{0x02, 0x61, 0x62, 0x63, 0x64, 0x65}
	for _, test := range []struct {
		name  string
		setUp func(*netlab.Host) error
		want  route.Neighbor
	}{
		{"none", none, route.Neighbor{}},
		{"reachable", func(h *netlab.Host) error { return h.Neighbor("eth0", addr("10.1.0.1"), mac, false) }, route.Neighbor{HardwareAddr: mac, Known: true}},
		{"permanent", func(h *netlab.Host) error { return h.Neighbor("eth0", addr("10.1.0.1"), mac, true) }, route.Neighbor{HardwareAddr: mac, Known: true, Permanent: true}},
		{"on another link", func(h *netlab.Host) error { return h.Neighbor("eth1", addr("10.1.0.1"), mac, true) }, route.Neighbor{}},
		{"of another address", func(h *netlab.Host) error { return h.Neighbor("eth0", addr("10.1.0.3"), mac, true) }, route.Neighbor{}},
		{"failed", func(h *netlab.Host) error {
			ip(t, h, "neighbor add 10.1.0.1 dev eth0 nud failed")
			return nil
		}, route.Neighbor{}},
		{"without ARP", func(h *netlab.Host) error {
			ip(t, h, "neighbor add 10.1.0.1 lladdr 02:61:62:63:64:65 dev eth0 nud noarp")
			return nil
		}, route.Neighbor{HardwareAddr: mac, Known: true, Permanent: true}},
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
