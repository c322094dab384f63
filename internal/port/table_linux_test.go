package port_test

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"tcpprobe/internal/netlab"
	"tcpprobe/internal/netlab/labtest"
	"tcpprobe/internal/port"
	"tcpprobe/rawip"
)

func TestMain(m *testing.M) { labtest.Main(m) }

var (
	ours   = netip.MustParseAddr("10.0.0.1")
	server = netip.MustParseAddrPort("10.0.0.2:80")
	now    = time.Unix(5_000, 0)
)

// newTable returns a table on a host, whose ports are those of a range in the kernel's notation.
func newTable(t *testing.T, h *netlab.Host, ports, reserved string, shared bool) *port.Table {
	t.Helper()
	low, high, _ := strings.Cut(ports, "-")
	if err := h.Sysctl("net/ipv4/ip_local_port_range", low+" "+high); err != nil {
		t.Fatal(err)
	}
	if err := h.Sysctl("net/ipv4/ip_local_reserved_ports", reserved); err != nil {
		t.Fatal(err)
	}
	var r rawip.PortRange
	err := h.Do(func() error { r = rawip.ReadPortRange(); return nil })
	if err != nil {
		t.Fatal(err)
	}
	table := port.NewTable(port.NewCycles(r), shared, func([]netip.AddrPort) error { return nil })
	t.Cleanup(func() { table.Close() })
	return table
}

// lease leases a port on a host.
func lease(h *netlab.Host, table *port.Table, r port.Request) (l port.Lease, err error) {
	r.Source = func(uint16) (netip.Addr, error) { return ours, nil }
	err = h.Do(func() (err error) {
		l, err = table.Lease(r, now)
		return err
	})
	return l, err
}

// connections makes connections from the host to port 81 of a server, which stay.
func connections(t *testing.T, from, to *netlab.Host, n int) {
	t.Helper()
	l, err := to.Listen("tcp4", "10.0.0.2:81")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	for range n {
		conn, err := from.Dial(t.Context(), "tcp4", "10.0.0.2:81")
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { conn.Close() })
	}
}

// A server sees no port twice before it has seen all of the range that are not reserved.
func TestEveryPortOnceBeforeAnyComesAgain(t *testing.T) {
	a, _ := labtest.Pair(t)
	for _, shared := range []bool{false, true} {
		table := newTable(t, a, "40000-40099", "40010-40079,40081", shared)
		for round := range 3 {
			seen := make(map[uint16]bool)
			for range 29 {
				l, err := lease(a, table, port.Request{Remote: server})
				if err != nil {
					t.Fatal(err)
				}
				p := l.Local.Port()
				if seen[p] || p < 40000 || p > 40099 || p >= 40010 && p <= 40079 || p == 40081 || l.Outside {
					t.Errorf("shared %t, round %d: port %d after %v", shared, round, p, seen)
				}
				seen[p] = true
				if err := table.Release(l); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
}

// Ports that others use towards other servers are no obstacle, as they are none to connect(2).
func TestPortsInUseElsewhere(t *testing.T) {
	for _, used := range []int{97, 100} {
		t.Run(fmt.Sprint(used), func(t *testing.T) {
			a, b := labtest.Pair(t)
			table := newTable(t, a, "40000-40099", "", false)
			connections(t, a, b, used)
			seen := make(map[uint16]bool)
			for range 100 {
				l, err := lease(a, table, port.Request{Remote: server})
				if err != nil {
					t.Fatal(err)
				}
				if l.Outside || seen[l.Local.Port()] {
					t.Errorf("lease %+v after %v", l, seen)
				}
				seen[l.Local.Port()] = true
			}
			// All of them are leased. One more is to be had outside of the range alone, and that is said.
			l, err := lease(a, table, port.Request{Remote: server})
			if err != nil || !l.Outside || l.Local.Port() >= 40000 && l.Local.Port() <= 40099 {
				t.Errorf("one more: %+v, %v; want one from outside", l, err)
			}
		})
	}
}

// Ports that others listen on are nobody's to share: every free one is found, 20 of 20 times, and with none left one outside
// of the range is taken, which is said.
func TestPortsListenedOn(t *testing.T) {
	a, _ := labtest.Pair(t)
	var last net.Listener
	for p := 40000; p < 40100; p++ {
		if p == 40013 {
			continue
		}
		l, err := a.Listen("tcp4", fmt.Sprintf("10.0.0.1:%d", p))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { l.Close() })
		last = l
	}
	for range 20 {
		table := newTable(t, a, "40000-40099", "", false)
		l, err := lease(a, table, port.Request{Remote: server})
		if err != nil || l.Local.Port() != 40013 || l.Outside {
			t.Errorf("lease %+v, %v; want port 40013", l, err)
		}
		o, err := lease(a, table, port.Request{Remote: server})
		if err != nil || !o.Outside || o.Local.Port() < 1024 || o.Local.Port() >= 40000 && o.Local.Port() <= 40099 {
			t.Errorf("one more: %+v, %v; want one from outside", o, err)
		}
		table.Close()
	}
	if _, err := lease(a, newTable(t, a, "40000-40099", "", false), port.Request{Remote: server, Port: 40099}); !errors.Is(err, unix.EADDRINUSE) {
		t.Errorf("the port of %v: %v, want EADDRINUSE", last.Addr(), err)
	}
}

// A port is leased when it is chosen: no two leases for one server have the same, and those for others share it.
func TestSharedPorts(t *testing.T) {
	a, _ := labtest.Pair(t)
	table := newTable(t, a, "40000-40999", "", true)
	var leases []port.Lease
	for i := range 300 {
		remote := netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, 0, 1, byte(i)}), uint16(80+i/256))
		l, err := lease(a, table, port.Request{Remote: remote})
		if err != nil {
			t.Fatal(err)
		}
		if l.Local != append(leases, l)[0].Local {
			t.Errorf("server %v gets %v, the first %v", remote, l.Local, leases[0].Local)
		}
		leases = append(leases, l)
	}
	seen := make(map[netip.AddrPort]bool)
	for range 300 {
		l, err := lease(a, table, port.Request{Remote: server})
		if err != nil {
			t.Fatal(err)
		}
		if seen[l.Local] {
			t.Errorf("%v is leased twice for one server", l.Local)
		}
		seen[l.Local] = true
		leases = append(leases, l)
	}
	for _, l := range leases {
		if err := table.Release(l); err != nil {
			t.Fatal(err)
		}
	}
	if left := table.Locals(); len(left) != 1 {
		t.Errorf("%d ports stay reserved, want the one that is shared", len(left))
	}
}

