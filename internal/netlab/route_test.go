package netlab_test

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
	"tcpprobe/internal/netlab"
	"tcpprobe/internal/netlab/labtest"
)

func TestRouteTypesAtTheHost(t *testing.T) {
	a, _ := labtest.Pair(t)
	// The same destination each time: every route takes the place of the one before.
	tests := []struct {
		kind netlab.RouteType
		want error
	}{
		{netlab.Unreachable, syscall.EHOSTUNREACH},
		{netlab.Prohibit, syscall.EACCES},
		{netlab.Blackhole, syscall.EINVAL},
	}
	for _, test := range tests {
		check(t, a.Route(netlab.Route{Dst: prefix("10.8.0.0/16"), Type: test.kind}))
		if _, err := a.Dial(t.Context(), "tcp4", "10.8.0.1:80"); !errors.Is(err, test.want) {
			t.Errorf("route of type %d: %v, want %v", test.kind, err, test.want)
		}
	}
	check(t, a.Route(netlab.Route{Dst: prefix("10.8.0.0/16"), NextHop: addr("10.0.0.2")}))
}

func TestRouteTypesAtTheRouter(t *testing.T) {
	n := labtest.Journey(t)
	tests := []struct {
		name string
		kind netlab.RouteType
		want error      // nil for a timeout
		icmp [][]string // sender, type and code of what comes back
	}{
		{"unreachable", netlab.Unreachable, syscall.EHOSTUNREACH, [][]string{{"10.1.0.1", "3", "1"}}},
		{"prohibit", netlab.Prohibit, syscall.EHOSTUNREACH, [][]string{{"10.1.0.1", "3", "13"}}},
		{"blackhole", netlab.Blackhole, nil, nil},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			check(t, n.R1.Route(netlab.Route{Dst: prefix("10.3.0.0/24"), Type: test.kind}))
			wire := labtest.Wire(t, n.Client, "eth0")
			// Nothing is to come in this time; what does come, comes in microseconds.
			ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
			defer cancel()
			_, err := n.Client.Dial(ctx, "tcp4", "10.3.0.80:80")
			failure, ok := errors.AsType[*net.OpError](err)
			if !ok || failure.Timeout() != (test.want == nil) || test.want != nil && !errors.Is(err, test.want) {
				t.Errorf("%v, want %v", err, test.want)
			}
			got := wire.Tshark(t, "ip.dst == 10.1.0.2", "ip.src", "icmp.type", "icmp.code")
			// The IP header that the message quotes has a source address too.
			for _, row := range got {
				row[0], _, _ = strings.Cut(row[0], ",")
			}
			if !slices.EqualFunc(got, test.icmp, slices.Equal) {
				t.Errorf("answers %q, want %q", got, test.icmp)
			}
		})
	}
}

func TestRouteSourceAndMTU(t *testing.T) {
	a, _ := labtest.Pair(t)
	check(t, a.Address("eth0", prefix("10.0.0.7/24")))
	check(t, a.Route(netlab.Route{Dst: prefix("10.8.0.0/16"), Dev: "eth0", Source: addr("10.0.0.7"), MTU: 1300}))
	conn, err := a.Dial(t.Context(), "udp4", "10.8.0.1:9")
	check(t, err)
	defer conn.Close()
	if got := conn.LocalAddr().(*net.UDPAddr).AddrPort().Addr(); got != addr("10.0.0.7") {
		t.Errorf("source address %v", got)
	}
	if mtu := pathMTU(t, conn); mtu != 1300 {
		t.Errorf("path MTU %d", mtu)
	}
}

func TestRouteMetric(t *testing.T) {
	a, _ := labtest.Pair(t)
	check(t, a.Route(netlab.Route{Dst: prefix("10.8.0.0/16"), Type: netlab.Prohibit, Metric: 20}))
	check(t, a.Route(netlab.Route{Dst: prefix("10.8.0.0/16"), Type: netlab.Unreachable, Metric: 10}))
	if _, err := a.Dial(t.Context(), "tcp4", "10.8.0.1:80"); !errors.Is(err, syscall.EHOSTUNREACH) {
		t.Errorf("%v, want %v", err, syscall.EHOSTUNREACH)
	}
}

func TestRouteErrors(t *testing.T) {
	a, _ := labtest.Pair(t)
	for _, route := range []netlab.Route{
		{Dst: prefix("10.8.0.0/16"), Dev: "eth7"},
		{Dst: prefix("10.8.0.0/16"), NextHop: addr("192.0.2.1")},
		{Dst: prefix("10.8.0.0/16")},
	} {
		err := a.Route(route)
		if _, ok := errors.AsType[*net.OpError](err); !ok {
			t.Errorf("%+v: %v", route, err)
		}
	}
}

