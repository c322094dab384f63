package labtest

import (
	"net/netip"
	"slices"
	"strings"
	"testing"

	"tcpprobe/internal/netlab"
)

// A Network is a client and a server with two routers between them.
type Network struct {
	Lab                    *netlab.Lab
	Client, R1, R2, Server *netlab.Host
}

// Journey builds the standard network:
//
//	Client eth0 10.1.0.2/24 ── 10.1.0.1/24 eth0 R1
//	R1     eth1 10.2.0.1/24 ── 10.2.0.2/24 eth0 R2
//	R2     eth1 10.3.0.1/24 ── 10.3.0.80/24, 10.3.0.53/24 eth0 Server
//
// The routers send every ICMP error, without limiting their rate. On the server nginx answers at port 80, and at
// 10.3.0.53 dnsmasq knows:
//
//	www.lab.test     A 10.3.0.80
//	alias.lab.test   CNAME www.lab.test
//	multi.lab.test   A 10.3.0.80, 10.3.0.81, 10.3.0.82; nobody has the last two
//	text.lab.test    a TXT record and no address
//	dual.lab.test    A 10.3.0.80, AAAA 2001:db8:3::80
//	six.lab.test     AAAA 2001:db8:3::80
//	dead6.lab.test   A 10.3.0.80, AAAA 2001:db8:3::99, which nobody has
//
// Another name in lab.test does not exist (RCODE 3), one outside of it is refused (RCODE 5).
func Journey(t testing.TB) *Network {
	t.Helper()
	n := journey(t)
	startHTTP(t, n.Server)
	startDNS(t, n.Server, "10.3.0.53")
	return n
}

// DualStack builds the standard network with IPv6 beside IPv4: next to 10.3.0.80/24 there is 2001:db8:3::80/64, and so for
// each address and each route, the name server's included. Link-local addresses are fe80::2 for eth0 of Client, fe80::1 for
// the routers' interfaces to Client and Server, and fe80::80 for eth0 of Server. No address waits for the detection of duplicates.
func DualStack(t testing.TB) *Network {
	t.Helper()
	n := journey(t)
	enableIPv6(t, []*netlab.Host{n.Client, n.Server}, []*netlab.Host{n.R1, n.R2})
	addresses6(t, []addressed{
		{n.Client, "eth0", []string{"2001:db8:1::2/64", "fe80::2/64"}},
		{n.R1, "eth0", []string{"2001:db8:1::1/64", "fe80::1/64"}},
		{n.R1, "eth1", []string{"2001:db8:2::1/64"}},
		{n.R2, "eth0", []string{"2001:db8:2::2/64"}},
		{n.R2, "eth1", []string{"2001:db8:3::1/64", "fe80::1/64"}},
		{n.Server, "eth0", []string{"2001:db8:3::53/64", "2001:db8:3::80/64", "fe80::80/64"}},
	})
	defaultRoute(t, n.Client, "2001:db8:1::1")
	defaultRoute(t, n.R1, "2001:db8:2::2")
	defaultRoute(t, n.R2, "2001:db8:2::1")
	defaultRoute(t, n.Server, "2001:db8:3::1")
	startHTTP(t, n.Server)
	startDNS(t, n.Server, "10.3.0.53", "2001:db8:3::53")
	return n
}

// enableIPv6 switches IPv6 on for hosts and routers. The routers send every ICMPv6 error.
func enableIPv6(t testing.TB, hosts, routers []*netlab.Host) {
	t.Helper()
	for _, h := range slices.Concat(hosts, routers) {
		if err := h.EnableIPv6(); err != nil {
			t.Fatal(err)
		}
	}
	for _, router := range routers {
		sysctl(t, router, "net/ipv6/conf/all/forwarding", "1")
		sysctl(t, router, "net/ipv6/icmp/ratelimit", "0")
	}
}

// addressed is an interface of a host, and the prefixes that it has addresses in.
type addressed struct {
	host     *netlab.Host
	ifname   string
	prefixes []string
}

