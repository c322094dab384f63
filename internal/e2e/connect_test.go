//go:build linux

package e2e_test

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"tcpprobe/internal/exit"
	"tcpprobe/internal/netlab"
	"tcpprobe/internal/netlab/labtest"
)

// connectVerdict is what connect(2) says of a target, in words of ours. It waits for longer than a second: an ICMPv6 error that comes while the
// kernel is still sending the first SYN counts for the second one alone.
func connectVerdict(t *testing.T, h *netlab.Host, target string, control func(fd uintptr) error) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
	defer cancel()
	dialer := net.Dialer{Control: func(_, _ string, c syscall.RawConn) error {
		if control == nil {
			return nil
		}
		var err error
		return errors.Join(c.Control(func(fd uintptr) { err = control(fd) }), err)
	}}
	var conn net.Conn
	err := h.Do(func() (err error) {
		conn, err = dialer.DialContext(ctx, "tcp", target)
		return err
	})
	switch {
	case err == nil:
		conn.Close()
		return "established"
	case errors.Is(err, unix.ECONNREFUSED):
		return "refused"
	case errors.Is(err, context.DeadlineExceeded) || errors.Is(err, os.ErrDeadlineExceeded):
		return "timeout"
	case errors.Is(err, unix.EHOSTUNREACH) || errors.Is(err, unix.ENETUNREACH) || errors.Is(err, unix.EACCES) || errors.Is(err, unix.EINVAL):
		return "unreachable"
	}
	t.Fatalf("connect to %s: %v", target, err)
	return ""
}

// probeVerdict is what the program says, in the words of connectVerdict: to an application a host that does not answer ARP
// is unreachable like one behind a router that says so.
func probeVerdict(t *testing.T, h *netlab.Host, target string, args ...string) (string, probeLine) {
	t.Helper()
	l := probeJSON(t, h, append([]string{"-W=900ms", target}, args...)...)
	if len(l.probes) != 1 {
		t.Fatalf("%d handshakes, want 1", len(l.probes))
	}
	p := l.probes[0]
	switch p.Outcome {
	case "no_route", "arp_timeout", "ndp_timeout":
		return "unreachable", p
	}
	return p.Outcome, p
}

// agree checks that the program and connect(2) say the same.
func agree(t *testing.T, h *netlab.Host, want, target string, args ...string) probeLine {
	t.Helper()
	connect := connectVerdict(t, h, target, nil)
	got, p := probeVerdict(t, h, target, args...)
	if got != want || connect != want {
		t.Errorf("%s %q: %s, connect says %s, want %s", target, args, got, connect, want)
	}
	return p
}

// serve has a host accept connections, and close them.
func serve(t *testing.T, h *netlab.Host, address string) {
	t.Helper()
	listener, err := h.Listen("tcp", address)
	must(t, err)
	t.Cleanup(func() { listener.Close() })
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go func() {
				io.Copy(io.Discard, conn)
				conn.Close()
			}()
		}
	}()
}

