package rawip_test

import (
	"errors"
	"net"
	"net/netip"
	"testing"

	"golang.org/x/sys/unix"

	"tcpprobe/internal/netlab"
	"tcpprobe/internal/netlab/labtest"
	"tcpprobe/rawip"
	"tcpprobe/tcphdr"
)

// The range of ports in these tests, all of which have a connection with another server.
const firstPort, lastPort = 42000, 42003

// usedUp makes a network whose host a has a connection with port 81 of an address of b from every port of its range.
func usedUp(t *testing.T, address string) (a, b *netlab.Host, others []net.Conn) {
	t.Helper()
	a, b = pair6(t)
	if err := a.Sysctl("net/ipv4/ip_local_port_range", "42000 42003"); err != nil {
		t.Fatal(err)
	}
	l, err := b.Listen("tcp", net.JoinHostPort(address, "81"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	for range lastPort - firstPort + 1 {
		conn, err := a.Dial(t.Context(), "tcp", net.JoinHostPort(address, "81"))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { conn.Close() })
		accepted, err := l.Accept()
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { accepted.Close() })
		others = append(others, accepted)
	}
	return a, b, others
}

// newFlowGuard reserves a port of a host for one connection.
func newFlowGuard(t *testing.T, h *netlab.Host, local, remote netip.AddrPort) (g *rawip.Guard, err error) {
	t.Helper()
	err = h.Do(func() (err error) {
		g, err = rawip.NewFlowGuard(local, remote)
		return err
	})
	if err == nil {
		t.Cleanup(func() { g.Close() })
	}
	return g, err
}

// A port that has a connection with another server is reserved for one with ours, as connect(2) gets it, and the kernel
// stays silent. The other connection notices nothing.
func TestFlowGuard(t *testing.T) {
	t.Run("IPv4", func(t *testing.T) { testFlowGuard(t, hostA, serverB) })
	t.Run("IPv6", func(t *testing.T) {
		testFlowGuard(t, netip.MustParseAddr("fd00::1"), netip.MustParseAddrPort("[fd00::2]:7"))
	})
	t.Run("IPv6 on the link", func(t *testing.T) {
		testFlowGuard(t, netip.MustParseAddr("fe80::1%eth0"), netip.MustParseAddrPort("[fe80::2%eth0]:7"))
	})
}

func testFlowGuard(t *testing.T, address netip.Addr, server netip.AddrPort) {
	a, b, others := usedUp(t, server.Addr().String())
	listen(t, b, server.String())
	for port := uint16(firstPort); port <= lastPort; port++ {
		local := netip.AddrPortFrom(address, port)
		err := a.Do(func() error {
			_, err := rawip.NewGuard(local)
			return err
		})
		if !errors.Is(err, unix.EADDRINUSE) {
			t.Fatalf("a guard of all connections from %v: %v, want EADDRINUSE", local, err)
		}
		before := labtest.SNMP(t, a)
		g, err := newFlowGuard(t, a, local, server)
		if err != nil {
			t.Fatal(err)
		}
		if g.Local() != local {
			t.Errorf("it reserves %v, want %v", g.Local(), local)
		}
		if _, err := newFlowGuard(t, a, local, server); !errors.Is(err, unix.EADDRINUSE) {
			t.Errorf("the same connection twice: %v, want EADDRINUSE", err)
		}
		if after := labtest.SNMP(t, a); after["Tcp.OutSegs"] != before["Tcp.OutSegs"] {
			t.Errorf("the kernel sent %d segments", after["Tcp.OutSegs"]-before["Tcp.OutSegs"])
		}
		path := rawip.Path{V6: address.Is6(), Interface: ifindex(t, a, "eth0"), Link: true, NextHop: macOfB}
		w := openWire(t, a, path)
		watch(t, w, local)
		sendSYN(t, w, path, local, server, 1000)
		until(t, w, false, tcphdr.SYN|tcphdr.ACK)
		until(t, w, false, tcphdr.SYN|tcphdr.ACK) // repeated after a second: the first drew no RST
		if n := labtest.SNMP(t, a)["Tcp.OutRsts"] - before["Tcp.OutRsts"]; n != 0 {
			t.Errorf("the kernel sent %d RSTs", n)
		}
		if port > firstPort {
			continue // the repetition takes its time
		}
		if _, err := others[0].Write([]byte("still here")); err != nil {
			t.Errorf("the other connection: %v", err)
		}
	}
}

// Where the kernel chooses the port it finds each that is free towards the server, and says when there is none.
func TestFlowGuardOfAnyPort(t *testing.T) {
	a, _, _ := usedUp(t, "10.0.0.2")
	seen := make(map[netip.AddrPort]bool)
	for range lastPort - firstPort + 1 {
		g, err := newFlowGuard(t, a, netip.AddrPortFrom(hostA, 0), serverB)
		if err != nil {
			t.Fatal(err)
		}
		seen[g.Local()] = true
	}
	if len(seen) != lastPort-firstPort+1 {
		t.Errorf("ports %v", seen)
	}
	if _, err := newFlowGuard(t, a, netip.AddrPortFrom(hostA, 0), serverB); !errors.Is(err, unix.EADDRINUSE) {
		t.Errorf("one more: %v, want EADDRINUSE", err)
	}
}

func TestFlowGuardErrors(t *testing.T) {
	a, _, _ := usedUp(t, "10.0.0.2")
	if err := a.Sysctl("net/ipv4/ip_local_port_range", "42000 42009"); err != nil {
		t.Fatal(err)
	}
	l, err := a.Listen("tcp4", "10.0.0.1:42009")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	ours := func(port uint16) netip.AddrPort { return netip.AddrPortFrom(hostA, port) }
	for _, test := range []struct {
		name  string
		local netip.AddrPort
		want  error
	}{
		{"a port that somebody listens on", ours(42009), unix.EADDRINUSE},
		{"an address of nobody", netip.MustParseAddrPort("192.0.2.9:42005"), unix.EADDRNOTAVAIL},
		{"a port outside of the range", ours(50000), errors.ErrUnsupported},
	} {
		if _, err := newFlowGuard(t, a, test.local, serverB); !errors.Is(err, test.want) {
			t.Errorf("%s: %v, want %v", test.name, err, test.want)
		}
	}
	if err := a.Sysctl("net/ipv4/tcp_fastopen", "0"); err != nil {
		t.Fatal(err)
	}
	if _, err := newFlowGuard(t, a, ours(42005), serverB); !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("without Fast Open: %v, want ErrUnsupported", err)
	}
}
