package report_test

import (
	"bytes"
	"errors"
	"io"
	"net/netip"
	"strings"
	"testing"
	"time"

	"tcpprobe/internal/report"
	"tcpprobe/internal/stamp"
	"tcpprobe/internal/trace"
	"tcpprobe/probe"
	"tcpprobe/tcphdr"
)

// unresolved is what a search for a path ends with before a SYN left.
func unresolved() *probe.Result {
	return &probe.Result{
		Target: "www.lab.test:80", Host: "www.lab.test", Port: 80, Outcome: probe.OutcomeDNSError,
		Err: errors.New("www.lab.test does not exist, says 203.0.113.53 (NXDOMAIN)"),
	}
}

// way is the route of all of them.
func way() *probe.Route {
	return &probe.Route{Interface: "eth0", Source: tracedFrom.Addr(), NextHop: netip.MustParseAddr("10.1.0.1"), MTU: 1500, LinkMTU: 1500}
}

// flow is one flow of several: from a port, through routers, with an outcome.
func flow(port uint16, o probe.Outcome, rtt time.Duration, hops ...[]trace.Reply) trace.TracedFlow {
	t := newTrace([]probe.Outcome{o}, hops...)
	t.Local = netip.AddrPortFrom(tracedFrom.Addr(), port)
	r := &probe.Result{Outcome: o, TCP: &probe.TCP{SYNSent: 1, Answered: rtt > 0, RTT: rtt, Clock: stamp.Kernel}}
	return trace.TracedFlow{Local: t.Local, Handshake: r, Trace: t}
}

func flowSet(flows ...trace.TracedFlow) *trace.FlowSet {
	return &trace.FlowSet{Target: "www.lab.test:80", Remote: netip.AddrPortFrom(traceTarget, 80), Route: way(), Flows: flows}
}

// flowSet6 is flows of IPv6 that meet these routers at the second hop, one each.
func flowSet6(vary trace.Vary, routers ...string) *trace.FlowSet {
	set := flowSet()
	set.Vary, set.Remote, set.Target = vary, netip.MustParseAddrPort("[2001:db8:3::80]:80"), "[2001:db8:3::80]:80"
	set.Route = &probe.Route{Interface: "eth0", Source: netip.MustParseAddr("2001:db8:1::2"), NextHop: netip.MustParseAddr("2001:db8:1::1"), MTU: 1500}
	for i, router := range routers {
		f := flow(40001, probe.OutcomeEstablished, 71*us,
			[]trace.Reply{routerReply("2001:db8:1::1", 1, 3, 0, 34*us)}, []trace.Reply{routerReply(router, 2, 3, 0, 50*us)},
			[]trace.Reply{targetReply(tcphdr.SYN|tcphdr.ACK, 90*us)})
		f.Local, f.FlowLabel = netip.AddrPortFrom(set.Route.Source, 40001), 0x12345
		if vary != trace.VaryLabels {
			f.Local = netip.AddrPortFrom(set.Route.Source, uint16(40001+i))
		}
		if vary != trace.VaryPorts {
			f.FlowLabel += uint32(i)
		}
		set.Flows = append(set.Flows, f)
	}
	return set
}

func pathMTU(vanishing *trace.Trace, largest int, tries ...trace.MTUTry) *trace.PathMTU {
	plain := &probe.Result{Target: "www.lab.test:80", Outcome: probe.OutcomeEstablished, TCP: &probe.TCP{Answered: true, RTT: 71 * us, Connected: true, Connect: 80 * us}}
	search := trace.NewMTUSearch(60, largest)
	for range tries {
		size, _ := search.Next()
		for _, try := range tries {
			if try.Size != size {
				continue
			}
			r := &probe.Result{Outcome: probe.OutcomeTimeout, TCP: &probe.TCP{RTT: try.RTT}}
			switch try.Fate {
			case trace.MTUPassed:
				r.Outcome = probe.OutcomeEstablished
			case trace.MTUTooBig:
				r.Outcome = probe.OutcomeUnreachable
				r.ICMP = []*probe.ICMP{{
					From: try.From, Source: tracedFrom.Addr(), Target: traceTarget, Type: 3, Code: 4, MTU: try.Next,
					SentTTL: 64, QuotedTTL: try.ICMP.QuotedTTL,
				}}
			}
			search.Take(size, r)
			break
		}
	}
	return &trace.PathMTU{
		Target: "www.lab.test:80", Local: tracedFrom, Remote: netip.AddrPortFrom(traceTarget, 80), Route: way(),
		Plain: plain, Search: search, Vanishing: vanishing,
	}
}

