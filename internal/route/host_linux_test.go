package route_test

import (
	"context"
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
	err := h.Do(func() error {
		c, err := route.OpenCache()
		if err != nil {
			return err
		}
		defer c.Close()
		r, err = c.Lookup(f, time.Now())
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
	if f.TOS != 0 {
		query += fmt.Sprintf(" tos %#x", f.TOS)
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
		if f.TOS != 0 {
			if err := unix.SetsockoptInt(fd, unix.SOL_IP, unix.IP_TOS, int(f.TOS)); err != nil {
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

// rules adds a rule as ip-rule(8) writes it.
func rules(h *netlab.Host, selector string) error {
	out, err := h.Command(context.Background(), "ip", strings.Fields("rule add "+selector)...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("ip rule add %s: %w\n%s", selector, err, out)
	}
	return nil
}
