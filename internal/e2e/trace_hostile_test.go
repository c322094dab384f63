//go:build linux

package e2e_test

import (
	"encoding/binary"
	"math/rand/v2"
	"net"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"tcpprobe/icmp"
	"tcpprobe/internal/exit"
	"tcpprobe/internal/netlab"
	"tcpprobe/rawip"
)

// hostileRouter answers what arrives at a host, which forwards nothing, by what reply makes of each datagram, of whatever
// protocol and to whatever MAC: datagrams to be sent back, in order. It ends with the test.
func hostileRouter(t *testing.T, h *netlab.Host, reply func(datagram []byte) [][]byte) {
	t.Helper()
	fd := -1
	must(t, h.Do(func() (err error) {
		const protocol = unix.ETH_P_ALL>>8 | unix.ETH_P_ALL&0xff<<8 // in network order
		if fd, err = unix.Socket(unix.AF_PACKET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, protocol); err != nil {
			return err
		}
		link, err := net.InterfaceByName("eth0")
		if err != nil {
			return err
		}
		return unix.Bind(fd, &unix.SockaddrLinklayer{Protocol: protocol, Ifindex: link.Index})
	}))
	// The receiver looks for the end of the test between datagrams.
	must(t, unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &unix.Timeval{Usec: 50_000}))
	stop, stopped := make(chan struct{}), make(chan struct{})
	t.Cleanup(func() {
		close(stop)
		<-stopped
		unix.Close(fd)
	})
	go func() {
		defer close(stopped)
		buffer := make([]byte, 2048)
		for {
			select {
			case <-stop:
				return
			default:
			}
			n, from, err := unix.Recvfrom(fd, buffer, 0)
			if err != nil {
				continue
			}
			if link, ok := from.(*unix.SockaddrLinklayer); ok && link.Pkttype != unix.PACKET_OUTGOING {
				for _, octets := range reply(buffer[:n]) {
					unix.Sendto(fd, octets, 0, from)
				}
			}
		}
	}()
}

// hopAddress returns the address of the hop-th router, in the family of a datagram.
func hopAddress(ip rawip.Datagram, hop uint8) netip.Addr {
	if ip.Is6() {
		return netip.AddrFrom16([16]byte{0x20, 0x01, 0x0d, 0xb8, 0, 8, 15: hop})
	}
	return netip.AddrFrom4([4]byte{10, 9, 0, hop})
}

// exceeded returns an ICMP error that says the TTL of a datagram ran out, from the hop-th router.
func exceeded(hop uint8, ip rawip.Datagram, quote []byte) []byte {
	m := icmp.Message{Body: quote}
	m.Type, m.Code = byVersion(ip, [2]int{11, 0}, [2]int{3, 0})
	return message(64-hop, hopAddress(ip, hop), ip.Src, m)
}

// longHeader returns a quoted datagram as if it had forty octets more in front of its segment: options of IPv4, which are an IHL of 15, or an
// extension header.
func longHeader(datagram []byte) []byte {
	if rawip.Is6(datagram) {
		const destinationOptions, padN = 60, 1
		options := append([]byte{rawip.ProtocolTCP, 4, padN, 36}, make([]byte, 36)...)
		long := slices.Concat(datagram[:40], options, datagram[40:48])
		long[6] = destinationOptions
		return long
	}
	long := slices.Concat(datagram[:20], slices.Repeat([]byte{1}, 40), datagram[20:28])
	long[0] = 0x4f
	return long
}

// hostileTargets are whom the traces are to: nobody, behind the hostile router.
var hostileTargets = []string{"10.8.0.80:80", "[2001:db8:9::80]:80"}

// inFamily returns a trace's arguments or text as IPv6 has them, for the second of the families, of what is written for IPv4; lines break
// elsewhere.
func inFamily(family int, text string) string {
	if family == 0 {
		return text
	}
	return strings.NewReplacer(
		"10.8.0.80:", "[2001:db8:9::80]:", "10.8.0.80", "2001:db8:9::80", "10.0.0.1:", "[2001:db8::1]:", "10.9.0.10", "2001:db8:8::a", "10.9.0.", "2001:db8:8::",
		"ICMP 11/0 time to live exceeded", "ICMP 3/0 hop limit exceeded", "mss 1460", "mss 1440", "ICMP 3/13", "ICMP 1/1",
		"10.3.0.80:", "[2001:db8:3::80]:", "10.3.0.80", "2001:db8:3::80", "10.1.0.2:", "[2001:db8:1::2]:", "10.1.0.1", "2001:db8:1::1", "10.2.0.2", "2001:db8:2::2",
		"10.2.0.99:", "[2001:db8:2::99]:", "10.2.0.99", "2001:db8:2::99", "www.lab.test", "six.lab.test",
	).Replace(text)
}

