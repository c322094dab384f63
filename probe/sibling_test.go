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

// siblings returns handshakes that differ in nothing but TTL, sequence number and, where there is one, Identification.
func siblings(n int, newFlow func(probe.Config) *probe.Flow) []*probe.Flow {
	var flows []*probe.Flow
	for i := range n {
		c := probetest.LinuxConfig()
		c.ISS = c.ISS.Add(-i << 20)
		c.Close, c.Retries = probe.CloseHalf, 0
		f := newFlow(c)
		f.TTL, f.Relabel = uint8(1+i), false
		f.ID += uint16(i) << 8
		flows = append(flows, f)
	}
	return flows
}

// TestEngineSiblings: of handshakes with the same addresses and ports, each gets what is its own, from eight octets of a
// quote or from an acknowledgment number, and its own stamps.
func TestEngineSiblings(t *testing.T) { inBothFamilies(t, engineSiblings) }

func engineSiblings(t *testing.T, newFlow func(probe.Config) *probe.Flow) {
	w := probetest.NewWire()
	probetest.Routed(t, w, 3, probetest.Polite)
	flows := siblings(4, newFlow)
	probetest.Run(t, w, flows...)
	for i, f := range flows {
		r, ttl := f.Result, i+1
		want := probe.OutcomeUnreachable
		if ttl == 4 {
			want = probe.OutcomeEstablished
		}
		// The kernel saw the SYN leave ttl µs after it was handed over.
		rtt := time.Duration(ttl)*10*ms - time.Duration(ttl)*time.Microsecond
		if r.Outcome != want || r.TCP.RTT != rtt || r.TCP.Clock.String() != "kernel" {
			t.Errorf("TTL %d: %v after %v by the %v clock, want %v after %v", ttl, r.Outcome, r.TCP.RTT, r.TCP.Clock, want, rtt)
		}
		if want == probe.OutcomeUnreachable && (len(r.ICMP) != 1 || r.ICMP[0].From.As16()[15] != uint8(ttl) || r.ICMP[0].SentTTL != uint8(ttl)) {
			t.Errorf("TTL %d: ICMP %+v", ttl, r.ICMP)
		}
		if len(r.TCP.Strays) != 0 {
			t.Errorf("TTL %d: %+v were nobody's", ttl, r.TCP.Strays)
		}
	}
}

// TestEngineSiblingsAndStrangers: an acknowledgment of none of them is answered once, and no quote of another sequence
// number ends one.
func TestEngineSiblingsAndStrangers(t *testing.T) { inBothFamilies(t, engineSiblingsAndStrangers) }

func engineSiblingsAndStrangers(t *testing.T, newFlow func(probe.Config) *probe.Flow) {
	w := probetest.NewWire()
	resets := 0
	w.OnSend = func(p rawip.Path, b []byte) error {
		ip, h := probetest.Parse(t, b)
		if h.Flags.Has(tcphdr.RST) {
			resets++
			return nil
		}
		if ip.HopLimit == 2 {
			challenge := tcphdr.Header{Seq: probetest.PeerISS, Ack: h.Seq.Add(5000), Flags: tcphdr.ACK}
			remote, local := netip.AddrPortFrom(ip.Dst, h.DstPort), netip.AddrPortFrom(ip.Src, h.SrcPort)
			w.Deliver(ms, rawip.Packet{Octets: probetest.Datagram(remote, local, challenge, 0), Interface: p.Interface})
			end := len(b) - len(ip.Payload) + 8
			for off := range 3 {
				quote := append([]byte(nil), b[:end]...)
				quote[end-1-off]++
				m := icmp.Message{V6: ip.Is6(), Type: icmp.TimeExceeded, Body: quote}
				router := probetest.Router
				if m.V6 {
					m.Type, router = icmp.TimeExceeded6, probetest.Router6
				}
				w.Deliver(ms, rawip.Packet{Octets: probetest.Message(router, ip.Src, m), Interface: p.Interface})
			}
		}
		return nil
	}
	flows := siblings(3, newFlow)
	probetest.Run(t, w, flows...)
	for _, f := range flows {
		if f.Result.Outcome != probe.OutcomeTimeout || len(f.Result.ICMP) != 0 {
			t.Errorf("TTL %d: %v, %d ICMP errors", f.TTL, f.Result.Outcome, len(f.Result.ICMP))
		}
	}
	if resets != 1 {
		t.Errorf("%d resets", resets)
	}
}

// TestEngineAbandon: the answer to one makes the others superfluous.
func TestEngineAbandon(t *testing.T) { inBothFamilies(t, engineAbandon) }

func engineAbandon(t *testing.T, newFlow func(probe.Config) *probe.Flow) {
	w := probetest.NewWire()
	probetest.Routed(t, w, 1, probetest.Polite)
	flows := siblings(5, newFlow)
	e := probe.NewEngine(w)
	for i, f := range flows {
		f.Done = func() {
			if f.Result.Outcome == probe.OutcomeEstablished {
				for _, beyond := range flows[i+1:] {
					e.Abandon(beyond)
				}
			}
		}
	}
	start := w.Time
	if err := e.Run(context.Background(), probetest.StartAll(flows...)); err != nil {
		t.Fatal(err)
	}
	want := []probe.Outcome{probe.OutcomeUnreachable, probe.OutcomeEstablished, probe.OutcomeInterrupted, probe.OutcomeInterrupted, probe.OutcomeInterrupted}
	for i, f := range flows {
		if f.Result.Outcome != want[i] {
			t.Errorf("TTL %d: %v, want %v", f.TTL, f.Result.Outcome, want[i])
		}
	}
	if took := w.Time.Sub(start); took != 20*ms {
		t.Errorf("it took %v", took)
	}
}