func TestSameVerdictOnEveryWay(t *testing.T) {
	t.Parallel()
	n := labtest.DualStack(t)
	labtest.Nft(t, n.R1, reject)
	for _, own := range []string{"10.1.0.2:80", "127.0.0.1:80", "[2001:db8:1::2]:80", "[::1]:80"} {
		serve(t, n.Client, own)
	}
	for prefix, kind := range map[string]netlab.RouteType{
		"10.9.1.0/24": netlab.Unreachable, "10.9.2.0/24": netlab.Prohibit, "10.9.3.0/24": netlab.Blackhole,
		"2001:db8:9:1::/64": netlab.Unreachable, "2001:db8:9:2::/64": netlab.Prohibit, "2001:db8:9:3::/64": netlab.Blackhole,
	} {
		must(t, n.Client.Route(netlab.Route{Dst: netip.MustParsePrefix(prefix), Type: kind}))
	}
	for _, test := range []struct {
		name, target, want string
		send               string // what it must have been sent by, if by auto
	}{
		{"through a gateway", "10.3.0.80:80", "established", "link"},
		{"through a gateway, closed", "10.3.0.80:81", "refused", "link"},
		{"rejected by the gateway", "10.3.0.80:1013", "unreachable", "link"},
		{"the gateway itself", "10.1.0.1:80", "refused", "link"},
		{"the gateway's other address", "10.2.0.1:80", "refused", "link"},
		{"on the link, nobody", "10.1.0.77:80", "unreachable", ""},
		{"own address", "10.1.0.2:80", "established", "ip"},
		{"own address, closed", "10.1.0.2:81", "refused", "ip"},
		{"loopback", "127.0.0.1:80", "established", "ip"},
		{"loopback, closed", "127.0.0.1:81", "refused", "ip"},
		{"another loopback address", "127.9.8.7:81", "refused", "ip"},
		{"unreachable route", "10.9.1.1:80", "unreachable", ""},
		{"prohibit route", "10.9.2.1:80", "unreachable", ""},
		{"blackhole route", "10.9.3.1:80", "unreachable", ""},
		{"through a gateway", "[2001:db8:3::80]:80", "established", "link"},
		{"through a gateway, closed", "[2001:db8:3::80]:81", "refused", "link"},
		{"rejected by the gateway", "[2001:db8:3::80]:1001", "unreachable", "link"},
		{"the gateway itself", "[2001:db8:1::1]:80", "refused", "link"},
		{"the gateway's other address", "[2001:db8:2::1]:80", "refused", "link"},
		{"the gateway's link-local address", "[fe80::1%eth0]:80", "refused", "link"},
		{"on the link, nobody", "[2001:db8:1::77]:80", "unreachable", ""},
		{"own address", "[2001:db8:1::2]:80", "established", "ip"},
		{"own address, closed", "[2001:db8:1::2]:81", "refused", "ip"},
		{"loopback", "[::1]:80", "established", "ip"},
		{"loopback, closed", "[::1]:81", "refused", "ip"},
		{"unreachable route", "[2001:db8:9:1::1]:80", "unreachable", ""},
		{"prohibit route", "[2001:db8:9:2::1]:80", "unreachable", ""},
		{"blackhole route", "[2001:db8:9:3::1]:80", "unreachable", ""},
	} {
		for _, send := range []string{"auto", "ip"} {
			if test.name == "on the link, nobody" {
				// connect waits for the kernel's ARP, for three seconds, and so do we.
				if _, p := probeVerdict(t, n.Client, test.target, "--send", send); send == "auto" && p.Outcome != "arp_timeout" && p.Outcome != "ndp_timeout" {
					t.Errorf("%s: %s", test.name, p.Outcome)
				}
				continue
			}
			p := agree(t, n.Client, test.want, test.target, "--send", send)
			if send == "auto" && test.send != "" && p.TCP != nil && p.TCP.Send != test.send {
				t.Errorf("%s: sent by %s, want %s", test.name, p.TCP.Send, test.send)
			}
		}
	}
}

// TestLoopbackStaysInside: an address of the loopback network leaves through no other interface, whoever asks for it.
func TestLoopbackStaysInside(t *testing.T) {
	a, _ := labtest.Pair(t)
	frames := labtest.Wire(t, a, "eth0")
	probeOnce(t, a, exit.NoNextHop, "no_route", "-I", "eth0", "127.0.0.1:80")
	frames.Stop(t)
	if seen := frames.Tshark(t, "", "frame.protocols"); len(seen) != 0 {
		t.Errorf("on the wire: %v", seen)
	}
}

