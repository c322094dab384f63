package report_test

import (
	"bytes"
	"net/netip"
	"strings"
	"testing"
	"time"

	"tcpprobe/internal/report"
	"tcpprobe/internal/stamp"
	"tcpprobe/internal/trace"
	"tcpprobe/probe"
	"tcpprobe/rawip"
	"tcpprobe/tcphdr"
)

var (
	traceTarget = netip.MustParseAddr("10.3.0.80")
	tracedFrom  = netip.MustParseAddrPort("10.1.0.2:40000")
)

// quoteOf is what a router quotes of the SYN with that TTL: the header and 8 octets.
func quoteOf(ttl uint8) []byte {
	segment, err := tcphdr.Header{SrcPort: tracedFrom.Port(), DstPort: 80, Seq: iss, Flags: tcphdr.SYN}.Append(nil, tracedFrom.Addr(), traceTarget, nil)
	if err != nil {
		panic(err)
	}
	datagram, err := rawip.Header{ID: 9 * uint16(ttl), TTL: 1, Protocol: rawip.ProtocolTCP, Src: tracedFrom.Addr(), Dst: traceTarget}.Append(nil, segment)
	if err != nil {
		panic(err)
	}
	return datagram[:28]
}

// routerReply is an ICMP error of a router about a SYN with that TTL.
func routerReply(from string, ttl, kind, code uint8, rtt time.Duration) trace.Reply {
	names := map[[2]uint8]string{{11, 0}: "time to live exceeded", {3, 13}: "administratively prohibited", {3, 4}: "fragmentation needed"}
	m := &probe.ICMP{
		From: netip.MustParseAddr(from), Source: tracedFrom.Addr(), Target: traceTarget, Type: kind, Code: code,
		Name: names[[2]uint8{kind, code}], TTL: 64 - ttl, QuotedTTL: 1, SentTTL: ttl,
		Quoted: quoteOf(ttl),
	}
	return trace.Reply{From: m.From, RTT: rtt, Clock: stamp.Kernel, ICMP: m}
}

// targetReply is a segment of the target.
func targetReply(flags tcphdr.Flags, rtt time.Duration) trace.Reply {
	r := trace.Reply{From: traceTarget, RTT: rtt, Clock: stamp.Kernel, Segment: &probe.Segment{Header: tcphdr.Header{Flags: flags}, TTL: 62}}
	if flags.Has(tcphdr.SYN) {
		r.Segment.Header.Options = tcphdr.AppendTimestamps(tcphdr.AppendMSS(nil, 1400), 1, 2)
		r.Peer = &probe.Peer{MSS: 1400, HasMSS: true, Timestamps: true}
	}
	return r
}

// newTrace returns a trace with those replies, hop by hop, and outcomes, round by round.
func newTrace(rounds []probe.Outcome, hops ...[]trace.Reply) *trace.Trace {
	t := trace.NewTrace("www.lab.test:80", 1, 30)
	t.Local, t.Remote = tracedFrom, netip.AddrPortFrom(traceTarget, 80)
	t.Route = &probe.Route{Interface: "eth0", Source: tracedFrom.Addr(), NextHop: netip.MustParseAddr("10.1.0.1"), MTU: 1500, LinkMTU: 1500}
	t.Rounds = rounds
	for i := range t.Hops {
		t.Hops[i].Sent = len(rounds)
		if i < len(hops) {
			t.Hops[i].Replies = hops[i]
		}
	}
	return t
}

const us = time.Microsecond

