package diagram_test

import (
	"bytes"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode"

	"github.com/google/go-cmp/cmp"

	"tcpprobe/internal/diagram"
	"tcpprobe/internal/stamp"
	"tcpprobe/internal/trace"
	"tcpprobe/probe"
	"tcpprobe/tcphdr"
)

var (
	pathTarget = netip.MustParseAddrPort("10.3.0.80:80")
	pathSource = netip.MustParseAddrPort("10.1.0.2:40000")
)

const us = time.Microsecond

// routerReply is an ICMP error of a router about a SYN with that TTL.
func routerReply(from string, ttl, kind, code uint8, rtt time.Duration) trace.Reply {
	names := map[[2]uint8]string{{11, 0}: "time to live exceeded", {3, 13}: "administratively prohibited"}
	m := &probe.ICMP{
		From: netip.MustParseAddr(from), Source: pathSource.Addr(), Target: pathTarget.Addr(), Type: kind, Code: code,
		Name: names[[2]uint8{kind, code}], TTL: 64 - ttl, QuotedTTL: 1, SentTTL: ttl,
	}
	return trace.Reply{From: m.From, RTT: rtt, Clock: stamp.Kernel, ICMP: m}
}

// targetReply is a segment of the target.
func targetReply(flags tcphdr.Flags, rtt time.Duration) trace.Reply {
	r := trace.Reply{From: pathTarget.Addr(), RTT: rtt, Clock: stamp.Kernel, Segment: &probe.Segment{Header: tcphdr.Header{Flags: flags}, TTL: 62}}
	if flags.Has(tcphdr.SYN) {
		r.Segment.Header.Options = tcphdr.AppendTimestamps(tcphdr.AppendMSS(nil, 1400), 1, 2)
		r.Peer = &probe.Peer{MSS: 1400, HasMSS: true, Timestamps: true}
	}
	return r
}

func pathRoute() *probe.Route {
	return &probe.Route{Interface: "eth0", Source: pathSource.Addr(), NextHop: netip.MustParseAddr("10.1.0.1"), MTU: 1500, LinkMTU: 1500}
}

func newTrace(rounds []probe.Outcome, hops ...[]trace.Reply) *trace.Trace {
	t := trace.NewTrace("www.lab.test:80", 1, 30)
	t.Local, t.Remote, t.Route, t.Rounds = pathSource, pathTarget, pathRoute(), rounds
	for i := range t.Hops {
		t.Hops[i].Sent = len(rounds)
		if i < len(hops) {
			t.Hops[i].Replies = hops[i]
		}
	}
	return t
}

// The hops of the examples.
var (
	first  = []trace.Reply{routerReply("10.1.0.1", 1, 11, 0, 34*us)}
	second = []trace.Reply{routerReply("10.2.0.2", 2, 11, 0, 50*us)}
	other  = []trace.Reply{routerReply("10.2.0.6", 2, 11, 0, 52*us)}
	end    = []trace.Reply{targetReply(tcphdr.SYN|tcphdr.ACK, 71*us)}
)

func flow(port uint16, o probe.Outcome, rtt time.Duration, hops ...[]trace.Reply) trace.TracedFlow {
	t := newTrace([]probe.Outcome{o}, hops...)
	r := &probe.Result{Outcome: o, TCP: &probe.TCP{SYNSent: 1, Answered: rtt > 0, RTT: rtt, Clock: stamp.Kernel}}
	return trace.TracedFlow{Local: netip.AddrPortFrom(pathSource.Addr(), port), Handshake: r, Trace: t}
}

var established, silent = []probe.Outcome{probe.OutcomeEstablished}, []probe.Outcome{probe.OutcomeTimeout}

// failed is what ends a search for a path before a SYN left.
func failed() *probe.Result {
	return &probe.Result{Target: "www.lab.test:80", Host: "www.lab.test", Port: 80, Outcome: probe.OutcomeDNSError}
}

