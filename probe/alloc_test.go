package probe_test

import (
	"context"
	"net/netip"
	"testing"
	"time"

	"tcpprobe/icmp"
	"tcpprobe/probe"
	"tcpprobe/probe/probetest"
	"tcpprobe/rawip"
	"tcpprobe/tcphdr"
)

// loopWire hands the engine the same datagrams over and over, and then the end of its patience.
type loopWire struct {
	now     time.Time
	packets []rawip.Packet
	n       int // datagrams to hand over before time goes by
	next    int
}

func (w *loopWire) Now() time.Time                { return w.now }
func (w *loopWire) Send(rawip.Path, []byte) error { return nil }

func (w *loopWire) Receive() (rawip.Packet, bool, error) {
	if w.next == w.n {
		return rawip.Packet{}, false, nil
	}
	w.now = w.now.Add(time.Microsecond)
	p := w.packets[w.next%len(w.packets)]
	p.At.User = w.now
	w.next++
	return p, true, nil
}

func (w *loopWire) Wait(until time.Time) error {
	w.now = until
	return nil
}

// traffic is what arrives at a connection that is kept open: everything that makes it look at a segment.
func traffic(f *probe.Flow) []rawip.Packet {
	syn := tcphdr.Header{Seq: probetest.PeerISS, Ack: 0, Flags: tcphdr.SYN | tcphdr.ACK, Options: timestamps(7, 1)}
	one := probetest.PeerISS.Add(1)
	quoted := probetest.Datagram(f.Local, f.Remote, tcphdr.Header{Seq: 0x12345678, Flags: tcphdr.SYN}, 0)
	m, router := icmp.Message{Type: icmp.DestinationUnreachable, Code: icmp.HostUnreachable, Body: quoted}, probetest.Router
	if f.Path.V6 {
		m.V6, m.Type, m.Code, router = true, icmp.DestinationUnreachable6, icmp.AddressUnreachable6, probetest.Router6
	}
	stranger := netip.AddrPortFrom(f.Remote.Addr(), 9)
	var packets []rawip.Packet
	for _, octets := range [][]byte{
		probetest.Datagram(f.Remote, f.Local, syn, 0),
		probetest.Datagram(f.Remote, f.Local, tcphdr.Header{Seq: one, Ack: 0, Flags: tcphdr.ACK, Options: timestamps(8, 1)}, 0),
		probetest.Datagram(f.Remote, f.Local, tcphdr.Header{Seq: one, Ack: 77, Flags: tcphdr.ACK}, 0),
		probetest.Datagram(f.Remote, f.Local, tcphdr.Header{Seq: one.Add(-9), Flags: tcphdr.RST}, 0),
		probetest.Datagram(f.Remote, f.Local, tcphdr.Header{Seq: one.Add(9), Flags: tcphdr.RST}, 0),
		probetest.Datagram(stranger, f.Local, syn, 0),
		probetest.Message(router, f.Local.Addr(), m),
	} {
		packets = append(packets, rawip.Packet{Octets: octets, Interface: probetest.Interface})
	}
	return append(packets, rawip.Packet{Sent: true, Octets: probetest.Datagram(f.Local, f.Remote, tcphdr.Header{Flags: tcphdr.SYN}, 0), Interface: probetest.Interface})
}

// receiveLoop keeps a connection open while n datagrams arrive.
func receiveLoop(tb testing.TB, newFlow func(probe.Config) *probe.Flow, packets []rawip.Packet, n int) {
	c := probetest.LinuxConfig()
	c.Close, c.Linger = probe.CloseNone, time.Second
	handshakeAmid(tb, newFlow(c), packets, n)
}

