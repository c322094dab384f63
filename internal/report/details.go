package report

import (
	"encoding/binary"
	"fmt"
	"strings"

	"tcpprobe/internal/stamp"
	"tcpprobe/probe"
	"tcpprobe/rawip"
	"tcpprobe/tcphdr"
)

// dnsDetails adds what a DNS message says besides.
func (l *Ladder) dnsDetails(e *probe.Event) {
	m := e.DNS
	if e.Kind == probe.DNSSilence {
		return
	}
	text := fmt.Sprintf("%v, from port %d by %s", m.Server, m.LocalPort, strings.ToUpper(m.Transport))
	if len(e.Octets) >= 2 {
		text += fmt.Sprintf(", id %d, %s", binary.BigEndian.Uint16(e.Octets), count(len(e.Octets), "octet"))
	}
	l.detail("server", text)
	if e.Kind == probe.DNSQuery {
		return
	}
	l.detail("rcode", l.printable(m.RCode))
	if len(m.CNAME) > 0 {
		l.detail("cname", l.printable(strings.Join(m.CNAME, ", ")))
	}
	if len(m.Addresses) > 1 {
		var all []string
		for _, a := range m.Addresses {
			all = append(all, a.String())
		}
		l.detail("A", strings.Join(all, ", "))
	}
}

// segmentDetails adds the fields of a segment, and of its datagram.
func (l *Ladder) segmentDetails(e *probe.Event) {
	s := e.Segment
	fragment := ""
	if h, _, err := rawip.ParseUnsized(e.Octets); err == nil && h.DontFragment {
		fragment = "DF "
	}
	l.detail("IPv4", fmt.Sprintf("id %d %sttl %d tos 0x%02x len %d", s.ID, fragment, s.TTL, s.TOS, s.Size))
	h := s.Header
	text := fmt.Sprintf("%d %s %d seq %d", h.SrcPort, l.glyph("→", "->"), h.DstPort, h.Seq)
	if h.Flags.Has(tcphdr.ACK) {
		text += fmt.Sprintf(" ack %d", h.Ack)
	}
	l.detail("TCP", fmt.Sprintf("%s win %d checksum 0x%04x %v", text, h.Window, h.Checksum, s.Checksum))
	if options := optionWords(h.Options); options != "" {
		l.detail("options", options)
	}
	l.detail("state", s.State.String())
}

// optionWords writes every option, in order.
func optionWords(o tcphdr.Options) string {
	var words []string
	for option := range o.All() {
		words = append(words, optionWord(option))
	}
	if at, bad := o.Malformed(); bad {
		words = append(words, fmt.Sprintf("malformed from octet %d: %x", at, []byte(o[at:])))
	}
	return strings.Join(words, ", ")
}

// optionWord writes an option with its value.
func optionWord(o tcphdr.Option) string {
	d := o.Data
	switch {
	case o.Kind == tcphdr.MaximumSegmentSize && len(d) == 2:
		return fmt.Sprintf("mss %d", binary.BigEndian.Uint16(d))
	case o.Kind == tcphdr.WindowScale && len(d) == 1:
		return fmt.Sprintf("ws %d (windows times %d)", d[0], 1<<min(d[0], 14))
	case o.Kind == tcphdr.Timestamps && len(d) == 8:
		return fmt.Sprintf("ts val %d ecr %d", binary.BigEndian.Uint32(d), binary.BigEndian.Uint32(d[4:]))
	case len(d) == 0:
		return o.Kind.String()
	}
	return fmt.Sprintf("%v %x", o.Kind, d)
}

// icmpDetails adds what an ICMP error says besides.
func (l *Ladder) icmpDetails(m *probe.ICMP) {
	l.detail("IPv4", fmt.Sprintf("ttl %d", m.TTL))
	text := fmt.Sprintf("our datagram with ttl %d, which left us with ttl %d", m.QuotedTTL, m.SentTTL)
	if n := m.Hops(); n > 0 {
		text += ": " + count(n, "hop")
	}
	l.detail("quoted", text)
}

// summing adds what can be said only at the end: the states, the SYNs, the clock.
func (l *Ladder) summing(r *probe.Result) {
	t := r.TCP
	if t == nil {
		return
	}
	var states []string
	for _, s := range t.States {
		at, _ := stamp.Between(r.Start, s.At)
		states = append(states, fmt.Sprintf("%v %s", s.State, ms(at)))
	}
	if states != nil {
		l.paragraph("states     ", strings.Join(states, ", "))
	}
	syns := count(t.SYNSent, "SYN") + " sent"
	if t.Answered {
		syns += ", " + whichSYN(t.AnsweredSYN, t.SYNSent) + " answered"
	}
	if t.Ignored > 0 {
		syns += ", " + count(t.Ignored, "segment") + " ignored"
	}
	l.paragraph("counts     ", syns)
	if t.Answered {
		l.paragraph("clock      ", t.Clock.String())
	}
}