func synComparison(variants ...trace.SYNVariant) *trace.SYNComparison {
	return &trace.SYNComparison{
		Target: "www.lab.test:80", Local: tracedFrom, Remote: netip.AddrPortFrom(traceTarget, 80), Route: way(), Variants: variants,
	}
}

// paths are what is found of paths beside a plain trace, each with its text and its JSON.
var paths = []pathCase{
	flowsCase("flows_two_paths", func() *trace.FlowSet {
		first := []trace.Reply{routerReply("10.1.0.1", 1, 11, 0, 34*us)}
		end := []trace.Reply{targetReply(tcphdr.SYN|tcphdr.ACK, 90*us)}
		return flowSet(
			flow(40001, probe.OutcomeEstablished, 71*us, first, []trace.Reply{routerReply("10.2.0.2", 2, 11, 0, 50*us)}, end),
			flow(40002, probe.OutcomeEstablished, 73*us, first, nil, end),
			flow(40003, probe.OutcomeTimeout, 0, first, []trace.Reply{routerReply("10.2.0.6", 2, 11, 0, 50*us)}),
		)
	}),
	flowsCase("flows_alike", func() *trace.FlowSet {
		end := []trace.Reply{targetReply(tcphdr.SYN|tcphdr.ACK, 90*us)}
		return flowSet(flow(40001, probe.OutcomeEstablished, 71*us, end), flow(40002, probe.OutcomeEstablished, 73*us, end))
	}),
	flowsCase("flows_of_labels", func() *trace.FlowSet { return flowSet6(trace.VaryLabels, "2001:db8:2::2", "2001:db8:2::6") }),
	flowsCase("flows_of_ports", func() *trace.FlowSet { return flowSet6(trace.VaryPorts, "2001:db8:2::2", "2001:db8:2::2") }),
	flowsCase("flows_of_both", func() *trace.FlowSet { return flowSet6(trace.VaryAll, "2001:db8:2::2", "2001:db8:2::6") }),
	flowsCase("flows_failed", func() *trace.FlowSet {
		return &trace.FlowSet{Target: "www.lab.test:80", Failed: unresolved()}
	}),
	mtuCase("mtu_whole", func() *trace.PathMTU {
		return pathMTU(nil, 1500, trace.MTUTry{Size: 68, RTT: 70 * us}, trace.MTUTry{Size: 1500, RTT: 90 * us})
	}),
	mtuCase("mtu_narrow", func() *trace.PathMTU {
		return pathMTU(nil, 1500, trace.MTUTry{Size: 68, RTT: 70 * us}, trace.MTUTry{Size: 1400, RTT: 80 * us},
			trace.MTUTry{Size: 1500, Fate: trace.MTUTooBig, From: netip.MustParseAddr("10.1.0.1"), ICMP: &probe.ICMP{QuotedTTL: 64}, Next: 1400})
	}),
	mtuCase("mtu_silent_router", func() *trace.PathMTU {
		return pathMTU(nil, 72, trace.MTUTry{Size: 68, RTT: 70 * us},
			trace.MTUTry{Size: 72, Fate: trace.MTUTooBig, From: netip.MustParseAddr("10.2.0.2"), ICMP: &probe.ICMP{QuotedTTL: 63}}, trace.MTUTry{Size: 70, RTT: 80 * us},
			trace.MTUTry{Size: 71, RTT: 80 * us})
	}),
	mtuCase("mtu_black_hole", func() *trace.PathMTU {
		vanishing := newTrace([]probe.Outcome{probe.OutcomeTimeout}, []trace.Reply{routerReply("10.1.0.1", 1, 11, 0, 34*us)})
		return pathMTU(vanishing, 70, trace.MTUTry{Size: 68, RTT: 70 * us}, trace.MTUTry{Size: 69, RTT: 80 * us},
			trace.MTUTry{Size: 70, Fate: trace.MTULost}, trace.MTUTry{Size: 70, Fate: trace.MTULost})
	}),
	mtuCase("mtu_no_data", func() *trace.PathMTU {
		return pathMTU(nil, 1500, trace.MTUTry{Size: 68, Fate: trace.MTULost}, trace.MTUTry{Size: 68, Fate: trace.MTULost})
	}),
	mtuCase("mtu_failed", func() *trace.PathMTU {
		return &trace.PathMTU{Target: "www.lab.test:80", Plain: unresolved()}
	}),
	synsCase("syns_alike", func() *trace.SYNComparison {
		return synComparison(
			trace.SYNVariant{SYN: probe.SYNBare, Trace: newTrace([]probe.Outcome{probe.OutcomeEstablished}, nil, []trace.Reply{targetReply(tcphdr.SYN|tcphdr.ACK, 71*us)})},
		)
	}),
	synsCase("syns_differ", func() *trace.SYNComparison {
		first := []trace.Reply{routerReply("10.1.0.1", 1, 11, 0, 34*us)}
		changed := routerReply("10.2.0.2", 2, 11, 0, 34*us)
		changed.Changed = []trace.Change{{Field: "mss", Sent: "1460", Found: "1400"}}
		return synComparison(
			trace.SYNVariant{SYN: probe.SYNBare, Trace: newTrace([]probe.Outcome{probe.OutcomeEstablished}, first, nil, []trace.Reply{targetReply(tcphdr.SYN|tcphdr.ACK, 71*us)})},
			trace.SYNVariant{SYN: probe.SYNLinux, Trace: newTrace([]probe.Outcome{probe.OutcomeEstablished}, first, []trace.Reply{changed}, []trace.Reply{targetReply(tcphdr.SYN|tcphdr.ACK, 72*us)})},
			trace.SYNVariant{SYN: probe.SYNECN, Trace: newTrace([]probe.Outcome{probe.OutcomeTimeout}, first)},
			trace.SYNVariant{SYN: probe.SYNFastOpen, Trace: newTrace([]probe.Outcome{probe.OutcomeUnreachable}, first, []trace.Reply{routerReply("10.1.0.1", 2, 3, 13, 71*us)})},
			trace.SYNVariant{SYN: probe.SYNLargeMSS, Trace: newTrace([]probe.Outcome{probe.OutcomeRefused}, []trace.Reply{targetReply(tcphdr.RST|tcphdr.ACK, 71*us)})},
		)
	}),
	synsCase("syns_failed", func() *trace.SYNComparison {
		return &trace.SYNComparison{Target: "www.lab.test:80", Failed: unresolved()}
	}),
}