// Each rule leads the flow 10.0.0.1:1024 → 10.0.0.2:7 with mark 5 on eth0 to a table with a path MTU of its own; each, with one
// thing changed, does not. A prohibiting route would not do: Linux disregards it for a socket that is bound to an interface.
func TestRules(t *testing.T) {
	const udp, tcp = 17, 6
	tests := []struct {
		name           string
		match, another netlab.Rule
	}{
		{"From", netlab.Rule{From: prefix("10.0.0.1/32")}, netlab.Rule{From: prefix("10.0.0.3/32")}},
		{"To", netlab.Rule{To: prefix("10.0.0.2/31")}, netlab.Rule{To: prefix("10.0.0.4/31")}},
		{"Mark", netlab.Rule{Mark: 5}, netlab.Rule{Mark: 6}},
		{"Interface", netlab.Rule{Interface: "eth0"}, netlab.Rule{Interface: "lo"}},
		{"Protocol", netlab.Rule{Protocol: udp}, netlab.Rule{Protocol: tcp}},
		{"SourcePort", netlab.Rule{Protocol: udp, SourcePort: 1024}, netlab.Rule{Protocol: udp, SourcePort: 1025}},
		{"DestPort", netlab.Rule{Protocol: udp, DestPort: 7}, netlab.Rule{Protocol: udp, DestPort: 8}},
	}
	dialer := net.Dialer{
		LocalAddr: &net.UDPAddr{IP: net.IPv4(10, 0, 0, 1), Port: 1024},
		Control: func(_, _ string, conn syscall.RawConn) error {
			var mark, bind error
			err := conn.Control(func(fd uintptr) {
				mark = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_MARK, 5)
				bind = unix.BindToDevice(int(fd), "eth0")
			})
			return errors.Join(err, mark, bind)
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			a, _ := labtest.Pair(t)
			const table = 100
			check(t, a.Route(netlab.Route{Dev: "eth0", Table: table, MTU: 1300}))
			pathMTU := func() int {
				var conn net.Conn
				check(t, a.Do(func() (err error) {
					conn, err = dialer.DialContext(t.Context(), "udp4", "10.0.0.2:7")
					return err
				}))
				defer conn.Close()
				return pathMTU(t, conn)
			}
			test.another.Priority, test.another.Table = 10, table
			check(t, a.Rule(test.another))
			if mtu := pathMTU(); mtu != 1500 {
				t.Errorf("a rule for another flow: path MTU %d, want 1500", mtu)
			}
			test.match.Priority, test.match.Table = 11, table
			check(t, a.Rule(test.match))
			if mtu := pathMTU(); mtu != 1300 {
				t.Errorf("a rule for the flow: path MTU %d, want 1300", mtu)
			}
		})
	}
}

// pathMTU returns what the kernel takes for the MTU of the path to a connected socket's peer.
func pathMTU(t *testing.T, conn net.Conn) (mtu int) {
	t.Helper()
	raw, err := conn.(syscall.Conn).SyscallConn()
	check(t, err)
	check(t, raw.Control(func(fd uintptr) {
		mtu, err = unix.GetsockoptInt(int(fd), unix.IPPROTO_IP, unix.IP_MTU)
	}))
	check(t, err)
	return mtu
}

func TestNeighbor(t *testing.T) {
	for _, permanent := range []bool{true, false} {
		a, _ := labtest.Pair(t)
		check(t, a.Neighbor("eth0", addr("10.0.0.9"), [6]byte{2, 3, 4, 5, 6, 7}, permanent))
		wire := labtest.Wire(t, a, "eth0")
		conn, err := a.Dial(t.Context(), "udp4", "10.0.0.9:9")
		check(t, err)
		defer conn.Close()
		_, err = conn.Write([]byte("x"))
		check(t, err)
		got := wire.Tshark(t, "arp or udp", "eth.dst", "ip.dst")
		want := [][]string{{"02:03:04:05:06:07", "10.0.0.9"}}
		if !slices.EqualFunc(got, want, slices.Equal) {
			t.Errorf("permanent %t: frames %q, want %q", permanent, got, want)
		}
	}
	a, _ := labtest.Pair(t)
	if err := a.Neighbor("eth7", netip.IPv4Unspecified(), [6]byte{}, true); err == nil {
		t.Error("a neighbour on no interface: no error")
	}
}
