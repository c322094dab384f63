package trace_test

import (
	"context"
	"math/rand/v2"
	"net/netip"
	"testing"
	"time"

	"tcpprobe/icmp"
	"tcpprobe/internal/trace"
	"tcpprobe/probe"
	"tcpprobe/probe/probetest"
	"tcpprobe/rawip"
	"tcpprobe/tcphdr"
)

const ms = time.Millisecond

// newTrace returns a trace, the model of its handshakes, and randomness that is the same every time.
func newTrace(last int) (*trace.Trace, probe.Flow, func() uint32) {
	c := probetest.LinuxConfig()
	c.Timeout, c.Retries = 2*time.Second, 0
	return trace.NewTrace("server:80", 1, last), *probetest.NewFlow(c), rand.New(rand.NewPCG(1, 2)).Uint32
}

// traceRound sends a round over the wire, and abandons what lies beyond the end.
func traceRound(t *testing.T, w *probetest.Wire, tr *trace.Trace, flows []*probe.Flow) {
	t.Helper()
	e := probe.NewEngine(w)
	end := len(flows)
	for i, f := range flows {
		f.Done = func() {
			if i < end && tr.Add(int(f.TTL), f.Result) {
				for _, beyond := range flows[i+1 : end] {
					e.Abandon(beyond)
				}
				end = i + 1
			}
		}
	}
	if err := e.Run(context.Background(), probetest.StartAll(flows...)); err != nil {
		t.Fatal(err)
	}
	tr.EndRound()
}

// TestTraceNumbers: whatever the TTL, nothing is 0 that must not be, and no two SYNs can be taken for one another.
func TestTraceNumbers(t *testing.T) {
	tr, model, random := newTrace(255)
	for _, id := range []uint16{0, 1, 63, 64, 0xffff} {
		model.ID = id
		model.Handshake.ISS = 5 // so that they wrap
		flows := tr.Flows(model, random)
		if len(flows) != 255 {
			t.Fatalf("%d flows", len(flows))
		}
		for i, f := range flows {
			if f.TTL != uint8(1+i) || f.ID == 0 || f.Local != model.Local || f.Remote != model.Remote || f.Handshake.Close != probe.CloseHalf {
				t.Fatalf("flow %d: %+v", i, f)
			}
			if i == 0 {
				continue
			}
			before := flows[i-1]
			if f.ID < before.ID+64 {
				t.Errorf("Identifications %d and %d", before.ID, f.ID)
			}
			if step := uint32(before.Handshake.ISS - f.Handshake.ISS); step < 1<<16 || step >= 1<<23 {
				t.Errorf("TTL %d: the sequence number falls by %d", f.TTL, step)
			}
			if !f.Handshake.ISS.Less(flows[0].Handshake.ISS) {
				t.Errorf("TTL %d: the sequence number is not below the first", f.TTL)
			}
		}
	}
}

// TestTracePath: routers that quote no more than eight octets, and a target behind them.
func TestTracePath(t *testing.T) {
	silent := func(tcphdr.Header) (tcphdr.Header, bool) { return tcphdr.Header{}, false }
	reset := func(h tcphdr.Header) (tcphdr.Header, bool) {
		return tcphdr.Header{Ack: h.Seq.Add(1), Flags: tcphdr.RST | tcphdr.ACK}, true
	}
	for _, test := range []struct {
		name    string
		routers int
		server  func(tcphdr.Header) (tcphdr.Header, bool)
		outcome probe.Outcome
		hops    int
		took    time.Duration
	}{
		{"B-06 established", 3, probetest.Polite, probe.OutcomeEstablished, 4, 40 * ms},
		{"B-03 refused", 3, reset, probe.OutcomeRefused, 4, 40 * ms},
		{"timeout", 2, silent, probe.OutcomeTimeout, 2, 2 * time.Second},
		{"nothing", 0, silent, probe.OutcomeTimeout, 0, 2 * time.Second},
		{"B-54 a loop", 255, silent, probe.OutcomeUnreachable, 9, 90 * ms},
	} {
		t.Run(test.name, func(t *testing.T) {
			w := probetest.NewWire()
			probetest.Routed(t, w, test.routers, test.server)
			tr, model, random := newTrace(9)
			start := w.Time
			traceRound(t, w, tr, tr.Flows(model, random))
			outcome, all := tr.Outcome()
			if path := tr.Path(); outcome != test.outcome || !all || len(path) != test.hops {
				t.Errorf("%v after %d hops, want %v after %d", outcome, len(path), test.outcome, test.hops)
			}
			for i, hop := range tr.Path() {
				if len(hop.Replies) != 1 || hop.Sent != 1 || hop.Unanswered() != 0 {
					t.Fatalf("TTL %d: %+v", hop.TTL, hop)
				}
				r := hop.Replies[0]
				// The kernel saw the SYN leave a microsecond for each hop after it was handed over.
				if want := time.Duration(i+1) * (10*ms - time.Microsecond); r.RTT != want {
					t.Errorf("TTL %d: after %v, want %v", hop.TTL, r.RTT, want)
				}
				if router := netip.AddrFrom4([4]byte{203, 0, 113, uint8(hop.TTL)}); r.ICMP != nil && r.From != router {
					t.Errorf("TTL %d: from %v", hop.TTL, r.From)
				}
			}
			if took := w.Time.Sub(start); took != test.took {
				t.Errorf("it took %v, want %v", took, test.took)
			}
		})
	}
}