func TestSameVerdictByPolicy(t *testing.T) {
	t.Parallel()
	lab := labtest.New(t)
	client, err := lab.Host("client")
	must(t, err)
	server, err := lab.Host("server")
	must(t, err)
	for _, h := range []*netlab.Host{client, server} {
		must(t, h.Sysctl("net/ipv4/conf/all/rp_filter", "0"))
		must(t, h.Sysctl("net/ipv4/conf/default/rp_filter", "0"))
	}
	for i := range 3 {
		must(t, lab.Link(client, fmt.Sprintf("eth%d", i), netip.MustParsePrefix(fmt.Sprintf("10.0.%d.1/24", i)),
			server, fmt.Sprintf("eth%d", i), netip.MustParsePrefix(fmt.Sprintf("10.0.%d.2/24", i))))
	}
	must(t, server.Address("lo", netip.MustParsePrefix("10.5.0.1/32")))
	must(t, client.Route(netlab.Route{NextHop: netip.MustParseAddr("10.0.0.2")}))
	must(t, client.Route(netlab.Route{NextHop: netip.MustParseAddr("10.0.1.2"), Table: 101}))
	must(t, client.Route(netlab.Route{NextHop: netip.MustParseAddr("10.0.2.2"), Table: 102}))
	must(t, client.Route(netlab.Route{Dst: netip.MustParsePrefix("10.5.0.0/16"), Type: netlab.Unreachable, Table: 103}))
	must(t, client.Rule(netlab.Rule{Priority: 100, From: netip.MustParsePrefix("10.0.1.1/32"), Table: 101}))
	must(t, client.Rule(netlab.Rule{Priority: 101, Mark: 0x17, Table: 102}))
	must(t, client.Rule(netlab.Rule{Priority: 102, Protocol: unix.IPPROTO_TCP, DestPort: 443, Table: 102}))
	must(t, client.Rule(netlab.Rule{Priority: 103, Protocol: unix.IPPROTO_TCP, DestPort: 444, Table: 103}))
	serve(t, server, "10.5.0.1:80")
	serve(t, server, "10.5.0.1:443")
	for _, test := range []struct {
		target string
		args   []string
		want   string
		iface  string
	}{
		{"10.5.0.1:80", nil, "established", "eth0"},
		{"10.5.0.1:80", []string{"-S=10.0.1.1"}, "established", "eth1"},
		{"10.5.0.1:80", []string{"--mark=23"}, "established", "eth2"},
		{"10.5.0.1:443", nil, "established", "eth2"},
		{"10.5.0.1:444", nil, "unreachable", ""},
		{"10.0.1.2:80", []string{"-I=eth1"}, "refused", "eth1"},
		// The server answers to 10.0.1.1 by eth1 and to 10.0.2.1 by eth2, whichever way the question came.
		{"10.5.0.1:80", []string{"-S=10.0.2.1"}, "established", "eth0"},
	} {
		for _, send := range []string{"auto", "ip"} {
			got, p := probeVerdict(t, client, test.target, append([]string{"--send", send}, test.args...)...)
			if got != test.want || test.iface != "" && p.Route.Interface != test.iface {
				t.Errorf("%s %q --send %s: %s by %+v, want %s by %s", test.target, test.args, send, got, p.Route, test.want, test.iface)
			}
			if len(test.args) == 0 {
				if connect := connectVerdict(t, client, test.target, nil); connect != got {
					t.Errorf("%s: %s, connect says %s", test.target, got, connect)
				}
			}
		}
	}
	mark := func(fd uintptr) error { return unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_MARK, 23) }
	if connect := connectVerdict(t, client, "10.5.0.1:80", mark); connect != "established" {
		t.Errorf("with the mark connect says %s", connect)
	}
}

// TestSameVerdictOnEveryLink varies the link: its MTU, and who computes checksums.
func TestSameVerdictOnEveryLink(t *testing.T) {
	t.Parallel()
	for _, mtu := range []int{68, 576, 1280, 1500, 9000} {
		for _, offload := range []bool{true, false} {
			options := []netlab.LinkOption{netlab.MTU(mtu)}
			if !offload {
				options = append(options, netlab.NoChecksumOffload())
			}
			a, b := labtest.Pair(t, options...)
			serve(t, b, "10.0.0.2:80")
			for _, send := range []string{"link", "ip"} {
				p := agree(t, a, "established", "10.0.0.2:80", "--send", send)
				if p.Route.MTU != mtu || len(p.TCP.Segments) < 2 || len(p.Findings) != 0 {
					t.Errorf("MTU %d, offload %v: route %+v, %d segments, findings %q", mtu, offload, p.Route, len(p.TCP.Segments), p.Findings)
				}
				want := "valid"
				if offload {
					want = "partial"
				}
				if got := p.TCP.Segments[1].Checksum; got != want {
					t.Errorf("MTU %d, offload %v, --send %s: the SYN-ACK's checksum is %s, want %s", mtu, offload, send, got, want)
				}
				agree(t, a, "refused", "10.0.0.2:81", "--send", send)
			}
		}
	}
}

func TestPermanentNeighbor(t *testing.T) {
	t.Parallel()
	for i, addresses := range [][2]string{{"10.0.0.1", "10.0.0.2"}, {"2001:db8::1", "2001:db8::2"}} {
		t.Run(families[i], func(t *testing.T) {
			t.Parallel()
			a, b := labtest.DualPair(t)
			ours, theirs, target := netip.MustParseAddr(addresses[0]), netip.MustParseAddr(addresses[1]), peers[i]+":80"
			serve(t, b, target)
			must(t, a.Neighbor("eth0", theirs, [6]byte{0x02, 0x00, 10, 0, 0, 2}, true))
			must(t, b.Neighbor("eth0", ours, [6]byte{0x02, 0x00, 10, 0, 0, 1}, true))
			wire := labtest.Wire(t, a, "eth0")
			p := agree(t, a, "established", target)
			if hop := [2]*neighborLine{p.ARP, p.NDP}[i]; hop.Source != "permanent" || hop.MAC != "02:00:0a:00:00:02" || hop.Attempts != 0 || p.TCP.Send != "link" {
				t.Errorf("%+v, sent by %s", hop, p.TCP.Send)
			}
			if rows := wire.Tshark(t, "arp || icmpv6.type == 135", "frame.number"); len(rows) != 0 {
				t.Errorf("the link was asked %d times", len(rows))
			}
			// A wrong entry is as wrong for us as it is for connect.
			must(t, a.Neighbor("eth0", theirs, [6]byte{0x02, 0x00, 10, 0, 0, 9}, true))
			agree(t, a, "timeout", target)
		})
	}
}

