package probetest

import (
	"net/netip"
	"testing"
	"time"

	"tcpprobe/icmp"
	"tcpprobe/internal/checksum"
	"tcpprobe/rawip"
	"tcpprobe/tcphdr"
)

// Datagram returns a segment in its datagram, right in every respect.
func Datagram(src, dst netip.AddrPort, h tcphdr.Header, data int) []byte {
	h.SrcPort, h.DstPort = src.Port(), dst.Port()
	b, err := h.Append(nil, src.Addr(), dst.Addr(), make([]byte, data))
	if err == nil {
		b, err = rawip.Header{TTL: 57, DontFragment: true, Protocol: rawip.ProtocolTCP, Src: src.Addr(), Dst: dst.Addr()}.Append(nil, b)
	}
	if err != nil {
		panic(err)
	}
	return b
}

// Parse takes a datagram of ours apart.
func Parse(t testing.TB, b []byte) (rawip.Header, tcphdr.Header) {
	t.Helper()
	ip, payload, err := rawip.Parse(b)
	if err != nil {
		t.Fatal(err)
	}
	h, data, err := tcphdr.Parse(payload)
	if err != nil || len(data) > 0 || rawip.VerifyHeader(b) != checksum.Valid || tcphdr.Verify(payload, ip.Src, ip.Dst) != checksum.Valid {
		t.Fatalf("sent % x: %v", b, err)
	}
	return ip, h
}

// PeerISS is the initial sequence number of the peer of the engine's tests.
const PeerISS = tcphdr.SeqNum(0x50505050)

// Polite is what a server answers that accepts, and that closes when we do.
func Polite(h tcphdr.Header) (tcphdr.Header, bool) {
	reply := tcphdr.Header{Window: 65160, Seq: PeerISS.Add(1), Ack: h.Seq.Add(1), Flags: tcphdr.ACK}
	switch {
	case h.Flags.Has(tcphdr.SYN):
		val, _, _ := h.Options.Timestamps()
		reply.Seq, reply.Flags, reply.Options = PeerISS, tcphdr.SYN|tcphdr.ACK, tcphdr.AppendTimestamps(nil, 7, val)
	case h.Flags.Has(tcphdr.FIN):
		reply.Flags |= tcphdr.FIN
	default:
		return reply, false
	}
	return reply, true
}

// ServeWith has the wire answer everything after a while.
func ServeWith(t testing.TB, w *Wire, after time.Duration, serve func(tcphdr.Header) (tcphdr.Header, bool)) {
	w.OnSend = func(p rawip.Path, b []byte) error {
		ip, h := Parse(t, b)
		if reply, ok := serve(h); ok {
			src, dst := netip.AddrPortFrom(ip.Dst, h.DstPort), netip.AddrPortFrom(ip.Src, h.SrcPort)
			w.Deliver(after, rawip.Packet{Octets: Datagram(src, dst, reply, 0), Interface: p.Interface})
		}
		return nil
	}
}

// Routed is a path of routers, each of which says that the TTL has run out and quotes no more than it must, before the
// server.
func Routed(t *testing.T, w *Wire, hops int, server func(tcphdr.Header) (tcphdr.Header, bool)) {
	w.Stamped = true
	w.OnSend = func(p rawip.Path, b []byte) error {
		ip, h := Parse(t, b)
		w.Seen(p, b, w.Time.Add(time.Duration(ip.TTL)*time.Microsecond))
		back := rawip.Header{TTL: 60, Protocol: rawip.ProtocolTCP, Src: ip.Dst, Dst: ip.Src}
		var payload []byte
		if int(ip.TTL) <= hops {
			quote := append([]byte(nil), b[:28]...)
			quote[8] = 1
			back.Protocol, back.Src = rawip.ProtocolICMP, netip.AddrFrom4([4]byte{203, 0, 113, ip.TTL})
			payload = icmp.Message{Type: icmp.TimeExceeded, Body: quote}.Append(nil)
		} else if reply, ok := server(h); ok {
			reply.SrcPort, reply.DstPort = h.DstPort, h.SrcPort
			payload, _ = reply.Append(nil, ip.Dst, ip.Src, nil)
		} else {
			return nil
		}
		octets, err := back.Append(nil, payload)
		w.Deliver(time.Duration(ip.TTL)*10*time.Millisecond, rawip.Packet{Octets: octets, Interface: p.Interface})
		return err
	}
}
