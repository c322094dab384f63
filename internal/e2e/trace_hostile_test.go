//go:build linux

package e2e_test

import (
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
	"tcpprobe/internal/netlab/labtest"
	"tcpprobe/rawip"
	"tcpprobe/tcphdr"
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

// exceeded returns an ICMP error that says the TTL of a datagram ran out, from the hop-th router.
func exceeded(hop uint8, to netip.Addr, quote []byte) []byte {
	m := icmp.Message{Type: icmp.TimeExceeded, Body: quote}
	octets, _ := rawip.Header{
		TTL: 64 - hop, Protocol: rawip.ProtocolICMP, Src: netip.AddrFrom4([4]byte{10, 9, 0, hop}), Dst: to,
	}.Append(nil, m.Append(nil))
	return octets
}

// longHeader returns a quoted datagram as if it had forty octets of options in its IPv4 header: an IHL of 15.
func longHeader(datagram []byte) []byte {
	long := slices.Concat(datagram[:20], slices.Repeat([]byte{1}, 40), datagram[20:28])
	long[0] = 0x4f
	return long
}

// TestTraceHostileRouter: quotes as short as allowed, longer, padded and with a header of any length count; those that
// are not about a SYN of ours, and repetitions, change nothing (B-50, B-51, B-57, H-09).
func TestTraceHostileRouter(t *testing.T) {
	t.Parallel()
	a, b := labtest.Pair(t)
	must(t, a.Route(netlab.Route{NextHop: netip.MustParseAddr("10.0.0.2")}))
	quotes := map[uint8]func(datagram []byte) [][]byte{
		1: func(d []byte) [][]byte { return [][]byte{d[:28]} },
		2: func(d []byte) [][]byte { return [][]byte{d[:40]} },
		3: func(d []byte) [][]byte { return [][]byte{d} },
		4: func(d []byte) [][]byte { return [][]byte{append(slices.Clone(d), make([]byte, 128-len(d))...)} },
		5: func(d []byte) [][]byte { // sequence numbers that are not ours
			low, high := slices.Clone(d[:28]), slices.Clone(d[:28])
			low[27]--
			high[27]++
			return [][]byte{low, high}
		},
		6: func(d []byte) [][]byte { // a port that is not ours
			d = slices.Clone(d[:28])
			d[21]++
			return [][]byte{d}
		},
		7: func(d []byte) [][]byte { return [][]byte{longHeader(d)} },
		8: func([]byte) [][]byte { return [][]byte{nil} },
		9: func(d []byte) [][]byte { return [][]byte{d[:28], d[:28], d[:40]} },
		10: func(d []byte) [][]byte { // the header alone, and less
			return [][]byte{d[:20], d[:12], d[:27]}
		},
	}
	const target = 11
	hostileRouter(t, b, func(datagram []byte) (replies [][]byte) {
		ip, segment, err := rawip.Parse(datagram)
		if err != nil || ip.Protocol != rawip.ProtocolTCP {
			return nil
		}
		syn, _, err := tcphdr.Parse(segment)
		switch {
		case err != nil || syn.Flags != tcphdr.SYN:
		case ip.TTL < target:
			arrived := slices.Clone(datagram)
			arrived[8] = 1 // what is left of the TTL by then
			for _, quote := range quotes[ip.TTL](arrived) {
				replies = append(replies, exceeded(ip.TTL, ip.Src, quote))
			}
		default:
			answer := tcphdr.Header{
				SrcPort: syn.DstPort, DstPort: syn.SrcPort, Seq: 1000, Ack: syn.Seq.Add(1), Flags: tcphdr.SYN | tcphdr.ACK, Window: 1024,
			}
			octets, _ := answer.Append(nil, ip.Dst, ip.Src, nil)
			whole, _ := rawip.Header{TTL: 53, Protocol: rawip.ProtocolTCP, Src: ip.Dst, Dst: ip.Src}.Append(nil, octets)
			replies = append(replies, whole, whole)
		}
		return replies
	})
	const exceededText = " T ms  ICMP 11/0 time to live exceeded\n"
	checkText(t, tcpprobe(t, a, "trace", "10.8.0.80:80", "--source-port=40000", "-W=300ms"), exit.Established, strings.ReplaceAll(`
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
`, "EXCEEDED\n", exceededText))
}

// accept answers a SYN as a server does.
func accept(ip rawip.Header, syn tcphdr.Header) []byte {
	octets, _ := tcphdr.Header{
		SrcPort: syn.DstPort, DstPort: syn.SrcPort, Seq: 1000, Ack: syn.Seq.Add(1), Flags: tcphdr.SYN | tcphdr.ACK, Window: 1024,
		Options: syn.Options,
	}.Append(nil, ip.Dst, ip.Src, nil)
	whole, _ := rawip.Header{TTL: 53, Protocol: rawip.ProtocolTCP, Src: ip.Dst, Dst: ip.Src}.Append(nil, octets)
	return whole
}

// TestTraceExtensions: what a router tells of itself is shown, and a broken extension costs nothing (B-57 to B-59).
func TestTraceExtensions(t *testing.T) {
	t.Parallel()
	a, b := labtest.Pair(t)
	must(t, a.Route(netlab.Route{NextHop: netip.MustParseAddr("10.0.0.2")}))
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
		ip, segment, err := rawip.Parse(datagram)
		if err != nil || ip.Protocol != rawip.ProtocolTCP {
			return nil
		}
		syn, _, err := tcphdr.Parse(segment)
		if err != nil || syn.Flags != tcphdr.SYN {
			return nil
		}
		if ip.TTL > 3 {
			return [][]byte{accept(ip, syn)}
		}
		quote := slices.Clone(datagram)
		quote[8] = 1
		m, err := icmp.Message{Type: icmp.TimeExceeded, Body: quote}.Extended(labels, port)
		if err != nil {
			return nil
		}
		switch ip.TTL {
		case 2: // as routers of old send it
			m.Rest[1] = 0
		case 3: // an object that is longer than the extension
			m.Body[128+5] = 0xff
			m.Body[128+2], m.Body[128+3] = 0, 0
		}
		octets, _ := rawip.Header{TTL: 63, Protocol: rawip.ProtocolICMP, Src: netip.AddrFrom4([4]byte{10, 9, 0, ip.TTL}), Dst: ip.Src}.Append(nil, m.Append(nil))
		return [][]byte{octets}
	})
	r := tcpprobe(t, a, "trace", "10.8.0.80:80", "--source-port=40000", "-W=300ms")
	extended := ` T ms  ICMP 11/0 time to live exceeded  mpls 24001, 16
                    incoming interface, ge-0/0/\x1b[7m, 10.9.9.9, index 7, mtu
                    9000
`
	checkText(t, r, exit.Established, strings.ReplaceAll(`
trace to 10.8.0.80:80 from 10.0.0.1:40000 on eth0, 30 hops at most
 1  10.9.0.1EXTENDED
 2  10.9.0.2EXTENDED
 3  10.9.0.3 T ms  ICMP 11/0 time to live exceeded
 4  10.8.0.80 T ms  SYN,ACK [010010]  mss 1460 ws 7 sack ts  ttl 53
ESTABLISHED  10.8.0.80:80  4 hops  rtt T ms
`, "EXTENDED\n", extended))
	r = tcpprobe(t, a, "trace", "10.8.0.80:80", "-W=300ms", "--json")
	first, _, _ := strings.Cut(r.stdout, "\n")
	const want = `"mpls":[{"label":24001,"tc":1,"s":false,"ttl":1},{"label":16,"tc":0,"s":true,"ttl":1}],` +
		`"interface":[{"role":"incoming","index":7,"name":"ge-0/0/\u001b[7m","address":"10.9.9.9","mtu":9000}]`
	if !strings.Contains(first, want) {
		t.Errorf("%s does not have %s", first, want)
	}
	for line := range strings.Lines(r.stdout) {
		validate(t, line)
	}
}

