package report

import (
	"fmt"
	"io"
	"strings"

	"tcpprobe/internal/text"
	"tcpprobe/internal/trace"
)

// PathMTU writes the sizes that were tried, the largest that passes, and where the path gets narrow.
func PathMTU(w io.Writer, s Style, m *trace.PathMTU) error {
	p := newPage(w, s)
	if m.Search == nil {
		return NewLadder(w, s).Verdict(m.Plain)
	}
	if !s.Quiet {
		words := []string{"mtu of the path to", p.Printable(m.Target)}
		if m.Target != m.Remote.String() {
			words = append(words, fmt.Sprintf("(%v)", m.Remote.Addr()))
		}
		p.Paragraph("", 2, append(words, fmt.Sprintf("from %v", m.Local), "on "+p.Printable(m.Route.Interface)))
		for _, try := range m.Search.Tries {
			const indent = 17
			fate, words := mtuTry(m, try)
			p.Paragraph(text.PadRight(fmt.Sprintf("%6d  %s", try.Size, fate), indent), indent, words)
			if s.Verbose && try.ICMP != nil {
				p.icmpDetails(try.ICMP)
				p.quoteDetails(try.ICMP.Quoted)
			}
		}
	}
	found := "does not answer SYNs that carry data"
	if m.Search.Usable() {
		found = fmt.Sprintf("path mtu %d", m.Search.MTU)
	}
	p.conclude(outcomeColor(m.Outcome()), outcomeWord(m.Outcome()), p.Printable(m.Target), 1, []string{found})
	if !s.Quiet {
		for _, note := range mtuNotes(m) {
			p.Paragraph("  ", 2, strings.Fields(note))
		}
	}
	return p.Flush()
}

// mtuTry says what became of a SYN of a size, in a word or two and then in words that say more.
func mtuTry(m *trace.PathMTU, t trace.MTUTry) (fate string, words []string) {
	switch t.Fate {
	case trace.MTUPassed:
		return "passes", []string{text.Milliseconds(t.RTT) + " ms"}
	case trace.MTULost:
		return "vanishes", nil
	}
	room := "which does not say for what it has room"
	if t.Next > 0 {
		room = fmt.Sprintf("which has room for %d", t.Next)
	}
	return "too big", strings.Fields("for " + hopAt(m, t) + ", " + room)
}

// hopAt names who said that a SYN was too big: "hop 1, 10.1.0.1".
func hopAt(m *trace.PathMTU, t trace.MTUTry) string {
	hop := hopText(Distance(t.ICMP, m.Route))
	if hop == "" {
		return t.From.String()
	}
	return fmt.Sprintf("%s, %v", hop, t.From)
}

// mtuNotes says where the path gets narrow.
func mtuNotes(m *trace.PathMTU) (notes []string) {
	if !m.Search.Usable() {
		return []string{"It answers a SYN without data: the path MTU cannot be found in this way."}
	}
	before := m.Search.Largest
	for _, try := range m.Search.Tries {
		if try.Fate == trace.MTUTooBig && try.Next > 0 && try.Next < before {
			notes = append(notes, fmt.Sprintf("It shrinks from %d to %d behind %s, which says so.", before, try.Next, hopAt(m, try)))
			before = try.Next
		}
	}
	if _, ok := m.Search.BlackHole(); ok {
		note := fmt.Sprintf("black hole: datagrams over %d octets vanish", m.Search.MTU)
		if m.Vanishing != nil {
			if hop, router := m.LastHeard(); hop > 0 {
				note += fmt.Sprintf(" after hop %d, %v", hop, router)
			}
		}
		notes = append(notes, note+", without ICMP.")
	}
	switch {
	case len(notes) > 0:
	case m.Search.MTU < m.Route.LinkMTU:
		notes = []string{fmt.Sprintf("The kernel sends nothing larger there. Next: --send link tries up to %d.", m.Route.LinkMTU)}
	default:
		notes = []string{"That is the MTU of the interface: the path shrinks nowhere."}
	}
	return notes
}