type pathCase struct {
	name string
	text func(io.Writer, report.Style) error
	json func(*report.JSON) error
}

func flowsCase(name string, make func() *trace.FlowSet) pathCase {
	return pathCase{name, func(w io.Writer, s report.Style) error { return report.Flows(w, s, make()) }, func(j *report.JSON) error { return j.Flows(make()) }}
}

func mtuCase(name string, make func() *trace.PathMTU) pathCase {
	return pathCase{name, func(w io.Writer, s report.Style) error { return report.PathMTU(w, s, make()) }, func(j *report.JSON) error { return j.PathMTU(make()) }}
}

func synsCase(name string, make func() *trace.SYNComparison) pathCase {
	return pathCase{name, func(w io.Writer, s report.Style) error { return report.SYNs(w, s, make()) }, func(j *report.JSON) error { return j.SYNs(make()) }}
}

// TestPathsGolden renders flows, path MTUs and comparisons of SYNs in every style.
func TestPathsGolden(t *testing.T) {
	for _, c := range paths {
		t.Run(c.name, func(t *testing.T) {
			var all bytes.Buffer
			for _, s := range styles {
				var got bytes.Buffer
				if err := c.text(&got, s.style); err != nil {
					t.Fatal(err)
				}
				presentable(t, got.String(), s.style)
				all.WriteString("-- " + s.name + " --\n" + got.String())
			}
			var lines bytes.Buffer
			if err := c.json(report.NewJSON(&lines)); err != nil {
				t.Fatal(err)
			}
			for line := range strings.Lines(lines.String()) {
				legible(t, strings.TrimSuffix(line, "\n"))
			}
			golden(t, c.name, all.String()+"-- json --\n"+lines.String())
		})
	}
}

// TestTraceThatFailedBefore: JSON says what was to be traced, also where no SYN has left.
func TestTraceThatFailedBefore(t *testing.T) {
	failed := &probe.Result{Target: "www.lab.test:80", Host: "www.lab.test", Port: 80, Address: traceTarget, Outcome: probe.OutcomeARPTimeout}
	const remote = "10.3.0.80:80"
	for kind, write := range map[string]func(*report.JSON) error{
		"trace": func(j *report.JSON) error { return j.Trace(&trace.Trace{Target: failed.Target, Failed: failed}) },
		"flows": func(j *report.JSON) error { return j.Flows(&trace.FlowSet{Target: failed.Target, Failed: failed}) },
		"mtu":   func(j *report.JSON) error { return j.PathMTU(&trace.PathMTU{Target: failed.Target, Plain: failed}) },
		"syns":  func(j *report.JSON) error { return j.SYNs(&trace.SYNComparison{Target: failed.Target, Failed: failed}) },
	} {
		var b bytes.Buffer
		if err := write(report.NewJSON(&b)); err != nil {
			t.Fatal(err)
		}
		line := decode(t, b.String())
		if err := compile(t, true).Validate(line); err != nil || line["type"] != kind || line["remote"] != remote {
			t.Errorf("%v: %s is not of type %s, or its remote is not %s", err, &b, kind, remote)
		}
	}
}