// handshakeAmid makes a handshake, in the course of which n datagrams arrive.
func handshakeAmid(tb testing.TB, f *probe.Flow, packets []rawip.Packet, n int) {
	w := &loopWire{now: time.Unix(5_000, 0), packets: packets}
	f.Record = false
	start := probetest.StartAll(f)
	err := probe.NewEngine(w).Run(context.Background(), func(now time.Time) (*probe.Flow, time.Time, bool) {
		w.n = n
		return start(now)
	})
	if err != nil || f.Result.Outcome != probe.OutcomeEstablished {
		tb.Fatalf("%v: %v", f.Result.Outcome, err)
	}
}

// TestLoopDoesNotAllocate: a handshake costs what it costs, and nothing more however much arrives.
func TestLoopDoesNotAllocate(t *testing.T) { inBothFamilies(t, loopDoesNotAllocate) }

func loopDoesNotAllocate(t *testing.T, newFlow func(probe.Config) *probe.Flow) {
	packets := traffic(newFlow(probe.Config{}))
	few := testing.AllocsPerRun(10, func() { receiveLoop(t, newFlow, packets, 100) })
	many := testing.AllocsPerRun(10, func() { receiveLoop(t, newFlow, packets, 10_000) })
	if many > few {
		t.Errorf("%v allocations for 100 datagrams, %v for 10 000", few, many)
	}
	if few > 50 {
		t.Errorf("%v allocations for one handshake", few)
	}
}

// benchmarkBoth runs a benchmark with flows of either family.
func benchmarkBoth(b *testing.B, benchmark func(b *testing.B, newFlow func(probe.Config) *probe.Flow)) {
	b.Run("IPv4", func(b *testing.B) { benchmark(b, probetest.NewFlow) })
	b.Run("IPv6", func(b *testing.B) { benchmark(b, probetest.NewFlow6) })
}

// BenchmarkReceive is one datagram that arrives at a connection.
func BenchmarkReceive(b *testing.B) {
	benchmarkBoth(b, func(b *testing.B, newFlow func(probe.Config) *probe.Flow) {
		packets := traffic(newFlow(probe.Config{}))
		b.ReportAllocs()
		b.ResetTimer()
		receiveLoop(b, newFlow, packets, max(b.N, len(packets)))
	})
}

// BenchmarkHandshake is a whole one, with an engine of its own: SYN, SYN-ACK, ACK, RST.
func BenchmarkHandshake(b *testing.B) {
	benchmarkBoth(b, func(b *testing.B, newFlow func(probe.Config) *probe.Flow) {
		c := probetest.LinuxConfig()
		c.Close = probe.CloseRST
		f := newFlow(c)
		synACK := []rawip.Packet{{Octets: probetest.Datagram(f.Remote, f.Local, tcphdr.Header{Seq: probetest.PeerISS, Ack: 0, Flags: tcphdr.SYN | tcphdr.ACK}, 0), Interface: probetest.Interface}}
		b.ReportAllocs()
		for b.Loop() {
			handshakeAmid(b, newFlow(c), synACK, 1)
		}
	})
}

// BenchmarkHeaders is a SYN written, with its IP header, and read again.
func BenchmarkHeaders(b *testing.B) {
	var options [40]byte
	o := tcphdr.AppendTimestamps(tcphdr.AppendSACKPermitted(tcphdr.AppendMSS(options[:0], 1460)), 1, 0)
	o = tcphdr.AppendWindowScale(tcphdr.AppendNoOperation(o), 7)
	h := tcphdr.Header{SrcPort: 40001, DstPort: 80, Seq: 1, Flags: tcphdr.SYN, Window: 64240, Options: o}
	ip := rawip.Header{TTL: 64, DontFragment: true, Protocol: rawip.ProtocolTCP, Src: probetest.Local.Addr(), Dst: probetest.Remote.Addr()}
	var segment, whole []byte
	b.ReportAllocs()
	for b.Loop() {
		segment, _ = h.Append(segment[:0], ip.Src, ip.Dst, nil)
		whole, _ = ip.Append(whole[:0], segment)
		_, payload, err := rawip.Parse(whole)
		if err == nil {
			_, _, err = tcphdr.Parse(payload)
		}
		if err != nil {
			b.Fatal(err)
		}
	}
}
