package report

import (
	"fmt"
	"io"
	"net/netip"
	"strings"

	"tcpprobe/internal/text"
	"tcpprobe/internal/trace"
	"tcpprobe/probe"
)

// Flows writes what became of several flows: the flows of each path, and where the paths part.
func Flows(w io.Writer, s Style, set *trace.FlowSet) error {
	p := newPage(w, s)
	if set.Failed != nil {
		return NewLadder(w, s).Verdict(set.Failed)
	}
	groups := set.Groups()
	if !s.Quiet {
		p.flowsHeader(set)
		for i, g := range groups {
			p.flowGroup(i+1, set, g)
		}
	}
	p.flowsVerdict(set, groups)
	return p.Flush()
}

func (p *page) flowsHeader(set *trace.FlowSet) {
	words := []string{text.Count(len(set.Flows), "flow"), "to", p.Printable(set.Target)}
	if set.Target != set.Remote.String() {
		words = append(words, fmt.Sprintf("(%v)", set.Remote.Addr()))
	}
	words = append(words, "from "+set.Route.Source.String(), "on "+p.Printable(set.Route.Interface))
	if alike := varied(set); alike != nil {
		words[len(words)-1] += ","
		words = append(words, alike...)
	}
	p.Paragraph("", 2, words)
}

// varied says what the flows differ in, and what they have in common, unless it is the port alone that there is.
func varied(set *trace.FlowSet) []string {
	first := set.Flows[0]
	switch {
	case set.Vary == trace.VaryLabels:
		return []string{"all from", fmt.Sprintf("port %d,", first.Local.Port()), "each with", "a flow label", "of its own"}
	case !set.Remote.Addr().Is6():
		return nil
	case set.Vary == trace.VaryPorts:
		return []string{"all with", "flow label", flowLabel(first) + ",", "each from", "a port", "of its own"}
	}
	return []string{"each with", "a port", "and a flow label", "of its own"}
}

func flowLabel(f trace.TracedFlow) string { return fmt.Sprintf("0x%05x", f.FlowLabel) }

// mark returns the words for what tells flows apart, in the singular, and the value of a flow.
func mark(set *trace.FlowSet) (preposition, noun string, of func(trace.TracedFlow) string) {
	if set.Vary == trace.VaryLabels {
		return "with", "label", flowLabel
	}
	return "from", "port", func(f trace.TracedFlow) string { return fmt.Sprint(f.Local.Port()) }
}

// flowGroup adds the flows that took one path and ended one way.
func (p *page) flowGroup(n int, set *trace.FlowSet, g trace.FlowGroup) {
	texts := []string{text.Count(len(g.Flows), "flow"), strings.ToUpper(g.Outcome.String())}
	if shortest, average, longest, ok := g.RTT(); ok {
		texts = append(texts, "rtt "+text.Milliseconds(shortest)+"/"+text.Milliseconds(average)+"/"+text.Milliseconds(longest)+" ms")
	}
	if lost := g.Lost(); lost > 0 {
		texts = append(texts, text.Count(lost, "SYN")+" lost")
	}
	const indent = 8
	p.Line(text.Fill(text.PadRight(fmt.Sprintf("path %d", n), indent), indent, 2, texts)...)
	p.Paragraph(strings.Repeat(" ", indent)+"via ", indent, routerNames(g))
	preposition, noun, of := mark(set)
	if p.style.Verbose {
		for _, f := range g.Flows {
			p.detail(noun, append([]string{of(f)}, flowWords(f)...)...)
		}
		return
	}
	words := []string{preposition, noun}
	if len(g.Flows) > 1 {
		words[1] += "s"
	}
	const shown = 8
	for i, f := range g.Flows {
		if i == shown && len(g.Flows) > shown+1 {
			words = append(words, fmt.Sprintf("and %d more", len(g.Flows)-shown))
			break
		}
		words = append(words, of(f))
	}
	p.Paragraph(strings.Repeat(" ", indent), indent, words)
}

// flowWords says how the handshake of one flow ended, and whom its SYNs met.
func flowWords(f trace.TracedFlow) []string {
	words := []string{strings.ToUpper(f.Handshake.Outcome.String())}
	if t := f.Handshake.TCP; t != nil && t.Answered {
		words = append(words, "rtt "+text.Milliseconds(t.RTT)+" ms"+doubts(t))
	}
	if routers := f.Routers(); len(routers) > 0 {
		words = append(words, "via")
		for _, router := range routers {
			words = append(words, routerName(router))
		}
	}
	return words
}

