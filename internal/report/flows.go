package report

import (
	"fmt"
	"io"
	"net/netip"
	"strings"

	"tcpprobe/probe"
)

// Flows writes what became of several flows: the flows of each path, and where the paths part.
func Flows(w io.Writer, s Style, set *probe.FlowSet) error {
	p := &page{w: w, style: s}
	if set.Failed != nil {
		return NewLadder(w, s).Verdict(set.Failed)
	}
	groups := set.Groups()
	if !s.Quiet {
		p.flowsHeader(set)
		for i, g := range groups {
			p.flowGroup(i+1, g)
		}
	}
	p.flowsVerdict(set, groups)
	return p.flush()
}

func (p *page) flowsHeader(set *probe.FlowSet) {
	words := []string{count(len(set.Flows), "flow"), "to", p.shorten(p.printable(set.Target), 40)}
	if set.Target != set.Remote.String() {
		words = append(words, fmt.Sprintf("(%v)", set.Remote.Addr()))
	}
	words = append(words, "from "+set.Route.Source.String(), "on "+p.printable(set.Route.Interface))
	p.paragraph("", 2, words)
}

// flowGroup adds the flows that took one path and ended one way.
func (p *page) flowGroup(n int, g probe.FlowGroup) {
	texts := []string{count(len(g.Flows), "flow"), strings.ToUpper(g.Outcome.String())}
	if shortest, average, longest, ok := g.RTT(); ok {
		texts = append(texts, "rtt "+ms(shortest)+"/"+ms(average)+"/"+ms(longest)+" ms")
	}
	if lost := g.Lost(); lost > 0 {
		texts = append(texts, count(lost, "SYN")+" lost")
	}
	const indent = 8
	p.columns(padRight(fmt.Sprintf("path %d", n), indent), indent, texts)
	p.paragraph(strings.Repeat(" ", indent)+"via ", indent, routerNames(g))
	words := []string{"from", "port"}
	if len(g.Flows) > 1 {
		words[1] = "ports"
	}
	const shown = 8
	for i, f := range g.Flows {
		if i == shown && len(g.Flows) > shown+1 {
			words = append(words, fmt.Sprintf("and %d more", len(g.Flows)-shown))
			break
		}
		words = append(words, fmt.Sprint(f.Local.Port()))
	}
	p.paragraph(strings.Repeat(" ", indent), indent, words)
}

// routerNames names the routers of a path, with * for one that no flow heard of.
func routerNames(g probe.FlowGroup) (names []string) {
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
func (p *page) flowsVerdict(set *probe.FlowSet, groups []probe.FlowGroup) {
	outcome, same := flowsOutcome(set)
	word := "MIXED"
	if same {
		word = strings.ToUpper(outcome.String())
	}
	line := word + "  " + p.shorten(p.printable(set.Target), 40) + "  "
	established := 0
	for _, f := range set.Flows {
		if f.Handshake.Outcome == probe.OutcomeEstablished {
			established++
		}
	}
	var b page
	b.style = p.style
	b.paragraph(line, 2, []string{fmt.Sprintf("%d of %s established", established, count(len(set.Flows), "flow"))})
	color := yellow
	if same {
		color = outcomeColor(outcome)
	}
	p.lines.WriteString(p.paint(color, word) + strings.TrimPrefix(b.lines.String(), word))
	if p.style.Quiet {
		return
	}
	for _, text := range flowsNotes(set, groups) {
		p.paragraph("  ", 2, strings.Fields(text))
	}
}

// flowsOutcome returns the outcome of the flows, and whether it is the same for all.
func flowsOutcome(set *probe.FlowSet) (o probe.Outcome, same bool) {
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

// flowsNotes says which flows fail and where, where paths part, and what is not known.
func flowsNotes(set *probe.FlowSet, groups []probe.FlowGroup) (notes []string) {
	n := len(set.Flows)
	for _, g := range groups {
		if g.Outcome == probe.OutcomeEstablished {
			continue
		}
		text := fmt.Sprintf("%d of %s fail", len(g.Flows), count(n, "flow"))
		if hop, router := g.LastHeard(); hop > 0 {
			text += fmt.Sprintf(" at or behind hop %d, %v", hop, router)
		} else {
			text += " before any hop is heard of"
		}
		notes = append(notes, text+": "+strings.ReplaceAll(g.Outcome.String(), "_", " ")+".")
	}
	if part := set.Part(); part > 0 {
		text := fmt.Sprintf("The paths part at hop %d", part)
		for _, g := range groups {
			if i := part - 1; i > 0 && i <= len(g.Routers) && g.Routers[i-1].IsValid() && g.Flows[0].Trace.First == 1 {
				text += fmt.Sprintf(", behind hop %d, %v", part-1, g.Routers[i-1])
				break
			}
		}
		notes = append(notes, text+".")
	}
	silent := 0
	for _, f := range set.Flows {
		if f.Unheard() > 0 {
			silent++
		}
	}
	if silent > 0 {
		notes = append(notes, fmt.Sprintf("Hops stayed silent for %s, asked in three rounds: some send no ICMP, and most send little.", count(silent, "flow")))
	}
	return notes
}