var traces = []struct {
	name string
	make func() *trace.Trace
}{
	{"trace_established", func() *trace.Trace {
		return newTrace([]probe.Outcome{probe.OutcomeEstablished},
			[]trace.Reply{routerReply("10.1.0.1", 1, 11, 0, 34*us)}, nil, []trace.Reply{targetReply(tcphdr.SYN|tcphdr.ACK, 71*us)})
	}},
	{"trace_nat64", func() *trace.Trace {
		target := netip.MustParseAddr("64:ff9b::c000:250")
		answer := targetReply(tcphdr.SYN|tcphdr.ACK, 71*us)
		answer.From = target
		t := newTrace([]probe.Outcome{probe.OutcomeEstablished},
			[]trace.Reply{routerReply("2001:db8:1111:2222:3333:4444:5555:6666", 1, 3, 0, 34*us)}, []trace.Reply{routerReply("64:ff9b::a02:2", 2, 3, 0, 50*us)}, []trace.Reply{answer})
		t.Remote, t.NAT64 = netip.AddrPortFrom(target, 80), &probe.NAT64{Prefix: netip.MustParsePrefix("64:ff9b::/96"), Address: netip.MustParseAddr("192.0.2.80"), Synthesized: target}
		return t
	}},
	{"trace_rejected", func() *trace.Trace {
		return newTrace([]probe.Outcome{probe.OutcomeUnreachable},
			[]trace.Reply{routerReply("10.1.0.1", 1, 11, 0, 34*us)}, []trace.Reply{routerReply("10.1.0.1", 2, 3, 13, 71*us)})
	}},
	{"trace_rejected_by_route", func() *trace.Trace {
		rejected := routerReply("10.2.0.2", 2, 3, 13, 71*us)
		return newTrace([]probe.Outcome{probe.OutcomeUnreachable}, []trace.Reply{routerReply("10.1.0.1", 1, 11, 0, 34*us)}, []trace.Reply{rejected})
	}},
	{"trace_rejected_after_silence", func() *trace.Trace {
		rejected := routerReply("10.3.0.2", 3, 3, 13, 71*us)
		return newTrace([]probe.Outcome{probe.OutcomeUnreachable}, []trace.Reply{routerReply("10.1.0.1", 1, 11, 0, 34*us)}, nil, []trace.Reply{rejected})
	}},
	{"trace_timeout", func() *trace.Trace {
		return newTrace([]probe.Outcome{probe.OutcomeTimeout}, []trace.Reply{routerReply("10.1.0.1", 1, 11, 0, 34*us)})
	}},
	{"trace_nothing", func() *trace.Trace { return newTrace([]probe.Outcome{probe.OutcomeTimeout}) }},
	{"trace_interrupted", func() *trace.Trace { return newTrace([]probe.Outcome{probe.OutcomeInterrupted}) }},
	{"trace_rounds", func() *trace.Trace {
		doubtful := routerReply("10.2.0.6", 2, 11, 0, 1200*time.Millisecond)
		doubtful.Ambiguous, doubtful.Clock = true, stamp.User
		return newTrace([]probe.Outcome{probe.OutcomeEstablished, probe.OutcomeTimeout, probe.OutcomeEstablished},
			[]trace.Reply{routerReply("10.1.0.1", 1, 11, 0, 34*us), routerReply("10.1.0.1", 1, 11, 0, 36*us)},
			[]trace.Reply{routerReply("10.2.0.2", 2, 11, 0, 50*us), doubtful, routerReply("10.2.0.2", 2, 11, 0, 52*us)},
			[]trace.Reply{targetReply(tcphdr.SYN|tcphdr.ACK, 71*us), targetReply(tcphdr.SYN|tcphdr.ACK, 73*us)})
	}},
	{"trace_hostile", func() *trace.Trace {
		t := newTrace([]probe.Outcome{probe.OutcomeRefused}, []trace.Reply{targetReply(tcphdr.RST|tcphdr.ACK, 71*us)})
		t.Target = strings.Repeat("\x1b]0;x\u202e\x9b", 20) + ":80"
		t.Route.Interface = "eth\x1b[31m\x00"
		return t
	}},
}

// TestTraceGolden renders traces in every style (H-13: nothing received or typed is printed raw).
func TestTraceGolden(t *testing.T) {
	for _, c := range traces {
		t.Run(c.name, func(t *testing.T) {
			var all bytes.Buffer
			for _, s := range styles {
				var text bytes.Buffer
				if err := report.Trace(&text, s.style, c.make()); err != nil {
					t.Fatal(err)
				}
				presentable(t, text.String(), s.style)
				if s.name == "quiet" && c.name != "trace_hostile" && strings.Count(text.String(), "\n") != 1 {
					t.Errorf("not one line: %q", &text)
				}
				all.WriteString("-- " + s.name + " --\n" + text.String())
			}
			var lines bytes.Buffer
			if err := report.NewJSON(&lines).Trace(c.make()); err != nil {
				t.Fatal(err)
			}
			for line := range strings.Lines(lines.String()) {
				legible(t, strings.TrimSuffix(line, "\n"))
			}
			golden(t, c.name, all.String()+"-- json --\n"+lines.String())
		})
	}
}
