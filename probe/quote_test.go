package probe_test

import (
	"fmt"
	"net/netip"
	"slices"
	"testing"
	"time"

	"tcpprobe/icmp"
	"tcpprobe/probe"
	"tcpprobe/probe/probetest"
	"tcpprobe/rawip"
	"tcpprobe/tcphdr"
)

// TestB50_Matching: an ICMP error counts only if it quotes our SYN, of which 8 octets are enough (B-50 to B-53, H-03).
func TestB50_Matching(t *testing.T) {
	const (
		ends    = probe.OutcomeUnreachable // at once
		ignored = probe.OutcomeTimeout     // as if it had not come
	)
	// What is quoted: our datagram, taken apart so that the tests may change it.
	type quoted struct {
		ip      rawip.Header
		tcp     tcphdr.Header
		octets  int // of the segment
		message icmp.Message
		outer   rawip.Header
		broken  bool // the ICMP checksum
		raw     func([]byte) []byte
	}
	unreachable := func(code icmp.Code) func(*quoted) {
		return func(q *quoted) { q.message.Code = code }
	}
	kind := func(k icmp.Type, code icmp.Code) func(*quoted) {
		return func(q *quoted) { q.message.Type, q.message.Code = k, code }
	}
	tests := []struct {
		name   string
		change func(*quoted)
		want   probe.Outcome
	}{
		{"B-51 IP header and 8 octets", func(q *quoted) {}, ends},
		{"B-51 all of the segment", func(q *quoted) { q.octets = 40 }, ends},
		{"B-51 7 octets", func(q *quoted) { q.octets = 7 }, ignored},
		{"B-51 nothing of the segment", func(q *quoted) { q.octets = 0 }, ignored},
		{"B-51 IHL 15", func(q *quoted) { q.ip.Options = slices.Repeat([]byte{1}, 40) }, ends},
		{"B-51 IHL 15, 7 octets", func(q *quoted) { q.ip.Options, q.octets = slices.Repeat([]byte{1}, 40), 7 }, ignored},
		{"B-50 sequence number one less", func(q *quoted) { q.tcp.Seq-- }, ignored},
		{"B-50 sequence number one more", func(q *quoted) { q.tcp.Seq++ }, ignored},
		{"B-50 sequence number half around", func(q *quoted) { q.tcp.Seq += 1 << 31 }, ignored},
		{"B-50 another source port", func(q *quoted) { q.tcp.SrcPort++ }, ignored},
		{"B-50 another destination port", func(q *quoted) { q.tcp.DstPort++ }, ignored},
		{"B-50 another destination", func(q *quoted) { q.ip.Dst = probetest.Router }, ignored},
		{"B-50 another source", func(q *quoted) { q.ip.Src = netip.MustParseAddr("192.0.2.2") }, ignored},
		{"B-50 addresses and ports the other way round", func(q *quoted) {
			q.ip.Src, q.ip.Dst, q.tcp.SrcPort, q.tcp.DstPort = q.ip.Dst, q.ip.Src, q.tcp.DstPort, q.tcp.SrcPort
		}, ignored},
		{"B-50 UDP", func(q *quoted) { q.ip.Protocol = rawip.ProtocolUDP }, ignored},
		{"B-50 a later fragment", func(q *quoted) { q.ip.FragmentOffset = 1 }, ignored},
		{"B-50 version 6", func(q *quoted) { q.raw = func(b []byte) []byte { b[28] = 0x65; return b } }, ignored},
		{"B-50 IHL 4", func(q *quoted) { q.raw = func(b []byte) []byte { b[28] = 0x44; return b } }, ignored},
		{"B-52 TTL, TOS and Identification changed", func(q *quoted) { q.ip.TTL, q.ip.TOS, q.ip.ID = 1, 0xff, 0x7777 }, ends},
		{"B-52 DF taken away", func(q *quoted) { q.ip.DontFragment = false }, ends},
		{"B-52 Total Length and checksum changed", func(q *quoted) {
			q.raw = func(b []byte) []byte { b[30], b[31], b[38], b[39] = b[31], b[30], 0, 0; return b }
		}, ends},
		{"B-52 other control bits and window", func(q *quoted) { q.octets, q.tcp.Flags, q.tcp.Window = 20, tcphdr.RST, 1 }, ends},
		{"B-53 from anyone", func(q *quoted) { q.outer.Src = netip.MustParseAddr("8.7.6.5") }, ends},
		{"B-53 to another address", func(q *quoted) { q.outer.Dst = netip.MustParseAddr("192.0.2.2") }, ignored},
		{"B-53 ICMP checksum", func(q *quoted) { q.broken = true }, ignored},
		{"B-53 a fragment", func(q *quoted) { q.outer.MoreFragments = true }, ignored},
		{"B-53 a later fragment", func(q *quoted) { q.outer.FragmentOffset = 2 }, ignored},
		{"B-53 IP options outside", func(q *quoted) { q.outer.Options = []byte{1, 1, 1, 1} }, ends},
		{"RFC 4884 extensions behind 128 octets", func(q *quoted) {
			q.raw = func(b []byte) []byte { return append(b, make([]byte, 140)...) }
		}, ends},
		{"B-54 network unreachable", unreachable(icmp.NetworkUnreachable), ends},
		{"B-54 protocol unreachable", unreachable(icmp.ProtocolUnreachable), ends},
		{"B-54 port unreachable", unreachable(icmp.PortUnreachable), ends},
		{"B-54 source route failed", unreachable(icmp.SourceRouteFailed), ends},
		{"B-54 a code without a name", unreachable(77), ends},
		{"B-54 time to live exceeded", kind(icmp.TimeExceeded, icmp.TimeToLiveExceeded), ends},
		{"B-54 reassembly time exceeded", kind(icmp.TimeExceeded, icmp.ReassemblyTimeExceeded), ends},
		{"B-54 parameter problem", kind(icmp.ParameterProblem, 0), ends},
		{"B-54 source quench", kind(icmp.SourceQuench, 0), ignored},
		{"B-54 redirect", kind(icmp.Redirect, 1), ignored},
		{"B-54 echo", kind(icmp.Echo, 0), ignored},
		{"B-54 echo reply", kind(icmp.EchoReply, 0), ignored},
		{"B-56 network prohibited", unreachable(icmp.NetworkProhibited), ends},
		{"B-56 host prohibited", unreachable(icmp.HostProhibited), ends},
		{"B-56 administratively prohibited", unreachable(icmp.AdministrativelyProhibited), ends},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			w := probetest.NewWire()
			w.OnSend = func(p rawip.Path, b []byte) error {
				_, h := probetest.Parse(t, b)
				ip, _, err := rawip.Parse(b)
				if err != nil {
					t.Fatal(err)
				}
				q := quoted{
					ip: ip, tcp: h, octets: 8,
					message: icmp.Message{Type: icmp.DestinationUnreachable, Code: icmp.HostUnreachable},
					outer:   rawip.Header{TTL: 250, Protocol: rawip.ProtocolICMP, Src: probetest.Router, Dst: probetest.Local.Addr()},
				}
				test.change(&q)
				segment, err := q.tcp.Append(nil, q.ip.Src, q.ip.Dst, nil)
				if err != nil {
					t.Fatal(err)
				}
				whole, err := q.ip.Append(nil, segment)
				if err != nil {
					t.Fatal(err)
				}
				q.message.Body = whole[:len(whole)-len(segment)+q.octets]
				d, err := q.outer.Append(nil, q.message.Append(nil))
				if err != nil {
					t.Fatal(err)
				}
				if q.raw != nil { // and its checksums anew
					d = q.raw(d)
					q.message.Body = d[28:]
					if d, err = q.outer.Append(nil, q.message.Append(nil)); err != nil {
						t.Fatal(err)
					}
				}
				if q.broken {
					d[22] ^= 1
				}
				w.Deliver(20*ms, rawip.Packet{Octets: d, Interface: p.Interface})
				return nil
			}
			c := probetest.LinuxConfig()
			c.Retries = 0
			f := probetest.NewFlow(c)
			took := probetest.Run(t, w, f)
			r := f.Result
			want := map[probe.Outcome]time.Duration{ends: 20 * ms, ignored: 3 * time.Second}[test.want]
			if r.Outcome != test.want || took != want || len(r.Findings) != 0 {
				t.Errorf("%v after %v, findings %v; want %v after %v", r.Outcome, took, r.Findings, test.want, want)
			}
			if n := map[probe.Outcome]int{ends: 1, ignored: 0}[test.want]; len(r.ICMP) != n || r.TCP.Answered != (n == 1) {
				t.Errorf("%d errors kept, answered %t", len(r.ICMP), r.TCP.Answered)
			}
		})
	}
}

