package probe_test

import (
	"context"
	"net/netip"
	"slices"
	"testing"
	"time"

	"tcpprobe/probe"
	"tcpprobe/probe/probetest"
	"tcpprobe/rawip"
	"tcpprobe/tcphdr"
)

// TestStrays: what comes and is no answer is counted by kind, and the first few of a kind are kept.
func TestStrays(t *testing.T) {
	w := probetest.NewWire()
	elsewhere := netip.MustParseAddrPort("198.51.100.99:8080")
	w.OnSend = func(p rawip.Path, b []byte) error {
		_, h := probetest.Parse(t, b)
		if h.Flags != tcphdr.SYN {
			return nil
		}
		deliver := func(src netip.AddrPort, h tcphdr.Header, change func([]byte)) {
			octets := probetest.Datagram(src, probetest.Local, h, 0)
			change(octets)
			w.Deliver(ms, rawip.Packet{Octets: octets, Interface: p.Interface})
		}
		unchanged := func([]byte) {}
		for range 1000 {
			deliver(probetest.Remote, tcphdr.Header{Seq: 9, Flags: tcphdr.RST}, unchanged)
			deliver(probetest.Remote, tcphdr.Header{Ack: h.Seq.Add(1), Flags: tcphdr.ACK}, unchanged)
			deliver(elsewhere, tcphdr.Header{Seq: 7, Ack: h.Seq.Add(1), Flags: tcphdr.SYN | tcphdr.ACK}, unchanged)
			deliver(elsewhere, tcphdr.Header{Seq: 7, Ack: h.Seq.Add(5), Flags: tcphdr.SYN | tcphdr.ACK}, unchanged) // of none of ours
			deliver(probetest.Remote, tcphdr.Header{Ack: h.Seq.Add(1), Flags: tcphdr.SYN | tcphdr.ACK}, func(b []byte) { b[36] ^= 1 })
		}
		return nil
	}
	c := probetest.LinuxConfig()
	c.Retries = 0
	f := probetest.NewFlow(c)
	probetest.Run(t, w, f)
	want := []probe.Stray{
		{Kind: probe.StrayUnrelated, Count: 1000}, {Kind: probe.StrayRST, Count: 1000}, {Kind: probe.StrayChecksum, Count: 1000},
		{Kind: probe.StrayElsewhere, Count: 1000, From: elsewhere},
	}
	if r := f.Result; r.Outcome != probe.OutcomeTimeout || !slices.Equal(r.TCP.Strays, want) {
		t.Errorf("%v, %+v, want %+v", r.Outcome, r.TCP.Strays, want)
	}
	if n := len(f.Result.Events); n != 1+8+8+1 {
		t.Errorf("%d events are kept", n)
	}
}

// TestH07_RecordedFlood: a flood of segments that fit in no way takes no memory that grows, and the verdict is in time.
func TestH07_RecordedFlood(t *testing.T) {
	w := &floodWire{probetest.NewWire(), probetest.Datagram(probetest.Remote, probetest.Local, tcphdr.Header{Ack: 77, Flags: tcphdr.ACK}, 0)}
	w.OnSend = func(rawip.Path, []byte) error { return nil }
	c := probetest.LinuxConfig()
	c.Timeout = time.Second
	f := probetest.NewFlow(c)
	if err := probe.NewEngine(w).Run(context.Background(), probetest.StartAll(f)); err != nil {
		t.Fatal(err)
	}
	if took := w.Time.Sub(time.Unix(5_000, 0)); f.Result.Outcome != probe.OutcomeTimeout || took > c.Timeout+10*ms {
		t.Errorf("%v after %v", f.Result.Outcome, took)
	}
	if n := len(f.Result.Events); n > 100 {
		t.Errorf("%d events are kept", n)
	}
	if s := f.Result.TCP.Strays; len(s) != 1 || s[0].Kind != probe.StrayStaleACK || s[0].Count < 10_000 {
		t.Errorf("%+v", s)
	}
}

// TestRepeatedForEver: a peer that repeats itself without end is not kept either, and the connection ends.
func TestRepeatedForEver(t *testing.T) {
	w := probetest.NewWire()
	w.OnSend = func(p rawip.Path, b []byte) error {
		if _, h := probetest.Parse(t, b); h.Flags == tcphdr.SYN {
			reply := tcphdr.Header{Seq: probetest.PeerISS, Ack: h.Seq.Add(1), Flags: tcphdr.SYN | tcphdr.ACK}
			for n := range 10_000 {
				w.Deliver(time.Duration(n)*100*time.Microsecond, rawip.Packet{Octets: probetest.Datagram(probetest.Remote, probetest.Local, reply, 0), Interface: p.Interface})
			}
		}
		return nil
	}
	f := probetest.NewFlow(probetest.LinuxConfig())
	probetest.Run(t, w, f)
	if r := f.Result; r.Outcome != probe.OutcomeEstablished || len(r.Events) > 100 {
		t.Errorf("%v, %d events", r.Outcome, len(r.Events))
	}
}
