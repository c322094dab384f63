package probe_test

import (
	"encoding/hex"
	"fmt"
	"testing"

	"tcpprobe/probe"
	"tcpprobe/rawip"
	"tcpprobe/tcphdr"
)

// TestSYNOptions: the options of each kind of SYN, octet by octet but for the time stamp.
func TestSYNOptions(t *testing.T) {
	for _, test := range []struct {
		syn  probe.SYN
		want string
	}{
		{probe.SYNBare, ""},
		{probe.SYNLinux, "020405b4" + "0402" + "080afffffff000000000" + "01" + "030307"},
		{probe.SYNNoTimestamps, "020405b4" + "0402" + "01" + "030307" + "0000"},
		{probe.SYNLargeMSS, "02042300" + "0402" + "080afffffff000000000" + "01" + "030307"},
		{probe.SYNFastOpen, "020405b4" + "0402" + "080afffffff000000000" + "01" + "030307" + "0101" + "2202"},
	} {
		t.Run(test.syn.String(), func(t *testing.T) {
			w := newSimWire()
			var got string
			w.send = func(_ rawip.Path, b []byte) error {
				if got == "" {
					got = hex.EncodeToString(b[40:])
				}
				return nil
			}
			c := linuxConfig()
			c.SYN, c.Retries = test.syn, 0
			run(t, w, newFlow(c))
			if got != test.want {
				t.Errorf("options %s, want %s", got, test.want)
			}
			if syn, err := probe.ParseSYN(test.syn.String()); err != nil || syn != test.syn {
				t.Errorf("%v becomes %v, %v", test.syn, syn, err)
			}
		})
	}
}

// TestNoTimestampsUnasked: a peer that sends time stamps which we did not offer gets none (RFC 7323 3.2).
func TestNoTimestampsUnasked(t *testing.T) {
	w := newSimWire()
	stamped := tcphdr.AppendTimestamps(nil, 7, 0)
	w.send = func(p rawip.Path, b []byte) error {
		_, h := parse(t, b)
		if _, _, ok := h.Options.Timestamps(); ok {
			t.Errorf("%v has time stamps", h.Flags)
		}
		if h.Flags == tcphdr.SYN {
			reply := tcphdr.Header{Seq: peerISS, Ack: h.Seq.Add(1), Flags: tcphdr.SYN | tcphdr.ACK, Options: stamped}
			w.deliver(ms, rawip.Packet{Octets: datagram(simRemote, simLocal, reply, 0), Interface: p.Interface})
		}
		return nil
	}
	c := linuxConfig()
	c.SYN, c.Close = probe.SYNNoTimestamps, probe.CloseRST
	f := newFlow(c)
	run(t, w, f)
	if f.Result.Outcome != probe.OutcomeEstablished {
		t.Errorf("%v", f.Result.Outcome)
	}
}

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
			w := newSimWire()
			routed(t, w, 1, func(h tcphdr.Header) (tcphdr.Header, bool) {
				return tcphdr.Header{Seq: peerISS, Ack: h.Seq.Add(1), Flags: tcphdr.SYN | tcphdr.ACK | test.flags, Options: test.options}, true
			})
			tr, model, random := newTrace(4)
			model.Handshake.SYN = test.syn
			traceRound(t, w, tr, tr.Flows(model, random))
			v := probe.SYNVariant{SYN: test.syn, Trace: tr}
			if missing := fmt.Sprint(v.Missing()); v.Fate() != test.fate || missing != test.missing {
				t.Errorf("%s without %s, want %s without %s", v.Fate(), missing, test.fate, test.missing)
			}
		})
	}
}
