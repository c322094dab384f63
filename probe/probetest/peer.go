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
	if err != nil {
		panic(err)
	}
	return Carry(src.Addr(), dst.Addr(), rawip.ProtocolTCP, b)
}

// Message returns an ICMP error about a datagram of ours, in its datagram. What it quotes of it is given.
func Message(src, dst netip.Addr, m icmp.Message) []byte {
	if m.V6 {
		return Carry(src, dst, rawip.ProtocolICMPv6, m.Append6(nil, src, dst))
	}
	return Carry(src, dst, rawip.ProtocolICMP, m.Append(nil))
}

// Carry returns a payload in a datagram of the addresses' family.
func Carry(src, dst netip.Addr, protocol uint8, payload []byte) (b []byte) {
	var err error
	if src.Is6() {
		b, err = rawip.Header6{HopLimit: 57, Protocol: protocol, Src: src, Dst: dst}.Append(nil, payload)
	} else {
		b, err = rawip.Header{TTL: 57, DontFragment: true, Protocol: protocol, Src: src, Dst: dst}.Append(nil, payload)
	}
	if err != nil {
		panic(err)
	}
	return b
}

// Parse takes a datagram of ours apart.
func Parse(t testing.TB, b []byte) (ip rawip.Datagram, h tcphdr.Header) {
	t.Helper()
	if err := ip.Parse(b); err != nil {
		t.Fatal(err)
	}
	h, data, err := tcphdr.Parse(ip.Payload)
	if err != nil || len(data) > 0 || !ip.Is6() && rawip.VerifyHeader(b) != checksum.Valid || tcphdr.Verify(ip.Payload, ip.Src, ip.Dst) != checksum.Valid {
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
func Routed(t *testing.T, w *Wire, routers int, server func(tcphdr.Header) (tcphdr.Header, bool)) {
	w.Stamped = true
	w.OnSend = func(p rawip.Path, b []byte) error {
		ip, h := Parse(t, b)
		hops := ip.HopLimit
		w.Seen(p, b, w.Time.Add(time.Duration(hops)*time.Microsecond))
		var octets []byte
		if int(hops) <= routers {
			octets = expired(ip, b)
		} else if reply, ok := server(h); ok {
			octets = Datagram(netip.AddrPortFrom(ip.Dst, h.DstPort), netip.AddrPortFrom(ip.Src, h.SrcPort), reply, 0)
		} else {
			return nil
		}
		w.Deliver(time.Duration(hops)*10*time.Millisecond, rawip.Packet{Octets: octets, Interface: p.Interface})
		return nil
	}
}

// expired returns what the router says at which a datagram's hop limit is used up.
func expired(ip rawip.Datagram, datagram []byte) []byte {
	if ip.Is6() {
		quote := append([]byte(nil), datagram[:40+8]...)
		quote[7] = 1
		router := netip.AddrFrom16([16]byte{0x20, 0x01, 0x0d, 0xb8, 0, 0x71, 15: ip.HopLimit})
		return Message(router, ip.Src, icmp.Message{V6: true, Type: icmp.TimeExceeded6, Body: quote})
	}
	quote := append([]byte(nil), datagram[:20+8]...)
	quote[8] = 1
	return Message(netip.AddrFrom4([4]byte{203, 0, 113, ip.HopLimit}), ip.Src, icmp.Message{Type: icmp.TimeExceeded, Body: quote})
}