// TestTraceHostileRouter: quotes as short as allowed, longer, padded and with a header of any length count; those that
// are not about a SYN of ours, and repetitions, change nothing (B-50, B-51, B-57, H-09).
func TestTraceHostileRouter(t *testing.T) {
	t.Parallel()
	a, b := routedPair(t)
	quotes := map[uint8]func(d []byte, header int) [][]byte{
		1: func(d []byte, header int) [][]byte { return [][]byte{d[:header+8]} },
		2: func(d []byte, header int) [][]byte { return [][]byte{d[:header+20]} },
		3: func(d []byte, _ int) [][]byte { return [][]byte{d} },
		4: func(d []byte, _ int) [][]byte { return [][]byte{append(slices.Clone(d), make([]byte, 128-len(d))...)} },
		5: func(d []byte, header int) [][]byte { // sequence numbers that are not ours
			low, high := slices.Clone(d[:header+8]), slices.Clone(d[:header+8])
			low[header+7]--
			high[header+7]++
			return [][]byte{low, high}
		},
		6: func(d []byte, header int) [][]byte { // a port that is not ours
			d = slices.Clone(d[:header+8])
			d[header+1]++
			return [][]byte{d}
		},
		7: func(d []byte, _ int) [][]byte { return [][]byte{longHeader(d)} },
		8: func([]byte, int) [][]byte { return [][]byte{nil} },
		9: func(d []byte, header int) [][]byte { return [][]byte{d[:header+8], d[:header+8], d[:header+20]} },
		10: func(d []byte, header int) [][]byte { // the header alone, and less
			return [][]byte{d[:header], d[:12], d[:header+7]}
		},
	}
	const target = 11
	hostileRouter(t, b, func(datagram []byte) (replies [][]byte) {
		ip, syn, ok := synOf(datagram)
		if !ok {
			return nil
		}
		if ip.HopLimit >= target {
			whole := accept(ip, syn, nil, 0)
			return [][]byte{whole, whole}
		}
		for _, quote := range quotes[ip.HopLimit](hopLimited(datagram, 1), headerLength(ip.Is6())) {
			replies = append(replies, exceeded(ip.HopLimit, ip, quote))
		}
		return replies
	})
	const exceededText = " T ms  ICMP 11/0 time to live exceeded\n"
	for i, family := range families {
		t.Run(family, func(t *testing.T) {
			t.Parallel()
			checkText(t, tcpprobe(t, a, "trace", hostileTargets[i], "--source-port=40000", "-W=300ms"), exit.Established, inFamily(i, strings.ReplaceAll(`
trace to 10.8.0.80:80 from 10.0.0.1:40000 on eth0, 30 hops at most
 1  10.9.0.1EXCEEDED
 2  10.9.0.2EXCEEDED
 3  10.9.0.3EXCEEDED
 4  10.9.0.4EXCEEDED
 5  *
 6  *
 7  10.9.0.7EXCEEDED
 8  *
 9  10.9.0.9EXCEEDED
10  *
11  10.8.0.80 T ms  SYN,ACK [010010]  ttl 53
ESTABLISHED  10.8.0.80:80  11 hops  rtt T ms
  the SYN,ACK is without mss, sack permitted, timestamps, window scale: not
  wanted there, or taken out on the way
`, "EXCEEDED\n", exceededText)))
		})
	}
}

