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

// TestUnacknowledgedFIN: a FIN that nobody acknowledged may not have arrived, so that the RST stands at SND.UNA. One who
// challenges it all the same gets it where he expects it.
func TestUnacknowledgedFIN(t *testing.T) {
	b := newBench(t, closing(probe.CloseFIN))
	b.sent()
	b.receive("SYN,ACK", 0, 1, 0)
	b.wants("ACK 1 1; FIN,ACK 1 1")
	b.at(time.Second).wants("FIN,ACK 1 1")
	b.at(1500 * ms).wants("RST 1")
	b.is(probe.StateClosed, probe.OutcomeEstablished, true)
	b.found(probe.FindingCloseUnanswered)
	if !b.h.Lingers() {
		t.Error("a challenge will not be answered")
	}
	if v := b.at(1520*ms).receive("ACK", 1, 2, 0); v != probe.VerdictACKUnacceptable {
		t.Errorf("verdict %q", v)
	}
	b.wants("RST 2")
	for n := range 100 {
		b.at(1521*ms+time.Duration(n)*time.Microsecond).receive("ACK", 1, 2, 0)
	}
	if b.sent(); len(b.out) > 10 {
		t.Errorf("%d segments were sent", len(b.out))
	}
	b.receive("RST,ACK", 1, 2, 0)
	b.receive("SYN", 1, 0, 0)
	b.wants("")
}

// TestSureRST: one who was reset where he expected it is owed nothing.
func TestSureRST(t *testing.T) {
	b := newBench(t, closing(probe.CloseRST))
	b.sent()
	b.receive("SYN,ACK", 0, 1, 0)
	b.wants("ACK 1 1; RST 1")
	if b.receive("ACK", 1, 1, 0); b.h.Lingers() {
		t.Error("it lingers")
	}
	b.wants("")
}

// TestTimeWait: a FIN that comes again is acknowledged, one that is not the peer's is not.
func TestTimeWait(t *testing.T) {
	b := newBench(t, closing(probe.CloseFIN))
	b.sent()
	b.receive("SYN,ACK", 0, 1, 0)
	b.sent()
	b.receive("FIN,ACK", 1, 2, 0)
	b.wants("ACK 2 2")
	b.is(probe.StateTimeWait, probe.OutcomeEstablished, true)
	b.at(200*ms).receive("FIN,ACK", 1, 2, 0)
	b.wants("ACK 2 2")
	b.receive("FIN,ACK", 5, 2, 0)
	b.receive("ACK", 2, 2, 0)
	b.receive("RST,ACK", 1, 2, 0)
	b.wants("")
	for n := range 100 {
		b.at(time.Duration(300+n)*ms).receive("FIN,ACK", 1, 2, 0)
		b.sent()
	}
	if len(b.out) != probe.MaximumSegments/2 {
		t.Errorf("%d segments were sent", len(b.out))
	}
}

// TestConnectAfterSimultaneousOpen: an application waits until our SYN is acknowledged, and for no segment of ours.
func TestConnectAfterSimultaneousOpen(t *testing.T) {
	for _, c := range []probe.Close{probe.CloseFIN, probe.CloseNone} {
		b := newBench(t, closing(c))
		b.sent()
		b.at(5*ms).receive("SYN", 0, 0, 0)
		b.sent()
		b.at(12*ms).receive("ACK", 1, 1, 0)
		b.at(13 * ms).sent()
		if r := b.h.Result(); !r.Connected || r.Connect != 12*ms || r.Turnaround != 0 {
			t.Errorf("close %v: %+v", c, r)
		}
	}
}

// TestEngineLingers: an engine that goes on acknowledges a FIN that comes again after the result, and gives none of its
// time for it. A new handshake with the same addresses and ports ends that.
func TestEngineLingers(t *testing.T) {
	w := probetest.NewWire()
	var sent []tcphdr.Header
	probetest.ServeWith(t, w, 10*ms, probetest.Polite)
	serve := w.OnSend
	w.OnSend = func(p rawip.Path, b []byte) error {
		_, h := probetest.Parse(t, b)
		sent = append(sent, h)
		return serve(p, b)
	}
	first, second := probetest.NewFlow(probetest.LinuxConfig()), probetest.NewFlow(probetest.LinuxConfig())
	second.Handshake.ISS = second.Handshake.ISS.Add(500_000)
	repeat := func() {
		fin := tcphdr.Header{Seq: probetest.PeerISS.Add(1), Ack: first.Handshake.ISS.Add(2), Flags: tcphdr.FIN | tcphdr.ACK}
		w.Deliver(0, rawip.Packet{Octets: probetest.Datagram(probetest.Remote, probetest.Local, fin, 0), Interface: probetest.Interface})
	}
	begin, number, repeated := w.Time, 0, false
	var doneAt time.Duration
	first.Done = func() { doneAt = w.Time.Sub(begin) }
	err := probe.NewEngine(w).Run(context.Background(), func(now time.Time) (*probe.Flow, time.Time, bool) {
		switch number++; number {
		case 1:
			return first, now, true
		case 2:
			return nil, begin.Add(time.Second), true
		}
		switch since := now.Sub(begin); {
		case since < time.Second:
			return nil, begin.Add(time.Second), true
		case since == time.Second && !repeated:
			if doneAt != 20*ms {
				t.Errorf("done after %v", doneAt)
			}
			sent, repeated = nil, true
			repeat()
			return nil, begin.Add(2 * time.Second), true
		case since < 2*time.Second:
			return nil, begin.Add(2 * time.Second), true
		}
		if len(sent) != 1 || sent[0].Flags != tcphdr.ACK || sent[0].Ack != probetest.PeerISS.Add(2) || sent[0].Seq != first.Handshake.ISS.Add(2) {
			t.Errorf("after a repeated FIN %+v was sent", sent)
		}
		return second, now, false
	})
	if err != nil {
		t.Fatal(err)
	}
	if r := second.Result; r.Outcome != probe.OutcomeEstablished || r.TCP.RTT != 10*ms {
		t.Errorf("%v, %+v", r.Outcome, r.TCP)
	}
	if n := len(first.Result.Events); n != 6 && n != 7 {
		t.Errorf("%d events in a result that was given out", n)
	}
}