// TestH03_TraceForgeries: a hundred thousand ICMP errors that guess change nothing.
func TestH03_TraceForgeries(t *testing.T) {
	t.Parallel()
	a, b := labtest.Pair(t)
	must(t, a.Route(netlab.Route{NextHop: netip.MustParseAddr("10.0.0.2")}))
	const forgeries, hops = 100_000, 4
	random := rand.New(rand.NewPCG(3, 7))
	flooded := make(map[uint8]bool)
	hostileRouter(t, b, func(datagram []byte) (replies [][]byte) {
		ip, segment, err := rawip.Parse(datagram)
		if err != nil || ip.Protocol != rawip.ProtocolTCP {
			return nil
		}
		syn, _, err := tcphdr.Parse(segment)
		if err != nil || syn.Flags != tcphdr.SYN {
			return nil
		}
		// They know addresses, ports and Identification, and not the sequence number. There are so many that the truth behind
		// them may find no room: a SYN that is repeated is answered with nothing else.
		flood := 0
		if !flooded[ip.TTL] {
			flooded[ip.TTL], flood = true, forgeries/hops
		}
		for range flood {
			quote := slices.Clone(datagram[:28])
			for i := range 4 {
				quote[24+i] = byte(random.Uint32())
			}
			m := icmp.Message{Type: icmp.DestinationUnreachable, Code: icmp.Code(random.IntN(16)), Body: quote}
			octets, _ := rawip.Header{TTL: 63, Protocol: rawip.ProtocolICMP, Src: netip.AddrFrom4([4]byte{10, 66, 0, 1}), Dst: ip.Src}.Append(nil, m.Append(nil))
			replies = append(replies, octets)
		}
		if ip.TTL < hops {
			quote := slices.Clone(datagram[:28])
			quote[8] = 1
			return append(replies, exceeded(ip.TTL, ip.Src, quote))
		}
		return append(replies, accept(ip, syn))
	})
	r := tcpprobe(t, a, "trace", "10.8.0.80:80", "--source-port=40000", "-W=5s", "-m", "4", "--retries=4")
	if r.code != exit.Established || strings.Contains(r.stdout, "10.66.0.1") || strings.Count(r.stdout, "time to live exceeded") != hops-1 {
		t.Errorf("exit code %d\n%s", r.code, r.stdout)
	}
}
