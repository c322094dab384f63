//go:build linux

package demo

import (
	"context"
	"errors"
	"io"
	"net"
	"net/netip"
	"os"
	"time"

	"golang.org/x/sys/unix"

	"tcpprobe/internal/netlab"
	"tcpprobe/tcphdr"
)

// network is the network of the demo: a client, two routers, and behind them two hosts and some prefixes that lead
// nowhere. In the middle of two of its links is a cable that is not as good as it should be, and in one of them a box that
// is no hop and does to what passes as it likes:
//
//	client  eth0 10.1.0.2/24 ── 10.1.0.1/24 eth0 router1
//	router1 eth1 10.2.0.1/24 ── 10.2.0.2/24 eth0 router2      a long way: 5 ms in each direction, and a middlebox
//	router2 eth1 10.3.0.1/24 ── 10.3.0.80/24 to 10.3.0.84/24, 10.3.0.53/24 eth0 server
//	router2 eth2 10.4.0.1/24 ── 10.4.0.80/24 eth0 lossy       about every other SYN is lost
//
// Where the kernel has IPv6, there is a client with both families, and IPv6 from it to the server beside IPv4:
//
//	dualstack eth0 10.9.0.2/24 ── 10.9.0.1/24 eth2 router1
type network struct {
	lab      *netlab.Lab
	hosts    map[string]*netlab.Host // by name
	ipv6     bool                    // it has that too
	dns      []string                // the flags that name its server, where resolv.conf cannot
	filesErr error                   // why there are no filesDir
	closers  []io.Closer             // what is to be closed before the lab
}

const (
	client        = "client"
	dualstack     = "dualstack" // that has IPv6 too
	clientAddress = "10.1.0.2"
	dnsServer     = "10.3.0.53"
	server6       = "2001:db8:3::80"
	dead6         = "2001:db8:7::80"
	latency       = 5 * time.Millisecond // of the long way
	// seed lets the first SYN be lost and the second pass.
	seed = 4
)

// names are the names that there are on the network, and the addresses that routes lead to, or do not.
var names = []struct {
	name      string
	addresses []string // one at most of each family
	about     string
}{
	{"www.demo.test", []string{"10.3.0.80"}, "port 80 is open, every other is closed"},
	{"lossy.demo.test", []string{"10.4.0.80"}, "the same, but about every other SYN is lost"},
	{"busy.demo.test", []string{busy}, "its accept queue is full"},
	{"clamped.demo.test", []string{clamped}, "a middlebox rewrites the SYN"},
	{"reset.demo.test", []string{reset}, "a middlebox resets, in the server's name"},
	{"narrow.demo.test", []string{narrow}, "large datagrams vanish on the way"},
	{"prohibited.demo.test", []string{"10.5.0.80"}, "router1 refuses by policy"},
	{"unreachable.demo.test", []string{"10.6.0.80"}, "router1 knows no way"},
	{"silent.demo.test", []string{"10.7.0.80"}, "router2 swallows every datagram"},
	{"island.demo.test", []string{"10.8.0.80"}, "behind a gateway, 10.1.0.254, that is silent"},
	{"six.demo.test", []string{server6}, "the server, in IPv6 alone"},
	{"dual.demo.test", []string{dead6, "10.3.0.80"}, "two families, of which router2 swallows IPv6"},
}

// newNetwork builds the network, in the namespaces of this process.
func newNetwork() (n *network, err error) {
	n = new(network)
	if n.lab, err = netlab.New(); err != nil {
		return nil, err
	}
	if err := n.build(); err != nil {
		return nil, errors.Join(err, n.close())
	}
	if n.filesErr = mountFiles(); n.filesErr != nil || coverResolvConf() != nil {
		n.dns = []string{"--dns", dnsServer}
	}
	return n, nil
}

func (n *network) close() error {
	var errs []error
	for _, c := range n.closers {
		errs = append(errs, c.Close())
	}
	return errors.Join(append(errs, n.lab.Close())...)
}

