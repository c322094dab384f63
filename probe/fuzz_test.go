package probe_test

import (
	"context"
	"testing"
	"time"

	"tcpprobe/probe"
	"tcpprobe/probe/probetest"
	"tcpprobe/rawip"
	"tcpprobe/tcphdr"
)

// ipv6Flow is the bit of FuzzArrivals that makes the flow one of IPv6.
const ipv6Flow = 0x80

// FuzzArrivals hands the engine whatever octets, cut into datagrams: it ends in time, sends no more than it may, and believes
// nothing that does not acknowledge our SYN.
func FuzzArrivals(f *testing.F) {
	for how, newFlow := range map[uint8]func(probe.Config) *probe.Flow{0: probetest.NewFlow, ipv6Flow: probetest.NewFlow6} {
		for _, p := range traffic(newFlow(probe.Config{})) {
			f.Add(p.Octets, uint8(len(p.Octets)), how)
		}
	}
	f.Add(probetest.Datagram(probetest.Remote, probetest.Local, tcphdr.Header{Seq: 9, Flags: tcphdr.SYN, Options: timestamps(1, 2)}, 5), uint8(57), uint8(7))
	f.Fuzz(func(t *testing.T, octets []byte, size, how uint8) {
		w := probetest.NewWire()
		w.Stamped = how&1 != 0
		sent := 0
		w.OnSend = func(p rawip.Path, b []byte) error {
			sent++
			w.Seen(p, b, w.Time)
			return nil
		}
		proof := false
		for after := time.Duration(0); len(octets) > 0 && after < 20*time.Second; after += 100 * ms {
			n := min(max(int(size), 1), len(octets))
			w.Deliver(after, rawip.Packet{Octets: octets[:n], Interface: probetest.Interface, NoChecksum: how&2 != 0})
			proof = proof || proves(octets[:n])
			octets = octets[n:]
		}
		c := probetest.LinuxConfig()
		c.Close, c.SYN, c.ICMP = probe.Close(how>>2&3), probe.SYN(how>>4&3), probe.ICMPPolicy(how>>6&1)
		flow := probetest.NewFlow(c)
		if how&ipv6Flow != 0 {
			flow = probetest.NewFlow6(c)
		}
		if err := probe.NewEngine(w).Run(context.Background(), probetest.StartAll(flow)); err != nil {
			t.Fatal(err)
		}
		if outcome := flow.Result.Outcome; outcome == probe.OutcomePending || outcome != probe.OutcomeTimeout && !proof {
			t.Errorf("%v", outcome)
		}
		if sent < 1 || sent > 64 || w.Time.Sub(time.Unix(5_000, 0)) > c.Timeout+max(c.Linger, 3*c.Timeout) {
			t.Errorf("%d segments in %v", sent, w.Time.Sub(time.Unix(5_000, 0)))
		}
	})
}

// proves reports whether a datagram may be the reason for a verdict: an acknowledgment of our SYN, a RST that takes back a
// SYN that crossed ours, or an ICMP error.
func proves(datagram []byte) bool {
	var ip rawip.Datagram
	if err := ip.Parse(datagram); err != nil || ip.IsICMP() {
		return err == nil
	}
	h, _, err := tcphdr.Parse(ip.Payload)
	return err == nil && (h.Flags.Has(tcphdr.RST) || h.Flags.Has(tcphdr.ACK) && h.Ack == 0)
}
