package trace_test

import (
	"fmt"
	"testing"

	"tcpprobe/internal/trace"
	"tcpprobe/probe"
	"tcpprobe/probe/probetest"
	"tcpprobe/tcphdr"
)

// TestSYNVariant: a reflected offer of ECN is told from one that is refused, and a missing option from one that was never
// offered (B-86, B-87).
func TestSYNVariant(t *testing.T) {
	for _, test := range []struct {
		name    string
		syn     probe.SYN
		flags   tcphdr.Flags
		options tcphdr.Options
		fate    string
		missing string
	}{
		{"nothing offered", probe.SYNBare, 0, nil, "passes", "[]"},
		{"all but the maximum segment size refused", probe.SYNLinux, 0, tcphdr.AppendMSS(nil, 1400), "passes", "[ws sack ts]"},
		{"ECN reflected", probe.SYNECN, tcphdr.ECE | tcphdr.CWR, tcphdr.AppendMSS(nil, 1400), "reflected", "[ws sack ts]"},
		{"ECN refused", probe.SYNECN, 0, tcphdr.AppendMSS(nil, 1400), "passes", "[ws sack ts ecn]"},
		{"a cookie", probe.SYNFastOpen, 0, tcphdr.Options("\x22\x0612345678"[:6]), "passes", "[mss ws sack ts]"},
		{"no cookie", probe.SYNFastOpen, 0, nil, "passes", "[mss ws sack ts tfo]"},
	} {
		t.Run(test.name, func(t *testing.T) {
			w := probetest.NewWire()
			probetest.Routed(t, w, 1, func(h tcphdr.Header) (tcphdr.Header, bool) {
				return tcphdr.Header{Seq: probetest.PeerISS, Ack: h.Seq.Add(1), Flags: tcphdr.SYN | tcphdr.ACK | test.flags, Options: test.options}, true
			})
			tr, model, random := newTrace(4)
			model.Handshake.SYN = test.syn
			traceRound(t, w, tr, tr.Flows(model, random))
			v := trace.SYNVariant{SYN: test.syn, Trace: tr}
			if missing := fmt.Sprint(v.Missing()); v.Fate() != test.fate || missing != test.missing {
				t.Errorf("%s without %s, want %s without %s", v.Fate(), missing, test.fate, test.missing)
			}
		})
	}
}