func (n *network) build() error {
	hosts := make(map[string]*netlab.Host)
	for _, name := range append(Hosts(), "longway", "middlebox", "badcable") {
		h, err := n.lab.Host(name)
		if err != nil {
			return err
		}
		hosts[name] = h
	}
	n.hosts = hosts

	// The ends of a link, each with the cable that stands between, if any.
	for _, l := range []struct {
		a, aName, aPrefix string
		b, bName, bPrefix string
	}{
		{"client", "eth0", clientAddress + "/24", "router1", "eth0", "10.1.0.1/24"},
		{dualstack, "eth0", "10.9.0.2/24", "router1", "eth2", "10.9.0.1/24"},
		{"router1", "eth1", "10.2.0.1/24", "longway", "a", ""},
		{"longway", "b", "", "middlebox", "a", ""},
		{"middlebox", "b", "", "router2", "eth0", "10.2.0.2/24"},
		{"router2", "eth1", "10.3.0.1/24", "server", "eth0", "10.3.0.80/24"},
		{"router2", "eth2", "10.4.0.1/24", "badcable", "a", ""},
		{"badcable", "b", "", "lossy", "eth0", "10.4.0.80/24"},
	} {
		err := n.lab.Link(hosts[l.a], l.aName, prefix(l.aPrefix), hosts[l.b], l.bName, prefix(l.bPrefix), netlab.NoChecksumOffload())
		if err != nil {
			return err
		}
	}
	for _, address := range []string{dnsServer, busy, clamped, reset, narrow} {
		if err := hosts["server"].Address("eth0", prefix(address+"/24")); err != nil {
			return err
		}
	}
	if err := n.cables(hosts); err != nil {
		return err
	}
	if err := routes(hosts); err != nil {
		return err
	}
	if _, err := os.Stat("/proc/sys/net/ipv6"); err == nil {
		n.ipv6 = true
		if err := routes6(hosts); err != nil {
			return err
		}
	}
	return n.serve(hosts)
}

// prefix returns the prefix that is written down, or none.
func prefix(s string) netip.Prefix {
	if s == "" {
		return netip.Prefix{}
	}
	return netip.MustParsePrefix(s)
}

// cables makes one cable slow and another lossy, and has the middlebox do its work.
func (n *network) cables(hosts map[string]*netlab.Host) error {
	late := netlab.Impairment{Action: netlab.Delay, Time: latency}
	lose := netlab.Impairment{From: netlab.FromA, Set: tcphdr.SYN, Clear: tcphdr.ACK, Chance: 0.5, Action: netlab.Drop}
	meddle := netlab.Impairment{From: netlab.FromA, Action: netlab.Replace, Replacement: middlebox}
	for name, rule := range map[string]netlab.Impairment{"longway": late, "badcable": lose, "middlebox": meddle} {
		i, err := hosts[name].Impair("a", "b", seed, rule)
		if err != nil {
			return err
		}
		n.closers = append(n.closers, i)
	}
	return nil
}

// routes shows the hosts the way, and the routers what to refuse.
func routes(hosts map[string]*netlab.Host) error {
	for _, name := range []string{"router1", "router2"} {
		for parameter, value := range map[string]string{
			"net/ipv4/ip_forward":     "1",
			"net/ipv4/icmp_ratelimit": "0", // whoever plays with the shell is to have every answer
		} {
			if err := hosts[name].Sysctl(parameter, value); err != nil {
				return err
			}
		}
	}
	for _, r := range []struct {
		host, dst, nextHop string
		kind               netlab.RouteType
	}{
		{host: "client", nextHop: "10.1.0.1"},
		{host: dualstack, nextHop: "10.9.0.1"},
		{host: "client", dst: "10.8.0.0/24", nextHop: "10.1.0.254"},
		{host: "router1", nextHop: "10.2.0.2"},
		{host: "router2", nextHop: "10.2.0.1"},
		{host: "router1", dst: "10.5.0.0/24", kind: netlab.Prohibit},
		{host: "router1", dst: "10.6.0.0/24", kind: netlab.Unreachable},
		{host: "router2", dst: "10.7.0.0/24", kind: netlab.Blackhole},
		{host: "server", nextHop: "10.3.0.1"},
		{host: "lossy", nextHop: "10.4.0.1"},
	} {
		route := netlab.Route{Dst: prefix(r.dst), Type: r.kind}
		if r.nextHop != "" {
			route.NextHop = netip.MustParseAddr(r.nextHop)
		}
		if err := hosts[r.host].Route(route); err != nil {
			return err
		}
	}
	return nil
}

