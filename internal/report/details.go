package report

import (
	"encoding/binary"
	"fmt"
	"strings"

	"tcpprobe/internal/stamp"
	"tcpprobe/internal/text"
	"tcpprobe/probe"
	"tcpprobe/rawip"
	"tcpprobe/tcphdr"
)

// details adds what an event says besides.
func (l *Ladder) details(e *probe.Event) {
	switch e.Kind {
	case probe.EventDNSQuery, probe.EventDNSAnswer:
		l.dnsDetails(e)
	case probe.EventRouteFound:
		l.page.detail("MTU", text.Count(e.Route.MTU, "octet"))
	case probe.EventNeighborRequest:
		l.page.detail("tell", e.Neighbor.Sender.String(), fmt.Sprintf("(attempt %d of %d)", e.Neighbor.Attempt, e.Neighbor.Attempts))
	case probe.EventSegmentSent, probe.EventSegmentReceived:
		l.page.segmentDetails(e.Segment, e.Octets)
	case probe.EventICMPReceived:
		l.page.icmpDetails(e.ICMP)
	}
}

// dnsDetails adds what a DNS message says besides.
func (l *Ladder) dnsDetails(e *probe.Event) {
	m := e.DNS
	words := []string{m.Server.String(), fmt.Sprintf("from port %d,", m.Local.Port()), strings.ToUpper(m.Transport)}
	if len(e.Octets) >= 2 {
		words[2] += ","
		words = append(words, fmt.Sprintf("id %d,", binary.BigEndian.Uint16(e.Octets)), text.Count(len(e.Octets), "octet"))
	}
	l.page.detail("server", words...)
	if e.Kind == probe.EventDNSQuery {
		return
	}
	if m.RCode != "" {
		l.page.detail("rcode", l.page.Printable(m.RCode))
	}
	if len(m.CNAME) > 0 {
		l.page.detail("cname", listed(strings.Fields(l.page.Printable(strings.Join(m.CNAME, " "))))...)
	}
	if len(m.Addresses) > 1 {
		var all []string
		for _, a := range m.Addresses {
			all = append(all, a.String())
		}
		label := "A"
		if m.Addresses[0].Is6() {
			label = "AAAA"
		}
		l.page.detail(label, listed(all)...)
	}
}

// segmentDetails adds the fields of a segment, and of its datagram as far as its octets are known.
func (p *page) segmentDetails(s *probe.Segment, datagram []byte) {
	var d rawip.Datagram
	switch err := d.Parse(datagram); {
	case err == nil && d.Is6():
		p.detail("IPv6", fmt.Sprintf("label 0x%05x ttl %d tos 0x%02x len %d", d.FlowLabel, s.TTL, s.TOS, s.Size))
	default:
		fragment := ""
		if h, _, err := rawip.ParseUnsized(datagram); err == nil && h.DontFragment {
			fragment = "DF "
		}
		p.detail("IPv4", fmt.Sprintf("id %d %sttl %d tos 0x%02x len %d", s.ID, fragment, s.TTL, s.TOS, s.Size))
	}
	h := s.Header
	numbers := fmt.Sprintf("%d %s %d seq %d", h.SrcPort, p.Glyph("→", "->"), h.DstPort, h.Seq)
	if h.Flags.Has(tcphdr.ACK) {
		numbers += fmt.Sprintf(" ack %d", h.Ack)
	}
	p.detail("TCP", numbers)
	p.detail("", fmt.Sprintf("window %d checksum 0x%04x %v", h.Window, h.Checksum, s.Checksum))
	if options := p.options(h.Options); len(options) > 0 {
		p.detail("options", listed(options)...)
	}
}

// options writes every option, in order.
func (p *page) options(o tcphdr.Options) []string {
	var words []string
	for option := range o.All() {
		words = append(words, p.option(option))
	}
	if at, bad := o.Malformed(); bad {
		words = append(words, fmt.Sprintf("malformed from octet %d: %x", at, []byte(o[at:])))
	}
	return words
}

// option writes an option with its value.
func (p *page) option(o tcphdr.Option) string {
	if mss, ok := o.MSS(); ok {
		return fmt.Sprintf("mss %d", mss)
	}
	if shift, ok := o.WindowScale(); ok {
		return fmt.Sprintf("ws %d (%s%d)", shift, p.Glyph("×", "x"), 1<<min(shift, 14))
	}
	if val, ecr, ok := o.Timestamps(); ok {
		return fmt.Sprintf("ts val %d ecr %d", val, ecr)
	}
	if len(o.Data) == 0 {
		return o.Kind.String()
	}
	return fmt.Sprintf("%v %x", o.Kind, o.Data)
}

// icmpDetails adds what an ICMP error says besides.
func (p *page) icmpDetails(m *probe.ICMP) {
	if m.SentTTL == 0 {
		return // the kernel keeps it to itself
	}
	version := "IPv4"
	if m.Is6() {
		version = "IPv6"
	}
	p.detail(version, fmt.Sprintf("ttl %d", m.TTL))
	p.detail("quoted", fmt.Sprintf("our SYN, ttl %d; it left us with ttl %d", m.QuotedTTL, m.SentTTL))
	for _, label := range m.Labels {
		p.detail("MPLS", labelText(label))
	}
	for _, i := range m.Interfaces {
		p.detail("interface", p.Printable(InterfaceText(i)))
	}
}

// conclusion adds what can be said only at the end: the next hop if there was no ARP, the states, the SYNs, the clock.
func (l *Ladder) conclusion(r *probe.Result) {
	if h := r.NextHop; h != nil && h.Source == "permanent" {
		l.page.detail("next hop", fmt.Sprintf("%s, a permanent entry of the kernel", mac(h.MAC)))
	} else if h != nil && h.Source == "kernel" {
		l.page.detail("next hop", fmt.Sprintf("%s, an entry of the kernel", mac(h.MAC)))
	} else if h != nil && h.Source == "not_needed" {
		l.page.detail("next hop", "this link does without "+protocolOf(h.Address))
	}
	t := r.TCP
	if t == nil {
		return
	}
	var states []string
	for _, s := range t.States {
		at, _ := stamp.Between(r.Start, s.At)
		states = append(states, fmt.Sprintf("%v %s", s.State, text.Milliseconds(at)))
	}
	if len(states) > 0 {
		l.page.detail("states", listed(states)...)
	}
	counts := []string{text.Count(t.SYNSent, "SYN") + " sent"}
	switch {
	case t.Answered && t.SYNSent == 1:
		counts = append(counts, "answered")
	case t.Answered:
		counts = append(counts, whichSYN(t.AnsweredSYN, t.SYNSent)+" answered")
	}
	if n := straySegments(t); n > 0 {
		counts = append(counts, text.Count(n, "segment")+" of no effect")
	}
	l.page.detail("counts", listed(counts)...)
	if t.Answered {
		l.page.detail("clock", t.Clock.String())
	}
}