// TestTraceExtensions: what a router tells of itself is shown, and a broken extension costs nothing (B-57 to B-59).
func TestTraceExtensions(t *testing.T) {
	t.Parallel()
	a, b := routedPair(t)
	labels := icmp.Object{Class: icmp.ClassLabels, CType: 1, Payload: []byte{
		0x05, 0xdc, 0x12, 1, // label 24001, TC 1, TTL 1
		0x00, 0x01, 0x01, 1, // label 16, bottom, TTL 1
	}}
	port := icmp.Object{Class: icmp.ClassInterface, CType: 0x0f, Payload: slices.Concat(
		[]byte{0, 0, 0, 7},              // index
		[]byte{0, 1, 0, 0, 10, 9, 9, 9}, // IPv4 address
		[]byte("\x0cge-0/0/\x1b[7m"),    // name, with its length in octets
		[]byte{0, 0, 0x23, 0x28},        // MTU 9000
	)}
	hostileRouter(t, b, func(datagram []byte) [][]byte {
		ip, syn, ok := synOf(datagram)
		if !ok {
			return nil
		}
		if ip.HopLimit > 3 {
			return [][]byte{accept(ip, syn, syn.Options, 0)}
		}
		m := icmp.Message{V6: ip.Is6(), Body: hopLimited(datagram, 1)}
		m.Type, m.Code = byVersion(ip, [2]int{11, 0}, [2]int{3, 0})
		m, err := m.Extended(labels, port)
		if err != nil {
			return nil
		}
		switch ip.HopLimit {
		case 2: // as routers of old send it
			m.Rest[0], m.Rest[1] = 0, 0
		case 3: // an object that is longer than the extension
			m.Body[128+5] = 0xff
			m.Body[128+2], m.Body[128+3] = 0, 0
		}
		return [][]byte{message(63, hopAddress(ip, ip.HopLimit), ip.Src, m)}
	})
	for i, family := range families {
		t.Run(family, func(t *testing.T) {
			t.Parallel()
			r := tcpprobe(t, a, "trace", hostileTargets[i], "--source-port=40000", "-W=300ms")
			extended := ` T ms  ICMP 11/0 time to live exceeded  mpls 24001, 16
                    incoming interface, ge-0/0/\x1b[7m, 10.9.9.9, index 7, mtu
                    9000
`
			checkText(t, r, exit.Established, inFamily(i, strings.ReplaceAll(`
trace to 10.8.0.80:80 from 10.0.0.1:40000 on eth0, 30 hops at most
 1  10.9.0.1EXTENDED
 2  10.9.0.2EXTENDED
 3  10.9.0.3 T ms  ICMP 11/0 time to live exceeded
 4  10.8.0.80 T ms  SYN,ACK [010010]  mss 1460 ws 7 sack ts  ttl 53
ESTABLISHED  10.8.0.80:80  4 hops  rtt T ms
`, "EXTENDED\n", extended)))
			r = tcpprobe(t, a, "trace", hostileTargets[i], "-W=300ms", "--json")
			first, _, _ := strings.Cut(r.stdout, "\n")
			const want = `"mpls":[{"label":24001,"tc":1,"s":false,"ttl":1},{"label":16,"tc":0,"s":true,"ttl":1}],` +
				`"interface":[{"role":"incoming","index":7,"name":"ge-0/0/\u001b[7m","address":"10.9.9.9","mtu":9000}]`
			if !strings.Contains(first, want) {
				t.Errorf("%s does not have %s", first, want)
			}
			for line := range strings.Lines(r.stdout) {
				validate(t, line)
			}
		})
	}
}

// TestH03_TraceForgeries: a hundred thousand ICMP errors that guess change nothing.
func TestH03_TraceForgeries(t *testing.T) {
	t.Parallel()
	a, b := routedPair(t)
	const forgeries, hops = 100_000, 4
	type asked struct {
		target netip.Addr
		ttl    uint8
	}
	random := rand.New(rand.NewPCG(3, 7))
	flooded := make(map[asked]bool)
	hostileRouter(t, b, func(datagram []byte) (replies [][]byte) {
		ip, syn, ok := synOf(datagram)
		if !ok {
			return nil
		}
		// They know addresses, ports, Identification and flow label, and not the sequence number. There are so many that the truth behind
		// them may find no room: a SYN that is repeated is answered with nothing else.
		flood := 0
		if key := (asked{ip.Dst, ip.HopLimit}); !flooded[key] {
			flooded[key], flood = true, forgeries/hops
		}
		least := headerLength(ip.Is6()) + 8
		for range flood {
			m := icmp.Message{Type: icmp.DestinationUnreachable, Code: icmp.Code(random.IntN(16)), Body: slices.Clone(datagram[:least])}
			if ip.Is6() {
				m.Type, m.Code = icmp.DestinationUnreachable6, m.Code%9
			}
			binary.BigEndian.PutUint32(m.Body[least-4:], random.Uint32())
			replies = append(replies, message(63, hopAddress(ip, 66), ip.Src, m))
		}
		if ip.HopLimit < hops {
			return append(replies, exceeded(ip.HopLimit, ip, hopLimited(datagram[:least], 1)))
		}
		return append(replies, accept(ip, syn, syn.Options, 0))
	})
	for i, family := range families {
		t.Run(family, func(t *testing.T) {
			r := tcpprobe(t, a, "trace", hostileTargets[i], "--source-port=40000", "-W=5s", "-m", "4", "--retries=4")
			if r.code != exit.Established || strings.Contains(r.stdout, "unreachable") || strings.Count(r.stdout, " exceeded") != hops-1 {
				t.Errorf("exit code %d\n%s", r.code, r.stdout)
			}
		})
	}
}
