package probe_test

import (
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

// rejecting6 has a router reject SYNs after 20 ms: what it quotes of each, in a message, a function changes. The function
// returns false for a SYN about which nothing is said.
func rejecting6(t *testing.T, w *probetest.Wire, change func(n int, quote []byte, m *icmp.Message) (from netip.Addr, ok bool)) {
	n := 0
	w.OnSend = func(p rawip.Path, b []byte) error {
		m := icmp.Message{V6: true, Type: icmp.DestinationUnreachable6, Code: icmp.AddressUnreachable6, Body: slices.Clone(b)}
		from, ok := change(n, m.Body, &m)
		n++
		if ok {
			w.Deliver(20*ms, rawip.Packet{Octets: probetest.Message(from, probetest.Local6.Addr(), m), Interface: p.Interface})
		}
		return nil
	}
}

// Offsets in a quoted datagram.
const (
	labelAt6  = 1
	hopsAt6   = 7
	sourceAt6 = 8
	destAt6   = 24
	portsAt6  = 40
	seqAt6    = 44
)

// TestMatching6: an ICMPv6 error counts only if it quotes our SYN, of which eight octets are enough, whatever else was changed
// on the way.
func TestMatching6(t *testing.T) {
	for _, test := range []struct {
		name   string
		change func(quote []byte, m *icmp.Message)
		want   probe.Outcome
	}{
		{"all of it", func([]byte, *icmp.Message) {}, probe.OutcomeUnreachable},
		{"header and 8 octets", func(q []byte, m *icmp.Message) { m.Body = q[:48] }, probe.OutcomeUnreachable},
		{"header and 7 octets", func(q []byte, m *icmp.Message) { m.Body = q[:47] }, probe.OutcomeTimeout},
		{"nothing", func(q []byte, m *icmp.Message) { m.Body = nil }, probe.OutcomeTimeout},
		{"traffic class, flow label, length and hop limit", func(q []byte, m *icmp.Message) { copy(q, []byte{0x6f, 0xff, 1, 2, 9, 9, 6, 0}) }, probe.OutcomeUnreachable},
		{"behind a header for the hops", func(q []byte, m *icmp.Message) {
			q[6] = 0
			m.Body = slices.Concat(q[:40], []byte{6, 0, 1, 4, 0, 0, 0, 0}, q[40:])
		}, probe.OutcomeUnreachable},
		{"sequence number", func(q []byte, m *icmp.Message) { q[seqAt6+3]++ }, probe.OutcomeTimeout},
		{"source port", func(q []byte, m *icmp.Message) { q[portsAt6+1]++ }, probe.OutcomeTimeout},
		{"source", func(q []byte, m *icmp.Message) { q[sourceAt6+15]++ }, probe.OutcomeTimeout},
		{"destination", func(q []byte, m *icmp.Message) { q[destAt6+15]++ }, probe.OutcomeTimeout},
		{"UDP", func(q []byte, m *icmp.Message) { q[6] = 17 }, probe.OutcomeTimeout},
		{"version 4", func(q []byte, m *icmp.Message) { q[0] = 0x45 }, probe.OutcomeTimeout},
		{"a later fragment", func(q []byte, m *icmp.Message) {
			q[6] = 44
			m.Body = slices.Concat(q[:40], []byte{6, 0, 0, 8, 0, 0, 0, 1}, q[40:])
		}, probe.OutcomeTimeout},
		{"extension headers without end", func(q []byte, m *icmp.Message) {
			q[6] = 0
			m.Body = append(q[:40:40], make([]byte, 1100)...)
		}, probe.OutcomeTimeout},
		{"no route", func(q []byte, m *icmp.Message) { m.Code = icmp.NoRoute6 }, probe.OutcomeUnreachable},
		{"a code without a name", func(q []byte, m *icmp.Message) { m.Code = 200 }, probe.OutcomeUnreachable},
		{"hop limit exceeded", func(q []byte, m *icmp.Message) { m.Type, m.Code = icmp.TimeExceeded6, 0 }, probe.OutcomeUnreachable},
		{"parameter problem", func(q []byte, m *icmp.Message) { m.Type, m.Code = icmp.ParameterProblem6, 0 }, probe.OutcomeUnreachable},
		{"an error of an unknown type", func(q []byte, m *icmp.Message) { m.Type = 100 }, probe.OutcomeTimeout},
		{"echo request", func(q []byte, m *icmp.Message) { m.Type = icmp.EchoRequest6 }, probe.OutcomeTimeout},
		{"redirect", func(q []byte, m *icmp.Message) { m.Type = 137 }, probe.OutcomeTimeout},
	} {
		t.Run(test.name, func(t *testing.T) {
			w := probetest.NewWire()
			rejecting6(t, w, func(_ int, quote []byte, m *icmp.Message) (netip.Addr, bool) {
				test.change(quote, m)
				return probetest.Router6, true
			})
			c := probetest.LinuxConfig()
			c.Retries = 0
			f := probetest.NewFlow6(c)
			probetest.Run(t, w, f)
			if r := f.Result; r.Outcome != test.want || len(r.Findings) != 0 || (len(r.ICMP) == 1) != (test.want == probe.OutcomeUnreachable) {
				t.Errorf("%v, findings %v, %d errors; want %v", r.Outcome, r.Findings, len(r.ICMP), test.want)
			}
		})
	}
	w := probetest.NewWire()
	w.OnSend = func(p rawip.Path, b []byte) error {
		d := probetest.Message(probetest.Router6, probetest.Local6.Addr(), icmp.Message{V6: true, Type: 1, Body: b})
		d[42] ^= 1
		w.Deliver(ms, rawip.Packet{Octets: d, Interface: p.Interface})
		return nil
	}
	f := probetest.NewFlow6(probetest.LinuxConfig())
	probetest.Run(t, w, f)
	if f.Result.Outcome != probe.OutcomeTimeout {
		t.Errorf("a wrong checksum: %v", f.Result.Outcome)
	}
}

// TestWhichSYN6: the flow label that is quoted, or else the time stamp, tells which SYN was rejected. Where they do not agree,
// or none tells, that is not known.
func TestWhichSYN6(t *testing.T) {
	stamps := func(c *probe.Config) { c.SYN = probe.SYNLinux }
	none := func(c *probe.Config) { c.SYN = probe.SYNNoTimestamps }
	label := func(v byte) func([]byte) {
		return func(q []byte) { q[labelAt6], q[labelAt6+1], q[labelAt6+2] = v&0xf, v, v }
	}
	short := func(q []byte) {}
	for _, test := range []struct {
		name    string
		config  func(*probe.Config)
		relabel bool
		octets  int // of the segment
		change  func(quote []byte)
		known   bool
	}{
		{"label", none, true, 8, short, true},
		{"label and time stamp", stamps, true, 40, short, true},
		{"time stamp, behind a translator", stamps, true, 40, label(0), true},
		{"time stamp, label rewritten", stamps, true, 40, label(7), true},
		{"time stamp, one label", stamps, false, 40, short, true},
		{"label rewritten, eight octets", stamps, true, 8, label(7), false},
		{"one label, eight octets", stamps, false, 8, short, false},
		{"one label, no time stamps", none, false, 32, short, false},
	} {
		for late := range 2 { // about the first SYN, but after the second has left; about the second
			w := probetest.NewWire()
			var first []byte
			w.OnSend = func(p rawip.Path, b []byte) error {
				if first == nil {
					first = slices.Clone(b)
					return nil
				}
				quote := slices.Clone([][]byte{first, b}[late][:40+test.octets])
				test.change(quote)
				m := icmp.Message{V6: true, Type: icmp.DestinationUnreachable6, Code: icmp.NoRoute6, Body: quote}
				w.Deliver(30*ms, rawip.Packet{Octets: probetest.Message(probetest.Router6, probetest.Local6.Addr(), m), Interface: p.Interface})
				return nil
			}
			c := probetest.LinuxConfig()
			test.config(&c)
			f := probetest.NewFlow6(c)
			f.Relabel = test.relabel
			probetest.Run(t, w, f)
			want, rtt := late+1, []time.Duration{1030 * ms, 30 * ms}[late]
			if !test.known {
				want, rtt = 0, 30*ms
			}
			if r := f.Result.TCP; f.Result.Outcome != probe.OutcomeUnreachable || r.AnsweredSYN != want || r.RTT != rtt || r.RTTAmbiguous == test.known {
				t.Errorf("%s, SYN %d: %v, SYN %d after %v, ambiguous %t", test.name, late+1, f.Result.Outcome, r.AnsweredSYN, r.RTT, r.RTTAmbiguous)
			}
		}
	}
	// The label of one SYN with the time stamp of the other: somebody makes it up.
	w := probetest.NewWire()
	var first []byte
	w.OnSend = func(p rawip.Path, b []byte) error {
		if first == nil {
			first = slices.Clone(b)
			return nil
		}
		quote := slices.Concat(first[:4], b[4:])
		m := icmp.Message{V6: true, Type: icmp.DestinationUnreachable6, Body: quote}
		w.Deliver(30*ms, rawip.Packet{Octets: probetest.Message(probetest.Router6, probetest.Local6.Addr(), m), Interface: p.Interface})
		return nil
	}
	f := probetest.NewFlow6(probetest.LinuxConfig())
	probetest.Run(t, w, f)
	if r := f.Result.TCP; r.AnsweredSYN != 0 || !r.RTTAmbiguous {
		t.Errorf("SYN %d, ambiguous %t", r.AnsweredSYN, r.RTTAmbiguous)
	}
}

// TestLabels: each SYN has a flow label of its own, which what follows keeps, unless there is to be one.
func TestLabels(t *testing.T) {
	for _, relabel := range []bool{true, false} {
		w := probetest.NewWire()
		var syns, others []uint32
		probetest.ServeWith(t, w, 20*ms, probetest.Polite)
		serve := w.OnSend
		w.OnSend = func(p rawip.Path, b []byte) error {
			ip, h := probetest.Parse(t, b)
			if ip.HopLimit != 9 || ip.TrafficClass != 0xb8 || ip.ID != 0 || p != (rawip.Path{V6: true, Interface: probetest.Interface, Link: true, NextHop: [6]byte{2}}) {
				t.Errorf("sent %+v by %+v", ip, p)
			}
			if !h.Flags.Has(tcphdr.SYN) {
				others = append(others, ip.FlowLabel)
				return serve(p, b)
			}
			if syns = append(syns, ip.FlowLabel); len(syns) < 3 {
				return nil
			}
			return serve(p, b)
		}
		c := probetest.LinuxConfig()
		c.Timeout = 10 * time.Second
		f := probetest.NewFlow6(c)
		f.Relabel, f.TTL, f.TOS = relabel, 9, 0xb8
		probetest.Run(t, w, f)
		r := f.Result
		if r.Outcome != probe.OutcomeEstablished || len(syns) != 3 || len(others) != 3 || syns[0] != probetest.Label || r.TCP.AnsweredSYN != 3 {
			t.Fatalf("%v, labels %#x and %#x, SYN %d", r.Outcome, syns, others, r.TCP.AnsweredSYN)
		}
		different := syns[0] != syns[1] && syns[1] != syns[2] && syns[0] != syns[2] && syns[1] != 0 && syns[2] != 0
		if different != relabel {
			t.Errorf("labels of SYNs %#x", syns)
		}
		for _, l := range others {
			if l != syns[2] {
				t.Errorf("a segment after the SYN has label %#x, want %#x", l, syns[2])
			}
		}
		if slices.Contains(r.Findings, probe.FindingRepathed) != relabel {
			t.Errorf("relabel %t: findings %v", relabel, r.Findings)
		}
		for _, e := range r.Events {
			if e.Kind == probe.EventSegmentSent && e.Segment.Header.Flags == tcphdr.SYN && e.Segment.FlowLabel != syns[e.Segment.Again] {
				t.Errorf("event of SYN %d with label %#x", e.Segment.Again+1, e.Segment.FlowLabel)
			}
		}
	}
	// The first SYN answered, or it is not known which: no finding.
	w := probetest.NewWire()
	probetest.ServeWith(t, w, 1500*ms, func(h tcphdr.Header) (tcphdr.Header, bool) {
		reply, ok := probetest.Polite(h)
		if h.Flags.Has(tcphdr.SYN) {
			reply.Options = nil
		}
		return reply, ok
	})
	f := probetest.NewFlow6(probetest.LinuxConfig())
	probetest.Run(t, w, f)
	if r := f.Result; r.Outcome != probe.OutcomeEstablished || slices.Contains(r.Findings, probe.FindingRepathed) {
		t.Errorf("%v, findings %v", r.Outcome, r.Findings)
	}
}

// TestPacketTooBig6: no Packet Too Big ends the wait for an answer. One that names less than 1280 octets is a finding, and
// nothing comes of it; any other is the best explanation for silence that there is.
func TestPacketTooBig6(t *testing.T) {
	for mtu, below := range map[uint16]bool{0: true, 68: true, 1000: true, 1279: true, 1280: false, 1500: false} {
		for _, answered := range []bool{false, true} {
			w := probetest.NewWire()
			probetest.ServeWith(t, w, 30*ms, probetest.Polite)
			serve := w.OnSend
			w.OnSend = func(p rawip.Path, b []byte) error {
				if _, h := probetest.Parse(t, b); h.Flags.Has(tcphdr.SYN) {
					m := icmp.Message{V6: true, Type: icmp.PacketTooBig6, Rest: [4]byte{2: byte(mtu >> 8), 3: byte(mtu)}, Body: b}
					w.Deliver(20*ms, rawip.Packet{Octets: probetest.Message(probetest.Router6, probetest.Local6.Addr(), m), Interface: p.Interface})
				}
				if !answered {
					return nil
				}
				return serve(p, b)
			}
			f := probetest.NewFlow6(probetest.LinuxConfig())
			probetest.Run(t, w, f)
			r := f.Result
			want := probe.OutcomeUnreachable
			var findings []probe.Finding
			switch {
			case answered:
				want = probe.OutcomeEstablished
				if !below {
					findings = append(findings, probe.FindingICMPThenAnswer)
				}
			case below:
				want = probe.OutcomeTimeout
			}
			if below {
				findings = append(findings, probe.FindingMTUBelowMinimum)
			}
			if !answered {
				findings = append(findings, probe.FindingSYNRetransmitted)
			}
			slices.Sort(findings)
			got := slices.Sorted(slices.Values(r.Findings))
			if r.Outcome != want || !slices.Equal(got, findings) || len(r.ICMP) == 0 || r.ICMP[0].MTU != int(mtu) || r.ICMP[0].Meaning() != icmp.MeansTooBig {
				t.Errorf("MTU %d, answered %t: %v, findings %v, want %v, %v", mtu, answered, r.Outcome, got, want, findings)
			}
		}
	}
}

// TestZones: a flow between link-local addresses of a zone gets what comes without one.
func TestZones(t *testing.T) {
	w := probetest.NewWire()
	probetest.ServeWith(t, w, 20*ms, probetest.Polite)
	f := probetest.NewFlow6(probetest.LinuxConfig())
	f.Local, f.Remote = netip.MustParseAddrPort("[fe80::1%eth0]:40001"), netip.MustParseAddrPort("[fe80::80%eth0]:80")
	probetest.Run(t, w, f)
	if r := f.Result; r.Outcome != probe.OutcomeEstablished || r.TCP.Remote != f.Remote || r.TCP.RTT != 20*ms {
		t.Errorf("%v, %+v", r.Outcome, r.TCP)
	}
}
