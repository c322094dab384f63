//go:build linux

package e2e_test

import (
	"net"
	"slices"
	"testing"

	"golang.org/x/sys/unix"

	"tcpprobe/arp"
	"tcpprobe/internal/exit"
	"tcpprobe/internal/netlab/labtest"
)

// TestFullAcceptQueue: a server that does not accept. Linux drops the SYN, or the ACK, that finds no room.
func TestFullAcceptQueue(t *testing.T) {
	t.Parallel()
	a, b := labtest.Pair(t)
	must(t, b.Sysctl("net/ipv4/tcp_syncookies", "0"))
	var fd int
	must(t, b.Do(func() (err error) {
		if fd, err = unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0); err != nil {
			return err
		}
		if err = unix.Bind(fd, &unix.SockaddrInet4{Port: 80, Addr: [4]byte{10, 0, 0, 2}}); err != nil {
			return err
		}
		return unix.Listen(fd, 0)
	}))
	t.Cleanup(func() { unix.Close(fd) })

	// The first connection takes the only place.
	if verdict := connectVerdict(t, a, "10.0.0.2:80", nil); verdict != "established" {
		t.Fatalf("connect says %s", verdict)
	}
	for range 2 {
		agree(t, a, "timeout", "10.0.0.2:80")
	}
	if drops := labtest.SNMP(t, b)["TcpExt.ListenOverflows"]; drops == 0 {
		t.Error("the server did not drop anything for want of room")
	}
}

// TestServersThatSpeak has servers that say something, or hang up, before they are asked.
func TestServersThatSpeak(t *testing.T) {
	t.Parallel()
	a, b := labtest.Pair(t)
	for _, test := range []struct {
		name    string
		address string
		greet   func(conn *net.TCPConn)
		finding string
		args    []string
	}{
		{"resets", "10.0.0.2:1", func(c *net.TCPConn) { c.SetLinger(0); c.Close() }, "reset_after_established", []string{"--close=none", "-W=300ms"}},
		{"has a banner", "10.0.0.2:2", func(c *net.TCPConn) { c.Write([]byte("220 lab.test ready\r\n")) }, "peer_speaks_first", []string{"--close=none", "-W=300ms"}},
		{"hangs up", "10.0.0.2:3", func(c *net.TCPConn) { c.Close() }, "peer_speaks_first", []string{"--close=none", "-W=300ms"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			listener, err := b.Listen("tcp4", test.address)
			must(t, err)
			defer listener.Close()
			go func() {
				var conns []net.Conn
				defer func() {
					for _, c := range conns {
						c.Close()
					}
				}()
				for {
					conn, err := listener.Accept()
					if err != nil {
						return
					}
					test.greet(conn.(*net.TCPConn))
					conns = append(conns, conn)
				}
			}()
			for _, send := range []string{"link", "ip"} {
				p := probeOnce(t, a, exit.Established, "established", append([]string{test.address, "--send", send}, test.args...)...)
				if !slices.Contains(p.Findings, test.finding) {
					t.Errorf("--send %s: findings %q, want %s", send, p.Findings, test.finding)
				}
				// However the connection is closed, the verdict is the same.
				for _, close := range []string{"fin", "rst", "half"} {
					probeOnce(t, a, exit.Established, "established", test.address, "--send", send, "--close", close)
				}
			}
		})
	}
}

// TestARPConflict has another host on the link answer for the next hop too.
func TestARPConflict(t *testing.T) {
	t.Parallel()
	a, b := labtest.Pair(t)
	impostor := [6]byte{0x02, 0x66, 0x77, 0x88, 0x99, 0xaa}
	fd := -1
	must(t, b.Do(func() (err error) {
		const protocol = unix.ETH_P_ARP>>8 | unix.ETH_P_ARP&0xff<<8 // in network order
		if fd, err = unix.Socket(unix.AF_PACKET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, protocol); err != nil {
			return err
		}
		link, err := net.InterfaceByName("eth0")
		if err != nil {
			return err
		}
		return unix.Bind(fd, &unix.SockaddrLinklayer{Protocol: protocol, Ifindex: link.Index})
	}))
	t.Cleanup(func() { unix.Close(fd) })
	// There is one request to answer. Without a limit, a probe that does not ask would let the test hang.
	must(t, unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &unix.Timeval{Sec: 20}))
	answered := make(chan error, 1)
	go func() {
		buffer := make([]byte, 64)
		n, from, err := unix.Recvfrom(fd, buffer, 0)
		if err != nil {
			answered <- err
			return
		}
		request, err := arp.Parse(buffer[:n])
		if err != nil {
			answered <- err
			return
		}
		reply, err := arp.Packet{
			Operation: arp.Reply,
			SenderHA:  impostor, SenderPA: request.TargetPA,
			TargetHA: request.SenderHA, TargetPA: request.SenderPA,
		}.Append(nil)
		if err == nil {
			err = unix.Sendto(fd, reply, 0, from)
		}
		answered <- err
	}()
	serve(t, b, "10.0.0.2:80")
	l := probeJSON(t, a, "10.0.0.2:80", "-c=50", "-i=20ms", "-W=500ms") // time enough for the impostor
	must(t, <-answered)
	found := false
	for _, p := range l.probes {
		found = found || slices.Contains(p.Findings, "arp_conflict")
	}
	if !found {
		t.Errorf("no handshake has the finding arp_conflict: %+v", l.probes)
	}
}
