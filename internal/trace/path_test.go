package trace_test

import (
	"net/netip"
	"testing"
	"time"

	"tcpprobe/icmp"
	"tcpprobe/internal/trace"
	"tcpprobe/probe"
	"tcpprobe/tcphdr"
)

// expired returns the result of a SYN whose TTL ran out at a router, which quotes n octets of it, some of them changed.
func expired(router netip.Addr, sent []byte, n int, changed map[int]byte) *probe.Result {
	quote := append([]byte(nil), sent[:n]...)
	quote[8] = 1
	for at, octet := range changed {
		quote[at] = octet
	}
	m := &probe.ICMP{From: router, Type: uint8(icmp.TimeExceeded), QuotedTTL: 1, Quoted: quote}
	return &probe.Result{
		Outcome: probe.OutcomeUnreachable, ICMP: []*probe.ICMP{m},
		TCP:    &probe.TCP{SYNSent: 1, Answered: true, AnsweredSYN: 1},
		Events: []probe.Event{{Kind: probe.EventSegmentSent, Octets: sent, Segment: &probe.Segment{Header: tcphdr.Header{Flags: tcphdr.SYN}}}},
	}
}

// TestAlterationReach: a hop saw a field as it was sent only if its quote reaches the field.
func TestAlterationReach(t *testing.T) {
	sent := sentSYN(t)
	first, second := netip.MustParseAddr("203.0.113.1"), netip.MustParseAddr("203.0.113.2")
	for _, test := range []struct {
		field   string
		changed map[int]byte
		reach   int // octets of a quote that show the field
	}{
		{"id", map[int]byte{4: 9}, 28},
		{"seq", map[int]byte{24: 9}, 28},
		{"ack", map[int]byte{28: 9}, 32},
		{"flags", map[int]byte{33: 0x42}, 34},
		{"window", map[int]byte{34: 9}, 36},
		{"urgent", map[int]byte{38: 9}, 40},
		{"mss", map[int]byte{42: 1}, 41},
	} {
		for _, n := range []int{28, test.reach - 1, test.reach} {
			if n < 28 {
				continue
			}
			tr := trace.NewTrace("host:80", 1, 2)
			tr.Add(1, expired(first, sent, n, nil))
			tr.Add(2, expired(second, sent, 60, test.changed))
			all := tr.Alterations()
			if len(all) != 1 || all[0].Field != test.field || all[0].Hop != 2 || all[0].From != second {
				t.Fatalf("%s: %+v", test.field, all)
			}
			if want := n >= test.reach; (all[0].Before == 1) != want || (all[0].Intact == first) != want {
				t.Errorf("%s, with %d octets quoted before: intact at hop %d, %v", test.field, n, all[0].Before, all[0].Intact)
			}
		}
	}
}

// TestTraceInterrupted: the silence of a SYN that was not waited for says nothing, and ends nothing.
func TestTraceInterrupted(t *testing.T) {
	tr := trace.NewTrace("host:80", 1, 2)
	if tr.Add(1, &probe.Result{Outcome: probe.OutcomeInterrupted, TCP: &probe.TCP{SYNSent: 1}}) {
		t.Error("the round is over")
	}
	if tr.EndRound(); tr.Hops[0].Sent != 0 || tr.Rounds[0] != probe.OutcomeInterrupted {
		t.Errorf("%+v, %v", tr.Hops[0], tr.Rounds)
	}
}

// flow returns a flow that met these routers, "" for a hop that was silent, and was answered after so long.
func flow(rtt time.Duration, routers ...string) trace.TracedFlow {
	tr := trace.NewTrace("host:80", 1, len(routers)+1)
	for i, router := range routers {
		if router == "" {
			continue
		}
		m := &probe.ICMP{From: netip.MustParseAddr(router), Type: uint8(icmp.TimeExceeded), QuotedTTL: 1}
		tr.Add(1+i, &probe.Result{Outcome: probe.OutcomeUnreachable, ICMP: []*probe.ICMP{m}, TCP: &probe.TCP{SYNSent: 1, Answered: true}})
	}
	tr.Add(len(routers)+1, &probe.Result{Outcome: probe.OutcomeRefused, TCP: &probe.TCP{SYNSent: 1, Answered: true}})
	return trace.TracedFlow{Trace: tr, Handshake: &probe.Result{
		Outcome: probe.OutcomeRefused, TCP: &probe.TCP{SYNSent: 1, Answered: rtt > 0, RTT: rtt},
	}}
}

// TestGroups: a hop that is silent for one flow may be any that replies to another, whichever of the two comes first.
func TestGroups(t *testing.T) {
	const a, b = "203.0.113.1", "203.0.113.2"
	for _, test := range []struct {
		name  string
		flows []trace.TracedFlow
		sizes []int
	}{
		{"the same", []trace.TracedFlow{flow(1, a), flow(1, a)}, []int{2}},
		{"two ways", []trace.TracedFlow{flow(1, a), flow(1, b), flow(1, a)}, []int{2, 1}},
		{"silent in the second", []trace.TracedFlow{flow(1, a), flow(1, "")}, []int{2}},
		{"silent in the first", []trace.TracedFlow{flow(1, ""), flow(1, a)}, []int{2}},
		{"silent each at another hop", []trace.TracedFlow{flow(1, "", b), flow(1, a, "")}, []int{2}},
		{"longer", []trace.TracedFlow{flow(1, a), flow(1, a, b)}, []int{1, 1}},
	} {
		groups := (&trace.FlowSet{Flows: test.flows}).Groups()
		var sizes []int
		for _, g := range groups {
			sizes = append(sizes, len(g.Flows))
		}
		if len(sizes) != len(test.sizes) || sizes[0] != test.sizes[0] {
			t.Errorf("%s: groups of %v, want %v", test.name, sizes, test.sizes)
		}
	}
}

// TestGroupRTT: the shortest, the average and the longest of the times, without those flows that have none.
func TestGroupRTT(t *testing.T) {
	g := trace.FlowGroup{Flows: []trace.TracedFlow{flow(30 * ms), flow(0), flow(10 * ms), flow(80 * ms)}}
	shortest, average, longest, ok := g.RTT()
	if !ok || shortest != 10*ms || average != 40*ms || longest != 80*ms {
		t.Errorf("%v %v %v %t", shortest, average, longest, ok)
	}
	if _, _, _, ok := (trace.FlowGroup{Flows: []trace.TracedFlow{flow(0)}}).RTT(); ok {
		t.Error("a time of nothing")
	}
}
