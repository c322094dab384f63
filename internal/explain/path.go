package explain

import (
	"fmt"

	"tcpprobe/internal/report"
	"tcpprobe/internal/text"
	"tcpprobe/internal/trace"
)

// Trace says in a few lines what was learnt from a trace, Flows from several flows, PathMTU from a search for the path
// MTU, and SYNs from a comparison of SYNs. The verdicts themselves are package report's. The error is the writer's.
func (l *Lesson) Trace(t *trace.Trace) error {
	if t.Failed != nil && len(t.Path()) == 0 {
		return l.Verdict(t.Failed)
	}
	named := 0
	for _, hop := range t.Path() {
		if len(hop.Replies) > 0 {
			named++
		}
	}
	field, message, source := "Time to Live", "ICMP 11/0", "RFC 1812 5.3.1, RFC 792"
	flow, balanced := "addresses and ports", "RFC 2992"
	if t.Remote.Addr().Is6() {
		field, message, source = "Hop Limit", "ICMPv6 3/0", "RFC 8200 3, RFC 4443 3.3"
		flow, balanced = "addresses, ports and flow label", "RFC 6437 5.1"
	}
	return l.conclude(append([]string{
		fmt.Sprintf("Every router that forwards a datagram takes one off its %s, and reports by %s where nothing is left (%s).", field, message, source),
		fmt.Sprintf("So SYNs with a %s of %d, %d and so on name the hops in their order: %s of %d said something.",
			field, t.First, t.First+1, text.Count(named, "hop"), len(t.Path())),
		fmt.Sprintf("All have the same %s, so that routers that share load send them the same way (%s).", flow, balanced),
		"Of the way back nothing is known but how long it and the way there took together.",
	}, report.TraceNotes(t)...)...)
}

func (l *Lesson) Flows(set *trace.FlowSet) error {
	if set.Failed != nil {
		return l.Verdict(set.Failed)
	}
	differences, balanced := "source port alone", "addresses and ports (RFC 2992)"
	if set.Remote.Addr().Is6() {
		balanced = "addresses, by ports, by the flow label (RFC 6437 5.1), or by several of these"
		switch set.Vary {
		case trace.VaryAll:
			differences = "source port and in the flow label"
		case trace.VaryLabels:
			differences = "flow label alone"
		}
	}
	return l.conclude(append([]string{
		fmt.Sprintf("%s that differ in the %s.", text.Count(len(set.Flows), "connection"), differences),
		fmt.Sprintf("Routers that share load choose the next hop by %s, so that each flow keeps to one way and others may take another.", balanced),
	}, report.FlowsNotes(set)...)...)
}

func (l *Lesson) PathMTU(m *trace.PathMTU) error {
	if m.Search == nil {
		return l.Verdict(m.Plain)
	}
	drops := "A router that may not cut up a datagram too large for its next link drops it, and names the size that fits by ICMP 3/4 (RFC 1191 4)."
	if m.Remote.Addr().Is6() {
		drops = "Routers never cut up an IPv6 datagram: one too large for the next link is dropped, and ICMPv6 2/0 names the size that fits (RFC 8201 4)."
	}
	return l.conclude(append([]string{
		drops,
		"What it names is tried, not believed; where nobody says anything, the size is found by halving (RFC 4821 3).",
	}, report.MTUNotes(m)...)...)
}

func (l *Lesson) SYNs(c *trace.SYNComparison) error {
	if c.Failed != nil {
		return l.Verdict(c.Failed)
	}
	return l.conclude(append([]string{
		"A host that does not know an option passes over it (RFC 9293 MUST-6), and one that does not want ECN does not say so (RFC 3168 6.1.1):",
		"a SYN that vanishes for what it offers was dropped by something on the way.",
	}, report.SYNsNotes(c)...)...)
}

// conclude adds what was learnt.
func (l *Lesson) conclude(sentences ...string) error {
	if l.page.quiet {
		return nil
	}
	l.page.Line("", l.page.Paint(text.Bold, "What was learnt"))
	for i, s := range sentences {
		sentences[i] = l.page.Printable(s)
	}
	l.page.prose(sentences...)
	l.page.Line("")
	return l.page.Flush()
}