// routerNames names the routers of a path, with * for one that no flow heard of.
func routerNames(g trace.FlowGroup) (names []string) {
	for _, router := range g.Routers {
		names = append(names, routerName(router))
	}
	if len(names) == 0 {
		names = []string{"no router that is known"}
	}
	return names
}

func routerName(router netip.Addr) string {
	if !router.IsValid() {
		return "*"
	}
	return router.String()
}

// flowsVerdict adds how many flows fail, and where, and where paths part. Its first word is the outcome.
func (p *page) flowsVerdict(set *trace.FlowSet, groups []trace.FlowGroup) {
	outcome, same := flowsOutcome(set)
	established := 0
	for _, f := range set.Flows {
		if f.Handshake.Outcome == probe.OutcomeEstablished {
			established++
		}
	}
	found := fmt.Sprintf("%d of %s established", established, text.Count(len(set.Flows), "flow"))
	color, word := endOfSeveral(outcome, same)
	p.conclude(color, word, p.Printable(set.Target), 1, []string{found})
	if p.style.Quiet {
		return
	}
	for _, note := range flowsNotes(set, groups) {
		p.Paragraph("  ", 2, strings.Fields(note))
	}
}

// endOfSeveral returns the word, and its color, for the outcome of several handshakes, if it was the same for all.
func endOfSeveral(o probe.Outcome, same bool) (text.Color, string) {
	if !same {
		return text.Yellow, "MIXED"
	}
	return outcomeColor(o), outcomeWord(o)
}

// flowsOutcome returns the outcome of the flows, and whether it is the same for all.
func flowsOutcome(set *trace.FlowSet) (o probe.Outcome, same bool) {
	if set.Failed != nil {
		return set.Failed.Outcome, true
	}
	for i, f := range set.Flows {
		if i > 0 && f.Handshake.Outcome != o {
			return o, false
		}
		o = f.Handshake.Outcome
	}
	return o, true
}

// partedBy says what paths part by, since all else is the same.
func partedBy(set *trace.FlowSet) string {
	switch {
	case set.Vary == trace.VaryLabels:
		return " It is the flow label that they part by: addresses and ports are the same."
	case !set.Remote.Addr().Is6():
		return ""
	case set.Vary == trace.VaryPorts:
		return " It is the port that they part by: addresses and flow label are the same."
	}
	return " By port or by flow label: --vary ports and --vary label tell."
}

// flowsNotes says which flows fail and where, where paths part, and what is not known.
func flowsNotes(set *trace.FlowSet, groups []trace.FlowGroup) (notes []string) {
	n := len(set.Flows)
	for _, g := range groups {
		if g.Outcome == probe.OutcomeEstablished {
			continue
		}
		note := fmt.Sprintf("%d of %s fail", len(g.Flows), text.Count(n, "flow"))
		if hop, router := g.LastHeard(); hop > 0 {
			note += fmt.Sprintf(" at or behind hop %d, %v", hop, router)
		} else {
			note += " before any hop is heard of"
		}
		notes = append(notes, note+": "+strings.ReplaceAll(g.Outcome.String(), "_", " ")+".")
	}
	if part := set.Part(); part > 0 {
		note := fmt.Sprintf("The paths part at hop %d", part)
		for _, g := range groups {
			if i := part - 1; i > 0 && i <= len(g.Routers) && g.Routers[i-1].IsValid() && g.Flows[0].Trace.First == 1 {
				note += fmt.Sprintf(", behind hop %d, %v", part-1, g.Routers[i-1])
				break
			}
		}
		notes = append(notes, note+"."+partedBy(set))
	} else if _, same := flowsOutcome(set); same && set.Vary != trace.VaryAll {
		varies := "port"
		if set.Vary == trace.VaryLabels {
			varies = "flow label"
		}
		notes = append(notes, "No two flows are known to part: the path does not seem to depend on the "+varies+".")
	}
	silent := 0
	for _, f := range set.Flows {
		if f.Unheard() > 0 {
			silent++
		}
	}
	if silent > 0 {
		notes = append(notes, fmt.Sprintf("Hops stayed silent for %s, and were asked again: some send no ICMP, and most send little.", text.Count(silent, "flow")))
	}
	return notes
}
