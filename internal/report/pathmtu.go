package report

import (
	"fmt"
	"io"
	"net/netip"
	"strings"
	"time"

	"tcpprobe/probe"
)

// PathMTU writes the sizes that were tried, the largest that passes, and where the path gets narrow.
func PathMTU(w io.Writer, s Style, m *probe.PathMTU) error {
	p := &page{w: w, style: s}
	if m.Search == nil {
		return NewLadder(w, s).Verdict(m.Plain)
	}
	if !s.Quiet {
		words := []string{"mtu of the path to", p.shorten(p.printable(m.Target), 40)}
		if m.Target != m.Remote.String() {
			words = append(words, fmt.Sprintf("(%v)", m.Remote.Addr()))
		}
		p.paragraph("", 2, append(words, fmt.Sprintf("from %v", m.Local), "on "+p.printable(m.Route.Interface)))
		for _, try := range m.Search.Tries {
			p.line(mtuTry(try))
		}
	}
	word := strings.ToUpper(m.Outcome().String())
	line := word + "  " + p.shorten(p.printable(m.Target), 40) + "  "
	if m.Search.Usable() {
		line += fmt.Sprintf("path mtu %d", m.Search.MTU)
	} else {
		line += "does not answer SYNs that carry data"
	}
	p.line(p.paint(outcomeColor(m.Outcome()), word) + strings.TrimPrefix(p.cut(line, width), word))
	if !s.Quiet {
		for _, note := range mtuNotes(m) {
			p.paragraph("  ", 2, strings.Fields(note))
		}
	}
	return p.flush()
}

// mtuTry says what became of a SYN of a size.
func mtuTry(t probe.MTUTry) string {
	line := fmt.Sprintf("%6d  ", t.Size)
	switch t.Fate {
	case probe.MTUPassed:
		return line + "passes   " + ms(t.RTT) + " ms"
	case probe.MTULost:
		return line + "vanishes"
	}
	line += "too big  for " + hopAt(t)
	if t.Next > 0 {
		return line + fmt.Sprintf(", which has room for %d", t.Next)
	}
	return line + ", which does not say for what it has room"
}

// hopAt names who said that a SYN was too big: "hop 1, 10.1.0.1".
func hopAt(t probe.MTUTry) string {
	if t.Hops == 0 {
		return t.From.String()
	}
	return fmt.Sprintf("hop %d, %v", t.Hops, t.From)
}

// mtuNotes says where the path gets narrow.
func mtuNotes(m *probe.PathMTU) (notes []string) {
	if !m.Search.Usable() {
		return []string{"It answers a SYN without data: the path MTU cannot be found in this way."}
	}
	before := m.Search.Largest
	for _, try := range m.Search.Tries {
		if try.Fate == probe.MTUTooBig && try.Next > 0 && try.Next < before {
			notes = append(notes, fmt.Sprintf("It shrinks from %d to %d behind %s, which says so.", before, try.Next, hopAt(try)))
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

type pathMTUJSON struct {
	Schema    string         `json:"schema"`
	Type      string         `json:"type"`
	Target    string         `json:"target"`
	Local     netip.AddrPort `json:"local,omitzero"`
	Remote    netip.AddrPort `json:"remote,omitzero"`
	Route     *routeJSON     `json:"route,omitempty"`
	Outcome   string         `json:"outcome"`
	Reason    string         `json:"reason"`
	MTU       int            `json:"mtu,omitempty"`
	BlackHole *blackHoleJSON `json:"black_hole,omitempty"`
	Tries     []mtuTryJSON   `json:"tries"`
}

type blackHoleJSON struct {
	Size int        `json:"size"`
	Hop  int        `json:"hop,omitempty"`
	From netip.Addr `json:"from,omitzero"`
}

type mtuTryJSON struct {
	Size   int            `json:"size"`
	Result string         `json:"result"`
	RTT    *time.Duration `json:"rtt_ns,omitempty"`
	From   netip.Addr     `json:"from,omitzero"`
	Hops   int            `json:"hops,omitempty"`
	MTU    int            `json:"mtu,omitempty"`
}

// PathMTU writes the path MTU, and how it was found.
func (j *JSON) PathMTU(m *probe.PathMTU) error {
	line := pathMTUJSON{
		Schema: Schema, Type: "mtu", Target: m.Target, Local: m.Local, Remote: m.Remote,
		Outcome: m.Outcome().String(), Reason: Reason(m.Plain), Tries: []mtuTryJSON{},
	}
	if w := m.Route; w != nil {
		line.Route = &routeJSON{Interface: w.Interface, Source: w.Source, NextHop: w.NextHop, OnLink: w.OnLink, MTU: w.MTU}
	}
	if m.Search == nil {
		return j.write(line)
	}
	line.MTU = m.Search.MTU
	line.Reason = strings.Join(mtuNotes(m), " ")
	if size, ok := m.Search.BlackHole(); ok {
		line.BlackHole = &blackHoleJSON{Size: size}
		if m.Vanishing != nil {
			line.BlackHole.Hop, line.BlackHole.From = m.LastHeard()
		}
	}
	for _, t := range m.Search.Tries {
		try := mtuTryJSON{Size: t.Size, Result: t.Fate.String(), From: t.From, Hops: t.Hops, MTU: t.Next}
		if t.Fate == probe.MTUPassed {
			try.RTT = &t.RTT
		}
		line.Tries = append(line.Tries, try)
	}
	return j.write(line)
}
