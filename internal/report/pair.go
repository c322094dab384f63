package report

import (
	"fmt"
	"io"
	"strings"
	"time"

	"tcpprobe/internal/spectator"
	"tcpprobe/internal/text"
	"tcpprobe/probe"
)

// Comparison prints what became of handshakes between two places.
type Comparison struct {
	page  page
	lines *Handshakes
	files [2]string
}

// NewComparison returns a Comparison of what is in two files that writes to w.
func NewComparison(w io.Writer, s Style, a, b string) *Comparison {
	return &Comparison{page: newPage(w, s), lines: NewHandshakes(w, s), files: [2]string{a, b}}
}

// Pair prints one handshake: as the first place has it, and below it what is otherwise at the second, what was lost between them, and
// where the time went.
func (c *Comparison) Pair(p *spectator.Pair) error {
	shown := p.A
	if shown == nil {
		shown = p.B
	}
	if err := c.lines.Line(shown); err != nil {
		return err
	}
	for _, sentence := range pairSentences(p) {
		c.page.Paragraph(strings.Repeat(" ", handshakeIndent), handshakeIndent, strings.Fields(c.page.Printable(sentence)))
	}
	return c.page.Flush()
}

// Summary prints what there is to say of all handshakes together.
func (c *Comparison) Summary(all *spectator.Comparison) error {
	c.page.Paragraph("--- ", 4, []string{c.page.Printable("A " + c.files[0]), c.page.Printable("B " + c.files[1]), "---"})
	both := len(all.Pairs) - all.OnlyA - all.OnlyB
	c.page.Paragraph("", 2, []string{text.Count(len(all.Pairs), "handshake") + ":", fmt.Sprintf("%d at both places,", both), fmt.Sprintf("%d at A alone,", all.OnlyA), fmt.Sprintf("%d at B alone", all.OnlyB)})
	if all.Estimated {
		c.page.Paragraph("", 2, strings.Fields(clocks(all)))
	} else if both > 0 {
		c.page.Line("the clocks cannot be compared: no handshake was answered at both places")
	}
	return c.page.Flush()
}

// clocks says how far the clocks of two captures are apart.
func clocks(c *spectator.Comparison) string {
	word := "ahead of"
	if c.Offset < 0 {
		word = "behind"
	}
	return fmt.Sprintf("clocks: that of B is %s ms %s that of A, ±%s ms, as the shortest way between them shows",
		text.Milliseconds(c.Offset.Abs()), word, text.Milliseconds(c.Uncertainty))
}

// pairSentences says what became of a handshake between the places, each in a sentence or a few words.
func pairSentences(p *spectator.Pair) (list []string) {
	switch {
	case p.B == nil:
		return []string{"at A alone: " + aloneBecause(p.A)}
	case p.A == nil:
		return []string{"at B alone: " + aloneBecause(p.B)}
	}
	if p.A.Result.Outcome != p.B.Result.Outcome {
		list = append(list, "at B: "+p.B.Result.Outcome.String()+" "+handshakeClause(p.B))
	}
	if split := pairTimes(p); split != "" {
		list = append(list, split)
	}
	if lost := pairLosses(p); lost != "" {
		list = append(list, lost)
	}
	if len(p.Changes) > 0 {
		var words []string
		for _, c := range p.Changes {
			words = append(words, changeWords(c))
		}
		list = append(list, "A > B: "+strings.Join(words, "; "))
	}
	return list
}

// aloneBecause says what it means that a handshake was seen at one place alone.
func aloneBecause(h *spectator.Handshake) string {
	switch h.Result.Outcome {
	case probe.OutcomeRefused:
		return "the RST was made between the places, or the other capture does not have it"
	case probe.OutcomeUnreachable:
		return "the ICMP error was made between the places, or the other capture does not have it"
	case probe.OutcomeTimeout:
		return "the SYN was lost between the places, or the other capture does not have it"
	}
	return "somebody between the places answered, or the other capture does not have it"
}

// pairTimes says where the time of a handshake went; "" if that is not known.
func pairTimes(p *spectator.Pair) string {
	toClient, between, toServer, hasClient, hasBetween, hasServer := p.Parts()
	var parts []string
	add := func(name string, d time.Duration, known bool) {
		if known {
			parts = append(parts, name+" "+text.Milliseconds(d))
		}
	}
	add("client", toClient, hasClient)
	add("between", between, hasBetween)
	add("server", toServer, hasServer)
	if parts == nil || !hasBetween {
		return ""
	}
	return strings.Join(parts, ", ") + " ms"
}

// pairLosses says what was lost between the places; "" if nothing was.
func pairLosses(p *spectator.Pair) string {
	var parts []string
	if p.LostSYNs > 0 {
		parts = append(parts, text.Count(p.LostSYNs, "SYN"))
	}
	if p.LostSYNACKs > 0 {
		parts = append(parts, text.Count(p.LostSYNACKs, "SYN-ACK"))
	}
	if parts == nil {
		return ""
	}
	return "lost between: " + strings.Join(parts, ", ")
}

// changeWords writes a change.
func changeWords(c spectator.Change) string {
	name := strings.ReplaceAll(c.Field, "_", " ")
	switch {
	case c.B == "":
		return name + " " + c.A + " stripped"
	case c.A == "":
		return name + " " + c.B + " added"
	case strings.HasSuffix(c.Field, "_seq"):
		return name + " shifted by " + c.B
	}
	return name + " " + c.A + " > " + c.B
}
