package report

import (
	"fmt"
	"io"
	"net/netip"
	"strings"
	"time"

	"tcpprobe/probe"
)

// SYNs writes what became of each variant of the SYN, and which do not get through.
func SYNs(w io.Writer, s Style, c *probe.SYNComparison) error {
	p := &page{w: w, style: s}
	if c.Failed != nil {
		return NewLadder(w, s).Verdict(c.Failed)
	}
	if !s.Quiet {
		words := []string{"SYNs to", p.shorten(p.printable(c.Target), 40)}
		if c.Target != c.Remote.String() {
			words = append(words, fmt.Sprintf("(%v)", c.Remote.Addr()))
		}
		p.paragraph("", 2, append(words, fmt.Sprintf("from %v", c.Local), "on "+p.printable(c.Route.Interface)))
		for _, v := range c.Variants {
			const indent = 21
			p.columns(fmt.Sprintf(" %-7s  %-11s", v.SYN, v.Fate()), indent, variantTexts(v))
		}
	}
	passed := 0
	for _, v := range c.Variants {
		if outcome, _ := v.Trace.Outcome(); outcome == probe.OutcomeEstablished {
			passed++
		}
	}
	outcome, same := variantsOutcome(c)
	word, color := "MIXED", yellow
	if same {
		word, color = strings.ToUpper(outcome.String()), outcomeColor(outcome)
	}
	line := word + "  " + p.shorten(p.printable(c.Target), 40) + fmt.Sprintf("  %d of %s accepted", passed, count(len(c.Variants), "SYN"))
	p.line(p.paint(color, word) + strings.TrimPrefix(line, word))
	if !s.Quiet {
		for _, note := range variantNotes(c) {
			p.paragraph("  ", 2, strings.Fields(note))
		}
	}
	return p.flush()
}

// variantTexts says what came back for a SYN, or how far it is heard of.
func variantTexts(v probe.SYNVariant) []string {
	end, ended := v.Trace.End()
	if !ended {
		return []string{"heard of up to " + v.LastHeard()}
	}
	texts := []string{ms(end.RTT) + " ms"}
	if end.ICMP != nil {
		return append(texts, rejection(&probe.Result{ICMP: []*probe.ICMP{end.ICMP}}))
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
func variantsOutcome(c *probe.SYNComparison) (o probe.Outcome, same bool) {
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
func variantNotes(c *probe.SYNComparison) (notes []string) {
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
func variantChanges(c *probe.SYNComparison) (notes []string) {
	changed := make(map[string][]string) // the SYNs, by what was changed of them
	var order []string
	for _, v := range c.Variants {
		for _, a := range v.Trace.Alterations() {
			if a.Field == "timestamps" {
				a.Sent = "present"
			}
			text := alterationText(a)
			if changed[text] == nil {
				order = append(order, text)
			}
			changed[text] = append(changed[text], v.SYN.String())
		}
	}
	for _, text := range order {
		notes = append(notes, "changed: "+text+": "+strings.Join(changed[text], ", ")+".")
	}
	return notes
}

type synsJSON struct {
	Schema   string         `json:"schema"`
	Type     string         `json:"type"`
	Target   string         `json:"target"`
	Local    netip.AddrPort `json:"local,omitzero"`
	Remote   netip.AddrPort `json:"remote,omitzero"`
	Route    *routeJSON     `json:"route,omitempty"`
	Outcome  string         `json:"outcome"`
	Reason   string         `json:"reason"`
	Variants []variantJSON  `json:"variants"`
}

type variantJSON struct {
	SYN     string         `json:"syn"`
	Outcome string         `json:"outcome"`
	Result  string         `json:"result"`
	Hops    int            `json:"hops"`
	Address netip.Addr     `json:"address,omitzero"`
	RTT     *time.Duration `json:"rtt_ns,omitempty"`
	Options []optionJSON   `json:"options,omitempty"`
	ECN     string         `json:"ecn,omitempty"`
	Missing []string       `json:"missing,omitempty"`

	Changes []alterationJSON `json:"changes,omitempty"`
}

// SYNs writes what became of each variant of the SYN.
func (j *JSON) SYNs(c *probe.SYNComparison) error {
	outcome, same := variantsOutcome(c)
	line := synsJSON{
		Schema: Schema, Type: "syns", Target: c.Target, Local: c.Local, Remote: c.Remote,
		Outcome: outcome.String(), Reason: "All SYNs fare alike.", Variants: []variantJSON{},
	}
	if !same {
		line.Outcome = "mixed"
	}
	if notes := variantNotes(c); len(notes) > 0 {
		line.Reason = strings.Join(notes, " ")
	}
	if c.Failed != nil {
		line.Reason = Reason(c.Failed)
	}
	if w := c.Route; w != nil {
		line.Route = &routeJSON{Interface: w.Interface, Source: w.Source, NextHop: w.NextHop, OnLink: w.OnLink, MTU: w.MTU}
	}
	for _, v := range c.Variants {
		line.Variants = append(line.Variants, newVariant(v))
	}
	return j.write(line)
}

func newVariant(v probe.SYNVariant) variantJSON {
	outcome, _ := v.Trace.Outcome()
	j := variantJSON{SYN: v.SYN.String(), Outcome: outcome.String(), Result: v.Fate(), Hops: lastHop(v.Trace), Missing: v.Missing()}
	if path := v.Trace.Path(); len(path) > 0 {
		j.Address = path[len(path)-1].Replies[0].From
	}
	j.Changes = newAlterations(v.Trace)
	if end, ok := v.Trace.End(); ok {
		j.RTT = &end.RTT
	}
	if answer, ok := v.Answer(); ok {
		j.Options, j.ECN = newOptions(answer.Segment.Header.Options), answer.Peer.ECN.String()
	}
	return j
}