// TestTraceOutcomes: of several rounds the best counts, and whether it is that of all.
func TestTraceOutcomes(t *testing.T) {
	servers := []func(tcphdr.Header) (tcphdr.Header, bool){
		func(tcphdr.Header) (tcphdr.Header, bool) { return tcphdr.Header{}, false }, probetest.Polite, probetest.Polite,
	}
	tr, model, random := newTrace(4)
	for _, server := range servers {
		w := probetest.NewWire()
		probetest.Routed(t, w, 2, server)
		traceRound(t, w, tr, tr.Flows(model, random))
	}
	if outcome, all := tr.Outcome(); outcome != probe.OutcomeEstablished || all {
		t.Errorf("%v, in all rounds: %t", outcome, all)
	}
	if hop := tr.Path()[2]; hop.Sent != 3 || hop.Unanswered() != 1 {
		t.Errorf("%d SYNs, %d lost", hop.Sent, hop.Unanswered())
	}
}

// TestTraceForgeries is H-03: a hundred thousand ICMP errors that quote our addresses and ports, and no sequence number
// that is under way, change nothing.
func TestTraceForgeries(t *testing.T) {
	const forgeries = 100_000
	w := probetest.NewWire()
	probetest.Routed(t, w, 3, probetest.Polite)
	honest := w.OnSend
	random := rand.New(rand.NewPCG(3, 4))
	var flows []*probe.Flow
	w.OnSend = func(p rawip.Path, b []byte) error {
		ip, h := probetest.Parse(t, b)
		if h.Flags == tcphdr.SYN && ip.HopLimit == 1 {
			for range forgeries {
				quote := append([]byte(nil), b[:28]...)
				quote[8] = byte(random.Uint32())
				switch random.Uint32() % 4 {
				case 0: // one too low, or too high
					quote[27] += byte(1 + 254*(random.Uint32()&1))
				case 1: // another port
					quote[21]++
				case 2: // another target
					quote[19]++
				default:
					quote = withSeq(quote, random.Uint32(), flows)
				}
				m := icmp.Message{Type: icmp.DestinationUnreachable, Code: icmp.Code(random.Uint32() % 16), Body: quote}
				if random.Uint32()&1 == 0 {
					m.Type, m.Code = icmp.TimeExceeded, 0
				}
				octets, _ := rawip.Header{TTL: 60, Protocol: rawip.ProtocolICMP, Src: probetest.Router, Dst: ip.Src}.Append(nil, m.Append(nil))
				w.Deliver(time.Millisecond, rawip.Packet{Octets: octets, Interface: p.Interface})
			}
		}
		return honest(p, b)
	}
	tr, model, numbers := newTrace(9)
	flows = tr.Flows(model, numbers)
	traceRound(t, w, tr, flows)
	if outcome, _ := tr.Outcome(); outcome != probe.OutcomeEstablished || len(tr.Path()) != 4 {
		t.Errorf("%v after %d hops", outcome, len(tr.Path()))
	}
	for _, hop := range tr.Path() {
		if len(hop.Replies) != 1 || hop.Replies[0].From == probetest.Router {
			t.Errorf("TTL %d: %+v", hop.TTL, hop.Replies)
		}
	}
}

// withSeq puts a sequence number into a quote that is none of those flows'.
func withSeq(quote []byte, seq uint32, flows []*probe.Flow) []byte {
	for _, f := range flows {
		if uint32(f.Handshake.ISS) == seq {
			seq++
		}
	}
	return append(quote[:24], byte(seq>>24), byte(seq>>16), byte(seq>>8), byte(seq))
}