// TestB61_FragmentationNeeded never ends the wait for an answer: a SYN fits through every link. At its end it is the best
// explanation that there is.
func TestB61_FragmentationNeeded(t *testing.T) {
	for _, mtu := range []uint16{0, 1, 67, 68, 296, 1500, 65535} {
		for _, answered := range []bool{false, true} {
			t.Run(fmt.Sprintf("MTU %d, answered %t", mtu, answered), func(t *testing.T) {
				w := probetest.NewWire()
				probetest.ServeWith(t, w, 30*ms, probetest.Polite)
				serve := w.OnSend
				w.OnSend = func(p rawip.Path, b []byte) error {
					if _, h := probetest.Parse(t, b); h.Flags.Has(tcphdr.SYN) {
						m := icmp.Message{
							Type: icmp.DestinationUnreachable, Code: icmp.FragmentationNeeded,
							Rest: [4]byte{2: byte(mtu >> 8), 3: byte(mtu)}, Body: b[:28],
						}
						d, err := rawip.Header{TTL: 250, Protocol: rawip.ProtocolICMP, Src: probetest.Router, Dst: probetest.Local.Addr()}.Append(nil, m.Append(nil))
						if err != nil {
							t.Fatal(err)
						}
						w.Deliver(20*ms, rawip.Packet{Octets: d, Interface: p.Interface})
					}
					if !answered {
						return nil
					}
					return serve(p, b)
				}
				f := probetest.NewFlow(probetest.LinuxConfig())
				took := probetest.Run(t, w, f)
				r := f.Result
				if len(r.ICMP) == 0 || r.ICMP[0].MTU != int(mtu) || r.ICMP[0].Name != "fragmentation needed" {
					t.Fatalf("errors %+v", r.ICMP)
				}
				if answered && (r.Outcome != probe.OutcomeEstablished || !slices.Equal(r.Findings, []probe.Finding{probe.FindingICMPThenAnswer}) || r.TCP.RTT != 30*ms) {
					t.Errorf("%v, findings %q, RTT %v", r.Outcome, r.Findings, r.TCP.RTT)
				}
				if !answered && (r.Outcome != probe.OutcomeUnreachable || took != 3*time.Second || r.TCP.SYNSent != 2) {
					t.Errorf("%v after %v with %d SYNs", r.Outcome, took, r.TCP.SYNSent)
				}
			})
		}
	}
}