// paths are the scenes of paths.
var paths = []struct {
	name string
	make func() *diagram.Scene
}{
	{"trace_established", func() *diagram.Scene { return diagram.Trace(newTrace(established, first, nil, end)) }},
	{"trace_rejected", func() *diagram.Scene {
		return diagram.Trace(newTrace([]probe.Outcome{probe.OutcomeUnreachable}, first, []trace.Reply{routerReply("10.1.0.1", 2, 3, 13, 71*us)}))
	}},
	{"trace_timeout", func() *diagram.Scene { return diagram.Trace(newTrace(silent, first, second)) }},
	{"trace_nothing", func() *diagram.Scene { return diagram.Trace(newTrace(silent)) }},
	{"trace_rounds", func() *diagram.Scene {
		return diagram.Trace(newTrace([]probe.Outcome{probe.OutcomeEstablished, probe.OutcomeTimeout},
			append(first[:1:1], first...), append(second[:1:1], other...), end))
	}},
	{"trace_hostile", func() *diagram.Scene {
		t := newTrace([]probe.Outcome{probe.OutcomeRefused}, []trace.Reply{targetReply(tcphdr.RST|tcphdr.ACK, 71*us)})
		t.Target, t.Route.Interface = hostile+":80", hostile
		return diagram.Trace(t)
	}},
	{"trace_failed", func() *diagram.Scene { return diagram.Trace(&trace.Trace{Target: "www.lab.test:80", Failed: failed()}) }},
	{"flows", func() *diagram.Scene {
		return diagram.Flows(&trace.FlowSet{Target: "www.lab.test:80", Remote: pathTarget, Route: pathRoute(), Flows: []trace.TracedFlow{
			flow(40001, probe.OutcomeEstablished, 71*us, first, second, end),
			flow(40002, probe.OutcomeEstablished, 73*us, first, nil, end),
			flow(40003, probe.OutcomeTimeout, 0, first, other),
		}})
	}},
	{"mtu", func() *diagram.Scene {
		search := trace.NewMTUSearch(60, 1500)
		search.Take(68, &probe.Result{Outcome: probe.OutcomeEstablished, TCP: &probe.TCP{RTT: 70 * us}})
		search.Take(1500, &probe.Result{Outcome: probe.OutcomeUnreachable, ICMP: []*probe.ICMP{
			{From: first[0].From, Source: pathSource.Addr(), Target: pathTarget.Addr(), Type: 3, Code: 4, MTU: 1400, SentTTL: 64, QuotedTTL: 64},
		}})
		search.Take(1400, &probe.Result{Outcome: probe.OutcomeTimeout})
		search.Take(1400, &probe.Result{Outcome: probe.OutcomeEstablished, TCP: &probe.TCP{RTT: 90 * us}})
		return diagram.PathMTU(&trace.PathMTU{
			Target: "www.lab.test:80", Local: pathSource, Remote: pathTarget, Route: pathRoute(), Search: search,
			Plain: &probe.Result{Outcome: probe.OutcomeEstablished},
		})
	}},
	{"syns", func() *diagram.Scene {
		return diagram.SYNs(&trace.SYNComparison{Target: "www.lab.test:80", Local: pathSource, Remote: pathTarget, Route: pathRoute(), Variants: []trace.SYNVariant{
			{SYN: probe.SYNBare, Trace: newTrace(established, first, second, end)},
			{SYN: probe.SYNECN, Trace: newTrace(silent, first)},
			{SYN: probe.SYNFastOpen, Trace: newTrace([]probe.Outcome{probe.OutcomeUnreachable}, first, []trace.Reply{routerReply("10.1.0.1", 2, 3, 13, 71*us)})},
		}})
	}},
}

// TestPaths draws every scene of a path, as it is in the golden files and harmless.
func TestPaths(t *testing.T) {
	for _, c := range paths {
		for _, rendering := range []struct {
			suffix string
			render func(*bytes.Buffer) error
		}{
			{".svg", func(b *bytes.Buffer) error { return diagram.SVG(b, c.make(), diagram.Options{}) }},
			{".mmd", func(b *bytes.Buffer) error { return diagram.Mermaid(b, c.make()) }},
		} {
			var b bytes.Buffer
			if err := rendering.render(&b); err != nil {
				t.Fatal(err)
			}
			got := b.String()
			if i := strings.IndexFunc(got, func(r rune) bool { return r != '\n' && !unicode.IsPrint(r) }); i >= 0 {
				t.Errorf("%s%s: not printable: %q", c.name, rendering.suffix, got[i:])
			}
			if rendering.suffix == ".svg" {
				d := parse(t, got)
				for _, name := range elements {
					delete(d.elements, name)
				}
				if len(d.elements) > 0 || strings.Contains(got, "href") || strings.Contains(got, "url(") {
					t.Errorf("%s: %v in the drawing", c.name, d.elements)
				}
			}
			path := filepath.Join("testdata", c.name+rendering.suffix)
			if *update {
				if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), got); diff != "" {
				t.Errorf("%s is not what is drawn (-want +got):\n%s", path, diff)
			}
		}
	}
}