func addresses6(t testing.TB, all []addressed) {
	t.Helper()
	for _, a := range all {
		for _, prefix := range a.prefixes {
			if err := a.host.Address(a.ifname, netip.MustParsePrefix(prefix)); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// journey builds the standard network without servers.
func journey(t testing.TB) *Network {
	t.Helper()
	lab := New(t)
	n := &Network{
		Lab:    lab,
		Client: host(t, lab, "client"),
		R1:     host(t, lab, "router1"),
		R2:     host(t, lab, "router2"),
		Server: host(t, lab, "server"),
	}
	for _, router := range []*netlab.Host{n.R1, n.R2} {
		sysctl(t, router, "net/ipv4/ip_forward", "1")
		sysctl(t, router, "net/ipv4/icmp_ratelimit", "0")
		sysctl(t, router, "net/ipv4/icmp_ratemask", "0")
	}

	link(t, lab, n.Client, "eth0", "10.1.0.2/24", n.R1, "eth0", "10.1.0.1/24")
	link(t, lab, n.R1, "eth1", "10.2.0.1/24", n.R2, "eth0", "10.2.0.2/24")
	link(t, lab, n.R2, "eth1", "10.3.0.1/24", n.Server, "eth0", "10.3.0.80/24")
	if err := n.Server.Address("eth0", netip.MustParsePrefix("10.3.0.53/24")); err != nil {
		t.Fatal(err)
	}
	defaultRoute(t, n.Client, "10.1.0.1")
	defaultRoute(t, n.R1, "10.2.0.2")
	defaultRoute(t, n.R2, "10.2.0.1")
	defaultRoute(t, n.Server, "10.3.0.1")
	return n
}

// A Fork is a client and a server with two paths of the same cost between them.
type Fork struct {
	Client, R1, Upper, Lower, R2, Server *netlab.Host
}

// Multipath builds a network in which R1 shares load between two routers, by addresses and ports:
//
//	Client eth0 10.1.0.2/24 ── 10.1.0.1/24 eth0 R1
//	R1     eth1 10.2.1.1/24 ── 10.2.1.2/24 eth0 Upper    R1    eth2 10.2.2.1/24 ── 10.2.2.2/24 eth0 Lower
//	Upper  eth1 10.4.1.1/24 ── 10.4.1.2/24 eth0 R2       Lower eth1 10.4.2.1/24 ── 10.4.2.2/24 eth1 R2
//	R2     eth2 10.3.0.1/24 ── 10.3.0.80/24 eth0 Server
//
// Next to 10.1.0.2/24 there is 2001:db8:1::2/64, to 10.2.1.1/24 2001:db8:21::1/64, to 10.3.0.80/24 2001:db8:3::80/64, and so for each.
//
// All that comes back goes by Upper. The routers send every ICMP error, without limiting their rate. On the server nginx
// answers at port 80.
func Multipath(t testing.TB) *Fork {
	t.Helper()
	lab := New(t)
	n := &Fork{
		Client: host(t, lab, "client"), R1: host(t, lab, "router1"), Upper: host(t, lab, "upper"),
		Lower: host(t, lab, "lower"), R2: host(t, lab, "router2"), Server: host(t, lab, "server"),
	}
	for _, router := range []*netlab.Host{n.R1, n.Upper, n.Lower, n.R2} {
		sysctl(t, router, "net/ipv4/ip_forward", "1")
		sysctl(t, router, "net/ipv4/icmp_ratelimit", "0")
		sysctl(t, router, "net/ipv4/icmp_ratemask", "0")
	}
	sysctl(t, n.R1, "net/ipv4/fib_multipath_hash_policy", "1")

	link(t, lab, n.Client, "eth0", "10.1.0.2/24", n.R1, "eth0", "10.1.0.1/24")
	link(t, lab, n.R1, "eth1", "10.2.1.1/24", n.Upper, "eth0", "10.2.1.2/24")
	link(t, lab, n.R1, "eth2", "10.2.2.1/24", n.Lower, "eth0", "10.2.2.2/24")
	link(t, lab, n.Upper, "eth1", "10.4.1.1/24", n.R2, "eth0", "10.4.1.2/24")
	link(t, lab, n.Lower, "eth1", "10.4.2.1/24", n.R2, "eth1", "10.4.2.2/24")
	link(t, lab, n.R2, "eth2", "10.3.0.1/24", n.Server, "eth0", "10.3.0.80/24")
	defaultRoute(t, n.Client, "10.1.0.1")
	defaultRoute(t, n.R2, "10.4.1.1")
	defaultRoute(t, n.Server, "10.3.0.1")
	for router, nextHops := range map[*netlab.Host][2]string{n.Upper: {"10.4.1.2", "10.2.1.1"}, n.Lower: {"10.4.2.2", "10.2.2.1"}} {
		for i, network := range []string{"10.3.0.0/24", "10.1.0.0/24"} {
			err := router.Route(netlab.Route{Dst: netip.MustParsePrefix(network), NextHop: netip.MustParseAddr(nextHops[i])})
			if err != nil {
				t.Fatal(err)
			}
		}
	}
	NeedTool(t, "ip")
	share := n.R1.Command(t.Context(), "ip", "route", "add", "10.3.0.0/24", "nexthop", "via", "10.2.1.2", "nexthop", "via", "10.2.2.2")
	if out, err := share.CombinedOutput(); err != nil {
		t.Fatalf("ip: %v\n%s", err, out)
	}
	n.addIPv6(t)
	startHTTP(t, n.Server)
	return n
}

// addIPv6 gives the network IPv6 beside IPv4.
func (n *Fork) addIPv6(t testing.TB) {
	t.Helper()
	enableIPv6(t, []*netlab.Host{n.Client, n.Server}, []*netlab.Host{n.R1, n.Upper, n.Lower, n.R2})
	n.HashPolicy6(t, "1")
	addresses6(t, []addressed{
		{n.Client, "eth0", []string{"2001:db8:1::2/64"}}, {n.R1, "eth0", []string{"2001:db8:1::1/64"}},
		{n.R1, "eth1", []string{"2001:db8:21::1/64"}}, {n.Upper, "eth0", []string{"2001:db8:21::2/64"}},
		{n.R1, "eth2", []string{"2001:db8:22::1/64"}}, {n.Lower, "eth0", []string{"2001:db8:22::2/64"}},
		{n.Upper, "eth1", []string{"2001:db8:41::1/64"}}, {n.R2, "eth0", []string{"2001:db8:41::2/64"}},
		{n.Lower, "eth1", []string{"2001:db8:42::1/64"}}, {n.R2, "eth1", []string{"2001:db8:42::2/64"}},
		{n.R2, "eth2", []string{"2001:db8:3::1/64"}}, {n.Server, "eth0", []string{"2001:db8:3::80/64"}},
	})
	for _, line := range []struct {
		host  *netlab.Host
		route string
	}{
		{n.Client, "default via 2001:db8:1::1"}, {n.R2, "default via 2001:db8:41::1"}, {n.Server, "default via 2001:db8:3::1"},
		{n.Upper, "2001:db8:3::/64 via 2001:db8:41::2"}, {n.Upper, "2001:db8:1::/64 via 2001:db8:21::1"},
		{n.Lower, "2001:db8:3::/64 via 2001:db8:42::2"}, {n.Lower, "2001:db8:1::/64 via 2001:db8:22::1"},
		{n.R1, "2001:db8:3::/64 nexthop via 2001:db8:21::2 nexthop via 2001:db8:22::2"},
	} {
		add := line.host.Command(t.Context(), "ip", append([]string{"-6", "route", "add"}, strings.Fields(line.route)...)...)
		if out, err := add.CombinedOutput(); err != nil {
			t.Fatalf("ip: %v\n%s", err, out)
		}
	}
}

// HashPolicy6 has R1 share load of IPv6 by addresses and flow label ("0", the kernel's default), or by addresses and ports ("1").
func (n *Fork) HashPolicy6(t testing.TB, policy string) {
	t.Helper()
	sysctl(t, n.R1, "net/ipv6/fib_multipath_hash_policy", policy)
}

// Pair builds the smallest network: two hosts with one link between them, a with eth0 10.0.0.1/24 and b with eth0 10.0.0.2/24.
func Pair(t testing.TB, options ...netlab.LinkOption) (a, b *netlab.Host) {
	t.Helper()
	lab := New(t)
	a, b = host(t, lab, "a"), host(t, lab, "b")
	link(t, lab, a, "eth0", "10.0.0.1/24", b, "eth0", "10.0.0.2/24", options...)
	return a, b
}

// DualPair is Pair with IPv6 beside IPv4: a has 2001:db8::1/64 and fe80::a/64, b 2001:db8::2/64 and fe80::b/64. No address waits for the
// detection of duplicates, and all stay when an interface goes down.
func DualPair(t testing.TB, options ...netlab.LinkOption) (a, b *netlab.Host) {
	t.Helper()
	a, b = Pair(t, options...)
	for _, h := range []*netlab.Host{a, b} {
		if err := h.EnableIPv6(); err != nil {
			t.Fatal(err)
		}
		sysctl(t, h, "net/ipv6/conf/eth0/keep_addr_on_down", "1")
	}
	addresses6(t, []addressed{{a, "eth0", []string{"2001:db8::1/64", "fe80::a/64"}}, {b, "eth0", []string{"2001:db8::2/64", "fe80::b/64"}}})
	return a, b
}

func host(t testing.TB, lab *netlab.Lab, name string) *netlab.Host {
	t.Helper()
	h, err := lab.Host(name)
	if err != nil {
		t.Fatal(err)
	}
	// A new namespace has the settings of the machine's own, which are not ours to know. Of "all" and that of an
	// interface, which starts as "default", the kernel uses the stricter.
	sysctl(t, h, "net/ipv4/conf/all/rp_filter", "0")
	sysctl(t, h, "net/ipv4/conf/default/rp_filter", "0")
	return h
}

func sysctl(t testing.TB, h *netlab.Host, name, value string) {
	t.Helper()
	if err := h.Sysctl(name, value); err != nil {
		t.Fatal(err)
	}
}

func link(t testing.TB, lab *netlab.Lab, a *netlab.Host, aName, aPrefix string, b *netlab.Host, bName, bPrefix string, options ...netlab.LinkOption) {
	t.Helper()
	err := lab.Link(a, aName, netip.MustParsePrefix(aPrefix), b, bName, netip.MustParsePrefix(bPrefix), options...)
	if err != nil {
		t.Fatal(err)
	}
}

func defaultRoute(t testing.TB, h *netlab.Host, nextHop string) {
	t.Helper()
	if err := h.Route(netlab.Route{NextHop: netip.MustParseAddr(nextHop)}); err != nil {
		t.Fatal(err)
	}
}