// TestB50_Window: SND.UNA up to SND.NXT is what is under way, in every state.
func TestB50_Window(t *testing.T) {
	notice := func(b *bench, seq int) probe.Notice {
		return probe.Notice{ICMP: &probe.ICMP{Type: 3, Code: 1, At: b.stamp()}, Seq: benchISS.Add(seq), Number: -1}
	}
	tests := []struct {
		in   probe.State
		want map[int]probe.Verdict // by sequence number
	}{
		{probe.StateSYNSent, map[int]probe.Verdict{-1: probe.VerdictDropped, 0: probe.VerdictRejectedByICMP, 1: probe.VerdictDropped}},
		{probe.StateSYNReceived, map[int]probe.Verdict{-1: probe.VerdictDropped, 0: probe.VerdictRejectedByICMP, 1: probe.VerdictDropped}},
		{probe.StateEstablished, map[int]probe.Verdict{0: probe.VerdictDropped, 1: probe.VerdictDropped, 2: probe.VerdictDropped}},
		{probe.StateFINWait1, map[int]probe.Verdict{0: probe.VerdictDropped, 1: probe.VerdictNotedICMP, 2: probe.VerdictDropped}},
		{probe.StateFINWait2, map[int]probe.Verdict{1: probe.VerdictDropped, 2: probe.VerdictDropped}},
		{probe.StateTimeWait, map[int]probe.Verdict{1: probe.VerdictLate}},
		{probe.StateClosed, map[int]probe.Verdict{0: probe.VerdictLate}},
	}
	for _, test := range tests {
		for seq, want := range test.want {
			b := enter(t, test.in)
			before, outcome := b.h.State(), b.h.Outcome()
			if got := b.h.HandleICMP(notice(b, seq)); got != want {
				t.Errorf("%v, sequence number %d: %q, want %q", test.in, seq, got, want)
			}
			if want == probe.VerdictRejectedByICMP {
				b.is(probe.StateClosed, probe.OutcomeUnreachable, true)
			} else if b.h.State() != before || b.h.Outcome() != outcome {
				t.Errorf("%v, sequence number %d: now %v, %v", test.in, seq, b.h.State(), b.h.Outcome())
			}
			b.wants("")
		}
	}
}

