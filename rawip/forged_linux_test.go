package rawip_test

import (
	"net/netip"
	"os/exec"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"tcpprobe/icmp"
	"tcpprobe/internal/netlab"
	"tcpprobe/internal/netlab/labtest"
	"tcpprobe/rawip"
)

// forge sends an ICMP error to hostA in the name of hostB, about a segment that hostA never sent to the address.
func forge(t *testing.T, b *netlab.Host, m icmp.Message, protocol uint8, about netip.Addr) {
	t.Helper()
	quote, err := rawip.Header{TTL: 60, Protocol: protocol, Src: hostA, Dst: about}.Append(nil, []byte{4, 210, 1, 187, 0xde, 0xad, 0xbe, 0xef, 0, 0, 0, 0, 0x50, 0x10, 0, 0, 0, 0, 0, 0})
	if err != nil {
		t.Fatal(err)
	}
	m.Body = quote
	datagram, err := rawip.Header{TTL: 64, Protocol: rawip.ProtocolICMP, Src: hostB, Dst: hostA}.Append(nil, m.Append(nil))
	if err != nil {
		t.Fatal(err)
	}
	err = b.Do(func() error {
		fd, err := unix.Socket(unix.AF_INET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.IPPROTO_RAW)
		if err != nil {
			return err
		}
		defer unix.Close(fd)
		return unix.Sendto(fd, datagram, 0, &unix.SockaddrInet4{Addr: hostA.As4()})
	})
	if err != nil {
		t.Fatal(err)
	}
}

// routeTo returns what the kernel says of its route to an address.
func routeTo(t *testing.T, h *netlab.Host, to string) string {
	t.Helper()
	var said []byte
	err := h.Do(func() (err error) {
		said, err = exec.Command("ip", "route", "get", to).CombinedOutput()
		return err
	})
	if err != nil {
		t.Fatalf("%v: %s", err, said)
	}
	return string(said)
}

// TestForgedErrorsChangeNoRoute: while a Wire sends by the kernel's IP, ICMP errors about segments that never were change the
// MTU and the gateway of no route. A raw socket of the plain kind would have them changed.
func TestForgedErrorsChangeNoRoute(t *testing.T) {
	a, b := labtest.Pair(t)
	if err := a.Route(netlab.Route{Dst: netip.MustParsePrefix("192.0.2.0/24"), NextHop: hostB}); err != nil {
		t.Fatal(err)
	}
	// The kernel follows a redirect only to a gateway whose MAC it knows.
	err := a.Do(func() error {
		return exec.Command("ip", "neigh", "replace", "10.0.0.9", "lladdr", "02:00:0a:00:00:09", "dev", "eth0").Run()
	})
	if err != nil {
		t.Fatal(err)
	}
	tooBig := icmp.Message{Type: icmp.DestinationUnreachable, Code: icmp.FragmentationNeeded, Rest: [4]byte{2: 2, 3: 0x58}} // MTU 600
	redirect := icmp.Message{Type: icmp.Redirect, Code: 1, Rest: [4]byte{10, 0, 0, 9}}
	listen(t, b, serverB.String())
	index := ifindex(t, a, "eth0")
	path := rawip.Path{Interface: index}
	w := openWire(t, a, path)
	attack := func(last string) {
		forge(t, b, tooBig, rawip.ProtocolTCP, netip.MustParseAddr("192.0.2.1"+last))
		forge(t, b, redirect, rawip.ProtocolTCP, netip.MustParseAddr("192.0.2.2"+last))
		forge(t, b, redirect, unix.IPPROTO_RAW, netip.MustParseAddr("192.0.2.3"+last))
		time.Sleep(20 * time.Millisecond) // nothing tells that an error was not acted on
	}
	unchanged := func(when, last string) {
		t.Helper()
		for _, to := range []string{"192.0.2.1", "192.0.2.2", "192.0.2.3"} {
			if said := routeTo(t, a, to+last); strings.Contains(said, "mtu") || !strings.Contains(said, "via 10.0.0.2") {
				t.Errorf("%s: %s", when, said)
			}
		}
	}
	attack("1")
	unchanged("before anything is sent", "1")
	src := netip.AddrPortFrom(hostA, 40009)
	guard := newGuard(t, a, src)
	defer guard.Close()
	watch(t, w, src)
	sendSYN(t, w, path, src, serverB, 1)
	until(t, w, false, 0x12)
	attack("2")
	unchanged("in a handshake", "2")

	// And now as it would be.
	err = a.Do(func() error {
		fd, err := unix.Socket(unix.AF_INET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.IPPROTO_TCP)
		t.Cleanup(func() { unix.Close(fd) })
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	attack("3")
	if said := routeTo(t, a, "192.0.2.13"); !strings.Contains(said, "mtu 600") {
		t.Errorf("the kernel does not follow the forged error at all: %s", said)
	}
	if said := routeTo(t, a, "192.0.2.23"); !strings.Contains(said, "via 10.0.0.9") {
		t.Errorf("the kernel does not follow the forged redirect at all: %s", said)
	}
}

// TestManyPairsByIP: more pairs of addresses than there are sockets are all received.
func TestManyPairsByIP(t *testing.T) {
	a, b := labtest.Pair(t)
	path := rawip.Path{Interface: ifindex(t, a, "eth0")}
	var servers []netip.AddrPort
	for i := range 20 {
		address := netip.AddrFrom4([4]byte{10, 0, 0, byte(100 + i)})
		err := b.Do(func() error {
			return exec.Command("ip", "addr", "add", address.String()+"/32", "dev", "eth0").Run()
		})
		if err != nil {
			t.Fatal(err)
		}
		servers = append(servers, netip.AddrPortFrom(address, 7))
	}
	listen(t, b, "0.0.0.0:7")
	src := netip.AddrPortFrom(hostA, 40010)
	guard := newGuard(t, a, src)
	defer guard.Close()
	w := openWire(t, a, path)
	watch(t, w, src)
	for round := range 2 {
		for i, server := range servers {
			sendSYN(t, w, path, src, server, uint16(100*round+i))
			for received := false; !received; {
				p, ip, s := receive(t, w)
				received = !p.Sent && ip.Src == server.Addr() && s.Flags == 0x12
			}
		}
	}
}

// TestStampsOfManySent: each of many datagrams that are sent at once has the kernel's stamp.
func TestStampsOfManySent(t *testing.T) {
	a, _ := labtest.Pair(t)
	path := rawip.Path{Interface: ifindex(t, a, "eth0")}
	w := openWire(t, a, path)
	src := netip.AddrPortFrom(hostA, 40011)
	watch(t, w, src)
	const many = 2000
	for id := range uint16(many) {
		sendSYN(t, w, path, src, netip.AddrPortFrom(hostB, 9), id)
	}
	next := uint16(0)
	for next < many {
		p, ip, _ := receive(t, w)
		if !p.Sent {
			continue
		}
		if ip.ID != next || p.Interface != path.Interface || !p.ByIP {
			t.Fatalf("datagram %d of %+v, want %d", ip.ID, p, next)
		}
		next++
	}
}
