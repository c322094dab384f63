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
func traffic() []rawip.Packet {
	syn := tcphdr.Header{Seq: probetest.PeerISS, Ack: 0, Flags: tcphdr.SYN | tcphdr.ACK, Options: timestamps(7, 1)}
	one := probetest.PeerISS.Add(1)
	quoted := probetest.Datagram(probetest.Local, probetest.Remote, tcphdr.Header{Seq: 0x12345678, Flags: tcphdr.SYN}, 0)
	m := icmp.Message{Type: icmp.DestinationUnreachable, Code: icmp.HostUnreachable, Body: quoted}
	about, err := rawip.Header{TTL: 60, Protocol: rawip.ProtocolICMP, Src: probetest.Router, Dst: probetest.Local.Addr()}.Append(nil, m.Append(nil))
	if err != nil {
		panic(err)
	}
	stranger := netip.AddrPortFrom(probetest.Remote.Addr(), 9)
	var packets []rawip.Packet
	for _, octets := range [][]byte{
		probetest.Datagram(probetest.Remote, probetest.Local, syn, 0),
		probetest.Datagram(probetest.Remote, probetest.Local, tcphdr.Header{Seq: one, Ack: 0, Flags: tcphdr.ACK, Options: timestamps(8, 1)}, 0),
		probetest.Datagram(probetest.Remote, probetest.Local, tcphdr.Header{Seq: one, Ack: 77, Flags: tcphdr.ACK}, 0),
		probetest.Datagram(probetest.Remote, probetest.Local, tcphdr.Header{Seq: one.Add(-9), Flags: tcphdr.RST}, 0),
		probetest.Datagram(probetest.Remote, probetest.Local, tcphdr.Header{Seq: one.Add(9), Flags: tcphdr.RST}, 0),
		probetest.Datagram(stranger, probetest.Local, syn, 0),
		about,
	} {
		packets = append(packets, rawip.Packet{Octets: octets, Interface: probetest.Interface})
	}
	return append(packets, rawip.Packet{Sent: true, Octets: probetest.Datagram(probetest.Local, probetest.Remote, tcphdr.Header{Flags: tcphdr.SYN}, 0), Interface: probetest.Interface})
}

// receiveLoop keeps a connection open while n datagrams arrive.
func receiveLoop(tb testing.TB, packets []rawip.Packet, n int) {
	c := probetest.LinuxConfig()
	c.Close, c.Linger = probe.CloseNone, time.Second
	handshakeAmid(tb, c, packets, n)
}

// handshakeAmid makes a handshake, in the course of which n datagrams arrive.
func handshakeAmid(tb testing.TB, c probe.Config, packets []rawip.Packet, n int) {
	w := &loopWire{now: time.Unix(5_000, 0), packets: packets}
	f := probetest.NewFlow(c)
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
func TestLoopDoesNotAllocate(t *testing.T) {
	packets := traffic()
	few := testing.AllocsPerRun(10, func() { receiveLoop(t, packets, 100) })
	many := testing.AllocsPerRun(10, func() { receiveLoop(t, packets, 10_000) })
	if many > few {
		t.Errorf("%v allocations for 100 datagrams, %v for 10 000", few, many)
	}
	if few > 50 {
		t.Errorf("%v allocations for one handshake", few)
	}
}

// BenchmarkReceive is one datagram that arrives at a connection.
func BenchmarkReceive(b *testing.B) {
	packets := traffic()
	b.ReportAllocs()
	b.ResetTimer()
	receiveLoop(b, packets, max(b.N, len(packets)))
}

// BenchmarkHandshake is a whole one, with an engine of its own: SYN, SYN-ACK, ACK, RST.
func BenchmarkHandshake(b *testing.B) {
	synACK := []rawip.Packet{{Octets: probetest.Datagram(probetest.Remote, probetest.Local, tcphdr.Header{Seq: probetest.PeerISS, Ack: 0, Flags: tcphdr.SYN | tcphdr.ACK}, 0), Interface: probetest.Interface}}
	c := probetest.LinuxConfig()
	c.Close = probe.CloseRST
	b.ReportAllocs()
	for b.Loop() {
		handshakeAmid(b, c, synACK, 1)
	}
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
