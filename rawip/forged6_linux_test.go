package rawip_test

import (
	"net/netip"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"tcpprobe/icmp"
	"tcpprobe/internal/netlab"
	"tcpprobe/rawip"
)

var (
	host6A, host6B = netip.MustParseAddr("fd00::1"), netip.MustParseAddr("fd00::2")
	server6B       = netip.AddrPortFrom(host6B, 7)
)

// forge6 sends an ICMPv6 error to host6A in the name of host6B, about a segment that host6A never sent to the address.
func forge6(t *testing.T, b *netlab.Host, m icmp.Message, about netip.Addr) {
	t.Helper()
	segment := []byte{4, 210, 1, 187, 0xde, 0xad, 0xbe, 0xef, 0, 0, 0, 0, 0x50, 0x10, 0, 0, 0, 0, 0, 0}
	quote, err := rawip.Header6{HopLimit: 60, Protocol: rawip.ProtocolTCP, Src: host6A, Dst: about}.Append(nil, segment)
	if err != nil {
		t.Fatal(err)
	}
	m.V6, m.Body = true, quote
	datagram, err := rawip.Header6{HopLimit: 64, Protocol: rawip.ProtocolICMPv6, Src: host6B, Dst: host6A}.Append(nil, m.Append6(nil, host6B, host6A))
	if err != nil {
		t.Fatal(err)
	}
	err = b.Do(func() error {
		fd, err := unix.Socket(unix.AF_INET6, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.IPPROTO_RAW)
		if err != nil {
			return err
		}
		defer unix.Close(fd)
		return unix.Sendto(fd, datagram, 0, &unix.SockaddrInet6{Addr: host6A.As16()})
	})
	if err != nil {
		t.Fatal(err)
	}
}

// TestForgedErrors6ChangeNoRoute: while a Wire sends by the kernel's IPv6, a Packet Too Big about a segment that never was
// changes the MTU of no route. A raw socket that is connected would have it changed.
func TestForgedErrors6ChangeNoRoute(t *testing.T) {
	a, b := pair6(t)
	if err := a.Route(netlab.Route{Dst: netip.MustParsePrefix("2001:db8:9::/48"), NextHop: host6B}); err != nil {
		t.Fatal(err)
	}
	listen(t, b, server6B.String())
	path := rawip.Path{V6: true, Interface: ifindex(t, a, "eth0")}
	w := openWire(t, a, path)
	tooBig := icmp.Message{Type: icmp.PacketTooBig6, Rest: [4]byte{2: 5, 3: 0x14}} // MTU 1300
	targets := []netip.Addr{host6B, netip.MustParseAddr("2001:db8:9::1")}
	attack := func() {
		for _, target := range targets {
			forge6(t, b, tooBig, target)
		}
		time.Sleep(20 * time.Millisecond) // nothing tells that an error was not acted on
	}
	unchanged := func(when string) {
		t.Helper()
		for _, target := range targets {
			if said := routeTo(t, a, target.String()); strings.Contains(said, "mtu") {
				t.Errorf("%s: %s", when, said)
			}
		}
	}
	attack()
	unchanged("before anything is sent")
	src := netip.AddrPortFrom(host6A, 40009)
	guard := newGuard(t, a, src)
	defer guard.Close()
	watch(t, w, src)
	sendSYN(t, w, path, src, server6B, 1)
	until(t, w, false, 0x12)
	attack()
	unchanged("in a handshake")

	// And now as it would be.
	err := a.Do(func() error {
		fd, err := unix.Socket(unix.AF_INET6, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.IPPROTO_TCP)
		if err != nil {
			return err
		}
		t.Cleanup(func() { unix.Close(fd) })
		return unix.Connect(fd, &unix.SockaddrInet6{Addr: targets[1].As16()})
	})
	if err != nil {
		t.Fatal(err)
	}
	attack()
	if said := routeTo(t, a, targets[1].String()); !strings.Contains(said, "mtu 1300") {
		t.Errorf("the kernel does not follow the forged error at all: %s", said)
	}
}