// The one port that is asked for is leased for every server, but for each only once at a time.
func TestOnePort(t *testing.T) {
	a, _ := labtest.Pair(t)
	table := newTable(t, a, "40000-40999", "", false)
	request := port.Request{Remote: server, Port: 50000}
	first, err := lease(a, table, request)
	if err != nil || first.Local.Port() != 50000 {
		t.Fatalf("lease %+v, %v", first, err)
	}
	if _, err := lease(a, table, request); !errors.Is(err, port.ErrBusy) || !table.Busy(50000, server) {
		t.Errorf("a second time: %v, want ErrBusy", err)
	}
	other := netip.MustParseAddrPort("10.0.0.2:81")
	if l, err := lease(a, table, port.Request{Remote: other, Port: 50000}); err != nil || l.Local != first.Local || table.Busy(50000, netip.MustParseAddrPort("10.0.0.2:82")) {
		t.Errorf("another server: %+v, %v", l, err)
	}
	shared := request
	shared.Shared = true
	second, err := lease(a, table, shared)
	if err != nil || second.Local != first.Local {
		t.Errorf("shared: %+v, %v", second, err)
	}
	if err := table.Release(second); err != nil || !table.Busy(50000, server) {
		t.Errorf("released by one of two: %v, busy %t", err, table.Busy(50000, server))
	}
	if err := table.Release(first); err != nil || table.Busy(50000, server) {
		t.Errorf("released: %v, busy %t", err, table.Busy(50000, server))
	}
	if _, err := lease(a, table, request); err != nil {
		t.Errorf("when it is free again: %v", err)
	}
	self := port.Request{Remote: netip.AddrPortFrom(ours, 50001), Port: 50001}
	if _, err := lease(a, table, self); err == nil || !strings.Contains(err.Error(), "source and target are both 10.0.0.1:50001") {
		t.Errorf("a connection with itself: %v", err)
	}
}

// A target on this host is never probed from its own port.
func TestNoConnectionWithItself(t *testing.T) {
	a, _ := labtest.Pair(t)
	table := newTable(t, a, "40000-40001", "", false)
	l, err := lease(a, table, port.Request{Remote: netip.AddrPortFrom(ours, 40000)})
	if err != nil || l.Local.Port() != 40001 {
		t.Errorf("lease %+v, %v; want port 40001", l, err)
	}
}