// routes6 has IPv6 on the way from a client of both families to the server, beside IPv4.
func routes6(hosts map[string]*netlab.Host) error {
	for _, name := range []string{dualstack, "router1", "router2", "server"} {
		if err := hosts[name].EnableIPv6(); err != nil {
			return err
		}
	}
	for _, name := range []string{"router1", "router2"} {
		for parameter, value := range map[string]string{"net/ipv6/conf/all/forwarding": "1", "net/ipv6/icmp/ratelimit": "0"} {
			if err := hosts[name].Sysctl(parameter, value); err != nil {
				return err
			}
		}
	}
	for _, a := range []struct{ host, ifname, prefix string }{
		{dualstack, "eth0", "2001:db8:1::2/64"},
		{"router1", "eth2", "2001:db8:1::1/64"},
		{"router1", "eth1", "2001:db8:2::1/64"},
		{"router2", "eth0", "2001:db8:2::2/64"},
		{"router2", "eth1", "2001:db8:3::1/64"},
		{"server", "eth0", server6 + "/64"},
	} {
		if err := hosts[a.host].Address(a.ifname, prefix(a.prefix)); err != nil {
			return err
		}
	}
	for _, r := range []struct{ host, nextHop string }{
		{dualstack, "2001:db8:1::1"}, {"router1", "2001:db8:2::2"}, {"router2", "2001:db8:2::1"}, {"server", "2001:db8:3::1"},
	} {
		if err := hosts[r.host].Route(netlab.Route{NextHop: netip.MustParseAddr(r.nextHop)}); err != nil {
			return err
		}
	}
	return hosts["router2"].Route(netlab.Route{Dst: prefix("2001:db8:7::/64"), Type: netlab.Blackhole})
}

// serve starts the servers.
func (n *network) serve(hosts map[string]*netlab.Host) error {
	for address, host := range map[string]string{
		"10.3.0.80": "server", clamped: "server", reset: "server", narrow: "server", "10.4.0.80": "lossy",
	} {
		listener, err := hosts[host].Listen("tcp4", net.JoinHostPort(address, "80"))
		if err != nil {
			return err
		}
		n.closers = append(n.closers, listener)
		go serveTCP(listener)
	}
	if n.ipv6 {
		listener, err := hosts["server"].Listen("tcp6", net.JoinHostPort(server6, "80"))
		if err != nil {
			return err
		}
		n.closers = append(n.closers, listener)
		go serveTCP(listener)
	}
	conn, err := hosts["server"].ListenPacket("udp4", net.JoinHostPort(dnsServer, "53"))
	if err != nil {
		return err
	}
	n.closers = append(n.closers, conn)
	go serveDNS(conn)
	return n.fillQueue(hosts["server"])
}

// fillQueue has a server that accepts nothing, with as many connections as its queue has room for.
func (n *network) fillQueue(h *netlab.Host) error {
	address := net.JoinHostPort(busy, "80")
	listener, err := h.Listen("tcp4", address)
	if err != nil {
		return err
	}
	n.closers = append(n.closers, listener)
	// Linux keeps one more than the length of the queue, which listen(2) changes when it is called again.
	if err := shorten(listener.(*net.TCPListener)); err != nil {
		return err
	}
	conn, err := h.Dial(context.Background(), "tcp4", address)
	if err != nil {
		return err
	}
	n.closers = append(n.closers, conn)
	return nil
}

// shorten gives a listener a queue of length 0.
func shorten(listener *net.TCPListener) error {
	raw, err := listener.SyscallConn()
	if err != nil {
		return err
	}
	var failed error
	if err := raw.Control(func(fd uintptr) { failed = unix.Listen(int(fd), 0) }); err != nil {
		return err
	}
	return os.NewSyscallError("listen", failed)
}
