package report

import (
	"fmt"
	"io"
	"strings"

	"tcpprobe/internal/text"
	"tcpprobe/internal/trace"
	"tcpprobe/probe"
)

// SYNs writes what became of each variant of the SYN, and which do not get through.
func SYNs(w io.Writer, s Style, c *trace.SYNComparison) error {
	p := newPage(w, s)
	if c.Failed != nil {
		return NewLadder(w, s).Verdict(c.Failed)
	}
	if !s.Quiet {
		words := []string{"SYNs to", p.Printable(c.Target)}
		if c.Target != c.Remote.String() {
			words = append(words, fmt.Sprintf("(%v)", c.Remote.Addr()))
		}
		p.Paragraph("", 2, append(words, fmt.Sprintf("from %v", c.Local), "on "+p.Printable(c.Route.Interface)))
		for _, v := range c.Variants {
			const indent = 21
			p.Line(text.Fill(fmt.Sprintf(" %-7s  %-11s", v.SYN, v.Fate()), indent, 2, variantTexts(v))...)
			if end, ended := v.Trace.End(); s.Verbose && ended {
				p.replyDetails(end)
			}
		}
	}
	passed := 0
	for _, v := range c.Variants {
		if outcome, _ := v.Trace.Outcome(); outcome == probe.OutcomeEstablished {
			passed++
		}
	}
	outcome, same := variantsOutcome(c)
	found := fmt.Sprintf("%d of %s accepted", passed, text.Count(len(c.Variants), "SYN"))
	color, word := endOfSeveral(outcome, same)
	p.conclude(color, word, p.Printable(c.Target), 1, []string{found})
	if !s.Quiet {
		for _, note := range variantNotes(c) {
			p.Paragraph("  ", 2, strings.Fields(note))
		}
	}
	return p.Flush()
}

// variantTexts says what came back for a SYN, or how far it is heard of.
func variantTexts(v trace.SYNVariant) []string {
	end, ended := v.Trace.End()
	if !ended {
		return []string{"heard of up to " + v.LastHeard()}
	}
	texts := []string{text.Milliseconds(end.RTT) + " ms"}
	if end.ICMP != nil {
		return append(texts, rejectedBy(end.ICMP)+away(traceDistance(v.Trace, end)))
	}
	texts = append(texts, offered(end.Segment)...)
	if _, ok := v.Answer(); ok && end.Peer.ECN != probe.ECNOff {
		texts = append(texts, "ecn "+end.Peer.ECN.String())
	}
	if missing := v.Missing(); len(missing) > 0 {
		texts = append(texts, "without "+strings.Join(missing, " "))
	}
	return texts
}

// variantsOutcome returns the outcome of the SYNs, and whether it is the same for all.
func variantsOutcome(c *trace.SYNComparison) (o probe.Outcome, same bool) {
	if c.Failed != nil {
		return c.Failed.Outcome, true
	}
	o = probe.OutcomeInterrupted
	for i, v := range c.Variants {
		outcome, _ := v.Trace.Outcome()
		if i > 0 && outcome != o {
			return o, false
		}
		o = outcome
	}
	return o, true
}

// variantNotes names the SYNs that fare worse than others, and what is not known.
func variantNotes(c *trace.SYNComparison) (notes []string) {
	_, same := variantsOutcome(c)
	missing := false
	for _, v := range c.Variants {
		missing = missing || len(v.Missing()) > 0
		if fate := v.Fate(); !same && fate != "passes" && fate != "reflected" {
			note := fmt.Sprintf("%v is %s", v.SYN, fate)
			if fate == "dropped" {
				note += ": it is heard of up to " + v.LastHeard()
			}
			notes = append(notes, note+".")
		}
		if v.Fate() == "reflected" {
			notes = append(notes, fmt.Sprintf("%v is reflected: our own ECN bits came back, as from a broken peer.", v.SYN))
		}
	}
	notes = append(notes, variantChanges(c)...)
	if missing {
		notes = append(notes, "What an answer lacks, the peer does not want, or the path took away.")
	}
	return notes
}

// variantChanges says what was changed on the way, and in which SYNs. Of an option that was taken out or rewritten, what was
// sent may differ from SYN to SYN.
func variantChanges(c *trace.SYNComparison) (notes []string) {
	changed := make(map[string][]string) // the SYNs, by what was changed of them
	var order []string
	for _, v := range c.Variants {
		for _, a := range v.Trace.Alterations() {
			if a.Field == "timestamps" {
				a.Sent = "present"
			}
			note := alterationText(a)
			if changed[note] == nil {
				order = append(order, note)
			}
			changed[note] = append(changed[note], v.SYN.String())
		}
	}
	for _, note := range order {
		notes = append(notes, "changed: "+note+": "+strings.Join(changed[note], ", ")+".")
	}
	return notes
}
