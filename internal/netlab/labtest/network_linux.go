package labtest

import (
	"net/netip"
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
	for _, h := range []*netlab.Host{n.Client, n.R1, n.R2, n.Server} {
		if err := h.EnableIPv6(); err != nil {
			t.Fatal(err)
		}
	}
	for _, router := range []*netlab.Host{n.R1, n.R2} {
		sysctl(t, router, "net/ipv6/conf/all/forwarding", "1")
		sysctl(t, router, "net/ipv6/icmp/ratelimit", "0")
	}
	for _, a := range []struct {
		host     *netlab.Host
		ifname   string
		prefixes []string
	}{
		{n.Client, "eth0", []string{"2001:db8:1::2/64", "fe80::2/64"}},
		{n.R1, "eth0", []string{"2001:db8:1::1/64", "fe80::1/64"}},
		{n.R1, "eth1", []string{"2001:db8:2::1/64"}},
		{n.R2, "eth0", []string{"2001:db8:2::2/64"}},
		{n.R2, "eth1", []string{"2001:db8:3::1/64", "fe80::1/64"}},
		{n.Server, "eth0", []string{"2001:db8:3::53/64", "2001:db8:3::80/64", "fe80::80/64"}},
	} {
		for _, prefix := range a.prefixes {
			if err := a.host.Address(a.ifname, netip.MustParsePrefix(prefix)); err != nil {
				t.Fatal(err)
			}
		}
	}
	defaultRoute(t, n.Client, "2001:db8:1::1")
	defaultRoute(t, n.R1, "2001:db8:2::2")
	defaultRoute(t, n.R2, "2001:db8:2::1")
	defaultRoute(t, n.Server, "2001:db8:3::1")
	startHTTP(t, n.Server)
	startDNS(t, n.Server, "10.3.0.53", "2001:db8:3::53")
	return n
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
	startHTTP(t, n.Server)
	return n
}

// Pair builds the smallest network: two hosts with one link between them, a with eth0 10.0.0.1/24 and b with eth0 10.0.0.2/24.
func Pair(t testing.TB, options ...netlab.LinkOption) (a, b *netlab.Host) {
	t.Helper()
	lab := New(t)
	a, b = host(t, lab, "a"), host(t, lab, "b")
	link(t, lab, a, "eth0", "10.0.0.1/24", b, "eth0", "10.0.0.2/24", options...)
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
