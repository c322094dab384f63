package rawip_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"tcpprobe/internal/netlab"
	"tcpprobe/internal/netlab/labtest"
	"tcpprobe/internal/socket"
	"tcpprobe/rawip"
	"tcpprobe/tcphdr"
)

func TestMain(m *testing.M) { labtest.Main(m) }

// patience turns a hang into a failure.
const patience = 30 * time.Second

var (
	hostA   = netip.MustParseAddr("10.0.0.1")
	hostB   = netip.MustParseAddr("10.0.0.2")
	macOfB  = [6]byte{0x02, 0x00, 10, 0, 0, 2}
	serverB = netip.AddrPortFrom(hostB, 7)
)

// ifindex returns the index of a host's interface.
func ifindex(t *testing.T, h *netlab.Host, name string) (index int) {
	t.Helper()
	err := h.Do(func() error {
		ifi, err := net.InterfaceByName(name)
		if err == nil {
			index = ifi.Index
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return index
}

// openWire opens a wire on a host, prepared for the paths.
func openWire(t *testing.T, h *netlab.Host, paths ...rawip.Path) (w *rawip.Wire) {
	t.Helper()
	err := h.Do(func() (err error) {
		if w, err = rawip.OpenWire(t.Context(), rawip.WireOptions{}); err != nil {
			return err
		}
		for _, p := range paths {
			if err := w.Prepare(p); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := w.Close(); err != nil {
			t.Error(err)
		}
	})
	return w
}

// watch makes the wire see one connection.
func watch(t *testing.T, w *rawip.Wire, locals ...netip.AddrPort) {
	t.Helper()
	if err := w.Watch(locals...); err != nil {
		t.Fatal(err)
	}
}

// newGuard reserves a port of a host until the test ends.
func newGuard(t *testing.T, h *netlab.Host, local netip.AddrPort) (g *rawip.Guard) {
	t.Helper()
	err := h.Do(func() (err error) {
		g, err = rawip.NewGuard(local)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return g
}

// listen accepts connections for as long as the test runs, and closes them.
func listen(t *testing.T, h *netlab.Host, address string) {
	t.Helper()
	l, err := h.Listen("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			conn.Close()
		}
	}()
}

// pair6 is labtest.Pair with IPv6 too: a has fd00::1 and fe80::1, b has fd00::2 and fe80::2.
func pair6(t *testing.T, options ...netlab.LinkOption) (a, b *netlab.Host) {
	t.Helper()
	a, b = labtest.Pair(t, options...)
	for i, h := range []*netlab.Host{a, b} {
		if err := h.EnableIPv6(); err != nil {
			t.Fatal(err)
		}
		for _, network := range []string{"fd00::%d/64", "fe80::%d/64"} {
			if err := h.Address("eth0", netip.MustParsePrefix(fmt.Sprintf(network, i+1))); err != nil {
				t.Fatal(err)
			}
		}
	}
	return a, b
}

// sendSYN sends a SYN. Its number is the Identification, or the flow label, of its datagram.
func sendSYN(t *testing.T, w *rawip.Wire, p rawip.Path, src, dst netip.AddrPort, id uint16) {
	t.Helper()
	h := tcphdr.Header{SrcPort: src.Port(), DstPort: dst.Port(), Seq: 0xfffffff0, Flags: tcphdr.SYN, Window: 64240}
	b, err := h.Append(nil, src.Addr(), dst.Addr(), nil)
	switch {
	case err != nil:
	case src.Addr().Is6():
		b, err = rawip.Header6{FlowLabel: uint32(id), HopLimit: 64, Protocol: rawip.ProtocolTCP, Src: src.Addr(), Dst: dst.Addr()}.Append(nil, b)
	default:
		b, err = rawip.Header{ID: id, TTL: 64, DontFragment: true, Protocol: rawip.ProtocolTCP, Src: src.Addr(), Dst: dst.Addr()}.Append(nil, b)
	}
	if err == nil {
		err = w.Send(p, b)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// receive returns the next segment on the wire.
func receive(t *testing.T, w *rawip.Wire) (p rawip.Packet, ip rawip.Datagram, s tcphdr.Header) {
	t.Helper()
	limit := time.Now().Add(patience)
	for {
		p, ok, err := w.Receive()
		if err != nil {
			t.Fatal(err)
		}
		if ok {
			if err := ip.Parse(p.Octets); err != nil {
				t.Fatalf("% x: %v", p.Octets, err)
			}
			s, _, err := tcphdr.Parse(ip.Payload)
			if err != nil {
				t.Fatalf("% x: %v", ip.Payload, err)
			}
			return p, ip, s
		}
		if time.Now().After(limit) {
			t.Fatal("nothing arrives")
		}
		if err := w.Wait(limit); err != nil {
			t.Fatal(err)
		}
	}
}

// until receives until a segment is of the kind that is wanted.
func until(t *testing.T, w *rawip.Wire, sent bool, flags tcphdr.Flags) (rawip.Packet, rawip.Datagram) {
	t.Helper()
	for {
		p, ip, s := receive(t, w)
		if p.Sent == sent && s.Flags == flags {
			return p, ip
		}
	}
}

// TestWire: on every way out, what is sent is seen with the kernel's stamp, and so is the answer.
func TestWire(t *testing.T) {
	a, b := pair6(t)
	eth0 := ifindex(t, a, "eth0")
	for _, server := range []struct {
		host    *netlab.Host
		address string
	}{{a, "127.0.0.1:7"}, {b, serverB.String()}, {a, "[::1]:7"}, {a, "[fd00::1]:7"}, {a, "[fe80::1%eth0]:7"}, {b, "[fd00::2]:7"}, {b, "[fe80::2%eth0]:7"}} {
		listen(t, server.host, server.address)
	}
	tests := []struct {
		name     string
		path     rawip.Path
		src, dst string
		seenOn   int // index of the interface that what is received names
	}{
		{"frames", rawip.Path{Interface: eth0, Link: true, NextHop: macOfB}, "10.0.0.1:40001", "10.0.0.2:7", eth0},
		{"the kernel's IP", rawip.Path{Interface: eth0}, "10.0.0.1:40002", "10.0.0.2:7", eth0},
		{"the kernel's IP on loopback", rawip.Path{Interface: 1}, "127.0.0.1:40003", "127.0.0.1:7", 1},
		{"IPv6 in frames", rawip.Path{V6: true, Interface: eth0, Link: true, NextHop: macOfB}, "[fd00::1]:40001", "[fd00::2]:7", eth0},
		{"IPv6 in frames on the link", rawip.Path{V6: true, Interface: eth0, Link: true, NextHop: macOfB}, "[fe80::1%eth0]:40002", "[fe80::2%eth0]:7", eth0},
		{"the kernel's IPv6", rawip.Path{V6: true, Interface: eth0}, "[fd00::1]:40003", "[fd00::2]:7", eth0},
		{"the kernel's IPv6 on the link", rawip.Path{V6: true, Interface: eth0, Scope: eth0}, "[fe80::1%eth0]:40004", "[fe80::2%eth0]:7", eth0},
		{"the kernel's IPv6 on loopback", rawip.Path{V6: true, Interface: 1}, "[::1]:40005", "[::1]:7", 1},
		{"the kernel's IPv6 to its own address", rawip.Path{V6: true, Interface: 1}, "[fd00::1]:40006", "[fd00::1]:7", eth0},
		{"the kernel's IPv6 to its own address of the link", rawip.Path{V6: true, Interface: 1, Scope: eth0}, "[fe80::1%eth0]:40007", "[fe80::1%eth0]:7", eth0},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			stamping, err := socket.StartStamping()
			if err != nil {
				t.Fatal(err)
			}
			defer stamping.Close()
			src, dst := netip.MustParseAddrPort(test.src), netip.MustParseAddrPort(test.dst)
			guard := newGuard(t, a, src)
			defer guard.Close()
			w := openWire(t, a, test.path)
			watch(t, w, src)
			// The kernel begins to stamp a moment after it was asked to.
			for id := uint16(1); ; id++ {
				before := w.Now()
				sendSYN(t, w, test.path, src, dst, id)
				sent, ip := until(t, w, true, tcphdr.SYN)
				answer, _ := until(t, w, false, tcphdr.SYN|tcphdr.ACK)
				number := uint32(ip.ID)
				if ip.Is6() {
					number = ip.FlowLabel
				}
				if number != uint32(id) || ip.Src != src.Addr().WithZone("") || ip.Dst != dst.Addr().WithZone("") {
					t.Fatalf("sent datagram %d, saw %+v", id, ip)
				}
				if answer.ByIP == test.path.Link || sent.ByIP == test.path.Link {
					t.Fatalf("sent by IP: %t, received by IP: %t", sent.ByIP, answer.ByIP)
				}
				if answer.Interface != test.seenOn || sent.Interface != test.path.Interface {
					t.Fatalf("sent on interface %d, received on %d; want %d", sent.Interface, answer.Interface, test.seenOn)
				}
				if sent.At.Kernel.IsZero() || answer.At.Kernel.IsZero() {
					if id == 1000 {
						t.Fatal("the kernel does not stamp")
					}
					continue
				}
				const tolerance = time.Millisecond // of the distance between the two clocks
				if sent.At.Kernel.Before(before.Add(-tolerance)) || answer.At.Kernel.Before(sent.At.Kernel) || answer.At.Kernel.After(w.Now().Add(tolerance)) {
					t.Errorf("handed over at %v, sent at %v, answered at %v, and now it is %v", before, sent.At.Kernel, answer.At.Kernel, w.Now())
				}
				break
			}
		})
	}
}

// TestGuard: while a port is guarded, the kernel answers nothing that arrives there; and when it is not, it does (H-15). So it
// is with a filter, and so without the right to one, for a neighbour that sends with the greatest hop limit there is too.
func TestGuard(t *testing.T) {
	for _, family := range []struct{ name, local, server string }{
		{"IPv4", "10.0.0.1", "10.0.0.2:7"}, {"IPv6", "fd00::1", "[fd00::2]:7"}, {"IPv6 on the link", "fe80::1%eth0", "[fe80::2%eth0]:7"},
	} {
		for _, admin := range []bool{true, false} {
			for _, hops := range []string{"64", "255"} {
				t.Run(fmt.Sprintf("%s, CAP_NET_ADMIN %t, %s hops", family.name, admin, hops), func(t *testing.T) {
					testGuard(t, netip.MustParseAddr(family.local), netip.MustParseAddrPort(family.server), admin, hops)
				})
			}
		}
	}
}

func testGuard(t *testing.T, address netip.Addr, server netip.AddrPort, admin bool, hops string) {
	a, b := pair6(t)
	for _, setting := range []string{"net/ipv4/ip_default_ttl", "net/ipv6/conf/eth0/hop_limit"} {
		if err := b.Sysctl(setting, hops); err != nil {
			t.Fatal(err)
		}
	}
	listen(t, b, server.String())
	path := rawip.Path{V6: address.Is6(), Interface: ifindex(t, a, "eth0"), Link: true, NextHop: macOfB}
	w := openWire(t, a, path)
	before := labtest.SNMP(t, a)["Tcp.OutRsts"]
	const handshakes = 50
	var guards []*rawip.Guard
	for i := range handshakes {
		local := netip.AddrPortFrom(address, uint16(41001+i))
		err := a.Do(func() error {
			if err := dropAdmin(admin); err != nil {
				return err
			}
			g, err := rawip.NewGuard(local)
			guards = append(guards, g)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		watch(t, w, local)
		sendSYN(t, w, path, local, server, uint16(i+1))
		until(t, w, false, tcphdr.SYN|tcphdr.ACK)
	}
	// A connection of the kernel's own comes after all that.
	conn, err := a.Dial(t.Context(), "tcp", server.String())
	if err != nil {
		t.Fatal(err)
	}
	io.Copy(io.Discard, conn)
	conn.Close()
	if n := labtest.SNMP(t, a)["Tcp.OutRsts"] - before; n != 0 {
		t.Errorf("the kernel sent %d RSTs for %d guarded handshakes", n, handshakes)
	}
	for i, g := range guards {
		if err := g.Close(); err != nil {
			t.Fatal(err)
		}
		local := netip.AddrPortFrom(address, uint16(41001+i))
		if g.Local() != local {
			t.Errorf("guard of %v, want %v", g.Local(), local)
		}
		if i == 0 { // the server repeats its SYN-ACK, and this time the kernel answers
			watch(t, w, local)
			sendSYN(t, w, path, local, server, 1000)
			until(t, w, true, tcphdr.RST)
		}
	}
	if n := labtest.SNMP(t, a)["Tcp.OutRsts"] - before; n < 1 {
		t.Errorf("%d RSTs were counted without a guard", n)
	}
}

// dropAdmin takes CAP_NET_ADMIN from this thread, which ends, unless it may be kept.
func dropAdmin(keep bool) error {
	if keep {
		return nil
	}
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var sets [2]unix.CapUserData
	if err := unix.Capget(&header, &sets[0]); err != nil {
		return err
	}
	sets[0].Effective &^= 1 << unix.CAP_NET_ADMIN
	return unix.Capset(&header, &sets[0])
}

func TestGuardErrors(t *testing.T) {
	a, _ := pair6(t)
	local := netip.AddrPortFrom(hostA, 42001)
	first := newGuard(t, a, local)
	defer first.Close()
	for _, test := range []struct {
		local netip.AddrPort
		want  error
	}{
		{local, unix.EADDRINUSE},
		{netip.MustParseAddrPort("192.0.2.9:42001"), unix.EADDRNOTAVAIL},
		{netip.MustParseAddrPort("[2001:db8::9]:42001"), unix.EADDRNOTAVAIL},
		{netip.MustParseAddrPort("[fe80::1%lo]:42001"), unix.EADDRNOTAVAIL},
		{netip.MustParseAddrPort("[fe80::1]:42001"), unix.EINVAL},
		{netip.MustParseAddrPort("[fd00::1]:42001"), nil}, // which is another address
	} {
		err := a.Do(func() error {
			g, err := rawip.NewGuard(test.local)
			if err == nil {
				err = g.Close()
			}
			return err
		})
		var op *net.OpError
		if test.want == nil && err == nil {
			continue
		}
		if !errors.Is(err, test.want) || !errors.As(err, &op) || op.Addr.String() != test.local.String() {
			t.Errorf("%v: %v, want %v", test.local, err, test.want)
		}
	}
	// Nobody else has the port either, and everybody can have it afterwards.
	if l, err := a.Listen("tcp4", local.String()); !errors.Is(err, unix.EADDRINUSE) {
		t.Errorf("listener %v, %v", l, err)
	}
	first.Close()
	again := newGuard(t, a, local)
	again.Close()
}

// TestH11_LinkErrors: an interface that loses its carrier or an address, goes down, or away, is told of.
func TestH11_LinkErrors(t *testing.T) {
	a, b := pair6(t)
	path := rawip.Path{Interface: ifindex(t, a, "eth0"), Link: true, NextHop: macOfB}
	w := openWire(t, a, path)
	lost := func(want error, address netip.Addr) {
		t.Helper()
		limit := time.Now().Add(patience)
		for {
			_, ok, err := w.Receive()
			var lost *rawip.LinkError
			switch {
			case errors.As(err, &lost):
				if lost.Interface != path.Interface {
					t.Fatalf("%v, want interface %d", err, path.Interface)
				}
				if errors.Is(err, want) {
					if lost.Address != address || lost.Address.IsValid() == (lost.Name == "eth0") {
						t.Errorf("%+v", lost)
					}
					return
				}
			case err != nil:
				t.Fatal(err)
			case !ok:
				if time.Now().After(limit) {
					t.Fatalf("no error came, want %v", want)
				}
				if err := w.Wait(limit); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	if err := b.SetLink("eth0", false); err != nil {
		t.Fatal(err)
	}
	lost(rawip.ErrNoCarrier, netip.Addr{})
	for _, prefix := range []netip.Prefix{netip.PrefixFrom(hostA, 24), netip.PrefixFrom(host6A, 64)} {
		err := a.Do(func() error { return exec.Command("ip", "addr", "del", prefix.String(), "dev", "eth0").Run() })
		if err != nil {
			t.Fatal(err)
		}
		lost(unix.EADDRNOTAVAIL, prefix.Addr())
	}
	if err := a.SetLink("eth0", false); err != nil {
		t.Fatal(err)
	}
	lost(unix.ENETDOWN, netip.Addr{})
	if err := w.Send(path, make([]byte, 40)); !errors.Is(err, unix.ENETDOWN) {
		t.Errorf("sending on an interface that is down: %v", err)
	}
	if err := a.DeleteLink("eth0"); err != nil {
		t.Fatal(err)
	}
	lost(unix.ENODEV, netip.Addr{})
	if err := w.Send(path, make([]byte, 40)); !errors.Is(err, unix.ENXIO) {
		t.Errorf("sending on an interface that is gone: %v", err)
	}
}

// TestFilterBeforeBind: in the midst of foreign traffic a wire opens and hears none of it (H-07).
func TestFilterBeforeBind(t *testing.T) {
	a, b := labtest.Pair(t)
	l, err := b.Listen("tcp4", serverB.String())
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	go func() {
		if conn, err := l.Accept(); err == nil {
			io.Copy(conn, conn)
		}
	}()
	conn, err := a.Dial(t.Context(), "tcp4", serverB.String())
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan int)
	go func() { // to and fro, as fast as it goes
		octets, n := make([]byte, 100), 0
		for ; ; n++ {
			if _, err := conn.Write(octets); err != nil {
				break
			}
			if _, err := io.ReadFull(conn, octets); err != nil {
				break
			}
		}
		ended <- n
	}()
	index := ifindex(t, a, "eth0")
	for range 10 {
		w := openWire(t, a, rawip.Path{Interface: index, Link: true}, rawip.Path{Interface: index})
		watch(t, w, netip.AddrPortFrom(hostA, 43001))
		for range 100 {
			if p, ok, err := w.Receive(); ok || err != nil {
				t.Fatalf("received % x (%v)", p.Octets, err)
			}
		}
	}
	conn.Close()
	if n := <-ended; n < 10 {
		t.Errorf("there was no traffic: %d messages", n)
	}
}

// TestFilterLoads: the kernel takes the filter for however many connections there are.
func TestFilterLoads(t *testing.T) {
	a, _ := labtest.Pair(t)
	index := ifindex(t, a, "eth0")
	w := openWire(t, a, rawip.Path{Interface: index, Link: true}, rawip.Path{Interface: index})
	var locals []netip.AddrPort
	for i := range 5000 {
		locals = append(locals, netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, 0, 0, byte(i % 3)}), uint16(10_000+i)))
		switch len(locals) {
		case 1, 2, 16, 48, 49, 51, 300, 5000:
			watch(t, w, locals...)
		}
	}
	watch(t, w)
}

// TestWaitEndsWithTheContext, and with the time.
func TestWaitEndsWithTheContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	w, err := rawip.OpenWire(ctx, rawip.WireOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	if err := w.Wait(w.Now().Add(-time.Second)); err != nil { // is over already
		t.Error(err)
	}
	time.AfterFunc(time.Millisecond, cancel)
	if err := w.Wait(time.Time{}); err != nil {
		t.Error(err)
	}
	if ctx.Err() == nil {
		t.Error("the wait ended before the context")
	}
}

// TestReadPortRange: the range is the namespace's, and what it reserves is kept.
func TestReadPortRange(t *testing.T) {
	a, _ := labtest.Pair(t)
	for name, value := range map[string]string{
		"net/ipv4/ip_local_port_range":     "40000 40004",
		"net/ipv4/ip_local_reserved_ports": "40001-40002",
	} {
		if err := a.Sysctl(name, value); err != nil {
			t.Fatal(err)
		}
	}
	var r rawip.PortRange
	err := a.Do(func() error {
		r = rawip.ReadPortRange()
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if got := all(r); !slices.Equal(got, []uint16{40000, 40003, 40004}) {
		t.Errorf("%d", got)
	}
}

// TestPrepareRefused: a Wire whose sockets are refused says so, and closes.
func TestPrepareRefused(t *testing.T) {
	a, _ := labtest.Pair(t)
	for _, o := range []rawip.WireOptions{{}, {Mass: true}} {
		for _, p := range []rawip.Path{{Interface: 1, Link: true}, {Interface: 1}} {
			err := a.Do(func() error {
				// The thread is the function's own, and ends with it.
				var none [2]unix.CapUserData
				if err := unix.Capset(&unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}, &none[0]); err != nil {
					return err
				}
				w, err := rawip.OpenWire(t.Context(), o)
				if err != nil {
					return err
				}
				for range 2 {
					if err := w.Prepare(p); !errors.Is(err, os.ErrPermission) {
						t.Errorf("%+v, %+v: %v", o, p, err)
					}
				}
				if err := w.Watch(netip.AddrPortFrom(hostA, 1)); err != nil {
					t.Error(err)
				}
				if _, ok, err := w.Receive(); ok || err != nil {
					t.Errorf("received something, %v", err)
				}
				_, err = w.Drops()
				return errors.Join(err, w.Close())
			})
			if err != nil {
				t.Error(err)
			}
		}
	}
}

// TestNoMAC: nothing is sent in a frame to nobody.
func TestNoMAC(t *testing.T) {
	a, _ := labtest.Pair(t)
	for _, o := range []rawip.WireOptions{{}, {Mass: true}} {
		path := rawip.Path{Interface: ifindex(t, a, "eth0"), Link: true, MAC: [6]byte{2, 0, 10, 0, 0, 1}}
		var w *rawip.Wire
		err := a.Do(func() (err error) {
			if w, err = rawip.OpenWire(t.Context(), o); err != nil {
				return err
			}
			return w.Prepare(path)
		})
		if err != nil {
			t.Fatal(err)
		}
		defer w.Close()
		watch(t, w, netip.AddrPortFrom(hostA, 40012))
		if err := w.Send(path, make([]byte, 40)); !errors.Is(err, unix.EDESTADDRREQ) || !strings.Contains(err.Error(), "MAC") {
			t.Errorf("%+v: %v", o, err)
		}
		if p, ok, err := w.Receive(); ok || err != nil {
			t.Errorf("%+v: % x, %v", o, p.Octets, err)
		}
	}
}