// TestLocalTranslation: what the local firewall translates, connect reaches, and so does --send ip.
func TestLocalTranslation(t *testing.T) {
	t.Parallel()
	a, b := labtest.Pair(t)
	serve(t, b, "10.0.0.2:80")
	must(t, a.Route(netlab.Route{Dst: netip.MustParsePrefix("10.96.0.0/16"), NextHop: netip.MustParseAddr("10.0.0.2")}))
	labtest.Nft(t, a, `table ip services {
		chain output {
			type nat hook output priority -100
			ip daddr 10.96.0.1 tcp dport 443 dnat to 10.0.0.2:80
		}
	}`)
	agree(t, a, "established", "10.96.0.1:443", "--send=ip")
}

// TestTun probes through an interface without link layer, behind which this test is the host.
func TestTun(t *testing.T) {
	t.Parallel()
	h := newHost(t)
	tun, err := h.Tun("tun0")
	if device, openErr := os.OpenFile("/dev/net/tun", os.O_RDWR, 0); openErr == nil {
		device.Close()
	} else if errors.Is(openErr, os.ErrPermission) {
		if !errors.Is(err, os.ErrPermission) {
			t.Errorf("Tun: %v, want %v", err, os.ErrPermission)
		}
		return // some systems let root alone open the device
	}
	must(t, err)
	t.Cleanup(func() { tun.Close() })
	must(t, h.Address("tun0", netip.MustParsePrefix("10.9.0.1/24")))
	must(t, h.SetLink("tun0", true))
	go func() {
		datagram := make([]byte, 2048)
		for {
			n, err := tun.Read(datagram)
			if err != nil {
				return
			}
			if answer := refuse(datagram[:n]); answer != nil {
				tun.Write(answer)
			}
		}
	}()
	p := agree(t, h, "refused", "10.9.0.2:80")
	if p.TCP.Send != "ip" || p.ARP.Source != "not_needed" || p.Route.Interface != "tun0" {
		t.Errorf("sent by %s, arp %+v, route %+v", p.TCP.Send, p.ARP, p.Route)
	}
}

// refuse returns the datagram with the RST,ACK that answers a SYN (RFC 9293 3.10.7.1), or nil if there is no SYN.
func refuse(datagram []byte) []byte {
	const ip, tcp = 20, 20 // octets of the headers
	if len(datagram) < ip+tcp || datagram[0] != 0x45 || datagram[9] != unix.IPPROTO_TCP || datagram[ip+13] != 0x02 {
		return nil
	}
	b := make([]byte, ip+tcp)
	b[0], b[3], b[8], b[9] = 0x45, ip+tcp, 64, unix.IPPROTO_TCP
	copy(b[12:], datagram[16:20])
	copy(b[16:], datagram[12:16])
	binary.BigEndian.PutUint16(b[10:], ^sum(b[:ip]))
	s := b[ip:]
	copy(s[0:], datagram[ip+2:ip+4])
	copy(s[2:], datagram[ip:ip+2])
	binary.BigEndian.PutUint32(s[8:], binary.BigEndian.Uint32(datagram[ip+4:])+1)
	s[12], s[13] = tcp/4<<4, 0x14
	pseudo := append(append([]byte{}, b[12:20]...), 0, unix.IPPROTO_TCP, 0, tcp)
	binary.BigEndian.PutUint16(s[16:], ^sum(append(pseudo, s...)))
	return b
}

// sum is the ones' complement sum of 16-bit words (RFC 1071).
func sum(b []byte) uint16 {
	var n uint32
	for ; len(b) >= 2; b = b[2:] {
		n += uint32(binary.BigEndian.Uint16(b))
	}
	for n > 0xffff {
		n = n>>16 + n&0xffff
	}
	return uint16(n)
}