// TestB42_ICMPAndRetransmission: the Identification that is quoted tells which SYN was rejected.
func TestB42_ICMPAndRetransmission(t *testing.T) {
	for _, test := range []struct {
		number, syn int
		rtt         time.Duration
	}{
		{0, 1, 1030 * ms},
		{1, 2, 30 * ms},
		{-1, 0, 30 * ms}, // changed on the way: which one is not known
		{9, 0, 30 * ms},
	} {
		b := newBench(t)
		b.sent()
		b.at(time.Second).sent()
		b.at(1030 * ms)
		b.h.HandleICMP(probe.Notice{ICMP: &probe.ICMP{Type: 11, At: b.stamp()}, Seq: benchISS, Number: test.number})
		if r := b.h.Result(); r.AnsweredSYN != test.syn || r.RTT != test.rtt || r.RTTAmbiguous != (test.syn == 0) {
			t.Errorf("number %d: SYN %d after %v, ambiguous %t", test.number, r.AnsweredSYN, r.RTT, r.RTTAmbiguous)
		}
	}
}

// TestB55_Report: an error is noted, and an answer of the peer counts for more, whichever it is.
func TestB55_Report(t *testing.T) {
	for flags, want := range map[string]probe.Outcome{"SYN,ACK": probe.OutcomeEstablished, "RST,ACK": probe.OutcomeRefused} {
		b := newBench(t, func(c *probe.Config) { c.ICMP = probe.ICMPReport })
		b.sent()
		v := b.at(10 * ms).h.HandleICMP(probe.Notice{ICMP: &probe.ICMP{Type: 3, Code: 13, At: b.stamp()}, Seq: benchISS})
		if v != probe.VerdictNotedICMP {
			t.Errorf("verdict %q", v)
		}
		b.is(probe.StateSYNSent, probe.OutcomePending, false)
		b.at(40*ms).receive(flags, 0, 1, 0)
		if r := b.h.Result(); b.h.Outcome() != want || r.RTT != 40*ms {
			t.Errorf("%v, RTT %v", b.h.Outcome(), r.RTT)
		}
		b.found(probe.FindingICMPThenAnswer)
	}
}
