package report

import (
	"fmt"
	"io"
	"net/netip"
	"strings"

	"tcpprobe/internal/stamp"
	"tcpprobe/internal/text"
	"tcpprobe/probe"
	"tcpprobe/tcphdr"
)

// Ladder prints one handshake: each event as it happens, and then the verdict.
type Ladder struct {
	page   page
	syns   int         // that left so far
	opened bool        // our SYN was acknowledged, and our own ACK has not left yet
	shown  probe.State // the state that was printed last
	heard  bool        // something came back
}

// NewLadder returns a Ladder that writes to w.
func NewLadder(w io.Writer, s Style) *Ladder {
	return &Ladder{page: newPage(w, s), shown: probe.StateSYNSent}
}

// Event prints an event of the result, which may be unfinished.
func (l *Ladder) Event(r *probe.Result, e *probe.Event) error {
	if l.page.style.Quiet {
		return nil
	}
	l.page.row(l.tell(r, e))
	if l.page.style.Verbose {
		l.details(e)
	}
	return l.page.Flush()
}

// tell puts an event into words.
func (l *Ladder) tell(r *probe.Result, e *probe.Event) row {
	at, _ := stamp.Between(r.Start, e.At)
	row := row{at: at, step: e.Step, hang: textColumn}
	switch e.Kind {
	case probe.EventDNSQuery, probe.EventDNSAnswer, probe.EventDNSSilence:
		l.dns(&row, e)
	case probe.EventRouteFound:
		row.protocol = "IP"
		row.texts = []string{l.route(e.Route)}
	case probe.EventNeighborRequest, probe.EventNeighborReply, probe.EventNeighborSilence:
		l.neighbor(&row, r, e)
	case probe.EventSegmentSent, probe.EventSegmentReceived:
		l.segment(&row, e)
	case probe.EventICMPReceived:
		l.icmp(&row, e.ICMP)
	case probe.EventConnectCalled, probe.EventConnectAgain, probe.EventConnectEnded:
		l.connect(&row, r, e)
	case probe.EventTCPSilence:
		row.protocol, row.way, row.step = "TCP", text.Silence, 0
		row.texts = []string{"nothing came back"}
		if l.heard || Heard(r) {
			row.texts = []string{"no answer in time"}
		}
	}
	return row
}

// dns tells of a DNS message, or that none came.
func (l *Ladder) dns(row *row, e *probe.Event) {
	m := e.DNS
	row.protocol, row.second = "DNS", secondColumn
	switch e.Kind {
	case probe.EventDNSQuery:
		row.way = text.Out
		ask := "ask " + server(m.Server)
		row.texts = []string{recordType(m) + "? " + l.page.Printable(m.Name), ask}
		if m.Attempt > 1 {
			row.texts = append(row.texts, fmt.Sprintf("again (%d)", m.Attempt))
		}
		if m.Searched {
			row.texts = append(row.texts, "by the search list")
		}
	case probe.EventDNSAnswer:
		row.way = text.In
		row.texts = l.answer(m)
		if m.Damaged {
			row.texts = append(row.texts, "damaged")
		}
	case probe.EventDNSSilence:
		row.way = text.Silence
		row.texts = []string{"no answer from " + server(m.Server)}
	}
	if m.Note != "" {
		row.texts = append(row.texts, l.page.Printable(m.Note))
	}
	if len(row.texts) == 0 {
		row.texts = []string{"unreadable"}
	}
}

// answer says what a DNS answer says; nothing if no use could be made of it.
func (l *Ladder) answer(m *probe.DNSMessage) []string {
	switch {
	case len(m.Addresses) > 0:
	case m.RCode == "":
		return nil
	case m.RCode == "NOERROR":
		if m.Type == "AAAA" {
			return []string{"NOERROR, no IPv6 address"}
		}
		return []string{"NOERROR, no IPv4 address"} // AAAA is asked for too, be it after this
	default:
		return []string{l.page.Printable(m.RCode)}
	}
	first := recordType(m) + " " + m.Addresses[0].String()
	if n := len(m.Addresses) - 1 + m.Omitted; n > 0 {
		first += fmt.Sprintf(" and %d more", n)
	}
	return []string{first, fmt.Sprintf("ttl %d", m.TTL)}
}

// recordType returns the type that a DNS message asks for.
func recordType(m *probe.DNSMessage) string {
	if m.Type == "" {
		return "A"
	}
	return m.Type
}

// server writes the address of a DNS server, with the port unless it is the usual one.
func server(a netip.AddrPort) string {
	if a.Port() == 53 {
		return a.Addr().String()
	}
	return a.String()
}

// route says which way segments go.
func (l *Ladder) route(r *probe.Route) string {
	way := "via " + r.NextHop.String()
	if r.OnLink {
		way = "direct"
	}
	return fmt.Sprintf("%s on %s, from %v", way, l.page.Printable(r.Interface), r.Source)
}

// neighbor tells of a packet of ARP or of NDP, or that none came.
func (l *Ladder) neighbor(row *row, r *probe.Result, e *probe.Event) {
	a := e.Neighbor
	row.protocol, row.second = a.Protocol(), secondColumn
	switch e.Kind {
	case probe.EventNeighborRequest:
		row.way = text.Out
		row.texts = []string{"who has " + a.Address.String()}
		if a.Attempt > 1 {
			row.texts = append(row.texts, fmt.Sprintf("again (%d of %d)", a.Attempt, a.Attempts))
		}
	case probe.EventNeighborReply:
		row.way = text.In
		row.texts = []string{fmt.Sprintf("%v is at %s", a.Address, mac(a.MAC))}
		if a.Router {
			row.texts = append(row.texts, "router")
		}
	case probe.EventNeighborSilence:
		row.way = text.Silence
		row.texts = []string{"nobody answered on " + l.page.Printable(a.Interface)}
		if unusedReply(r) != "" {
			row.texts = []string{"no usable answer on " + l.page.Printable(a.Interface)}
		}
	}
	if a.Note != "" {
		row.texts = append(row.texts, l.page.Printable(a.Note))
	}
}

// mac writes a link-layer address.
func mac(a [6]byte) string { return strings.ReplaceAll(fmt.Sprintf("% x", a), " ", ":") }

// segment tells of a segment.
func (l *Ladder) segment(row *row, e *probe.Event) {
	s := e.Segment
	row.protocol, row.hang = "TCP", proofColumn
	row.texts = []string{fmt.Sprintf("%-7s  [%s]", s.Header.Flags, s.Header.Flags.Bits())}
	if e.Kind == probe.EventSegmentSent {
		row.way = text.Out
		row.texts = append(row.texts, l.sent(s)...)
	} else {
		row.way = text.In
		row.texts = append(row.texts, l.received(s)...)
	}
}

// sent says what there is to say about a segment of ours.
func (l *Ladder) sent(s *probe.Segment) []string {
	f := s.Header.Flags
	if f.Has(tcphdr.SYN) {
		l.syns++
	}
	switch {
	case s.Again > 0:
		return []string{again(s)}
	case f.Has(tcphdr.SYN):
		return offered(s)
	case f.Has(tcphdr.FIN):
		return nil
	case l.opened && f.Has(tcphdr.ACK) && !f.Has(tcphdr.RST):
		// The control block may be a step ahead by now, since the FIN follows at once.
		l.opened = false
		l.shown = probe.StateEstablished
		return []string{probe.StateEstablished.String()}
	}
	return l.changed(s.State)
}

// received says what there is to say about a segment of the peer.
func (l *Ladder) received(s *probe.Segment) (texts []string) {
	l.heard = true
	f := s.Header.Flags
	if f.Has(tcphdr.SYN) && !f.Has(tcphdr.RST) {
		texts = offered(s)
	}
	if s.Length > 0 {
		texts = append(texts, text.Count(s.Length, "octet"))
	}
	switch s.Verdict {
	case probe.VerdictOpened, probe.VerdictRefused:
		l.opened = s.Verdict == probe.VerdictOpened
		texts = append(texts, ttl(s))
		if l.syns > 1 {
			texts = append(texts, "answers "+whichSYN(s.Answers, l.syns))
		}
		return texts
	case probe.VerdictAcknowledged:
		return l.changed(s.State)
	case probe.VerdictData, probe.VerdictFIN:
		return texts
	}
	texts = append(texts, ttl(s))
	switch s.Verdict {
	case probe.VerdictDuplicate:
		texts = append(texts, "again")
	case probe.VerdictDropped:
		texts = append(texts, "ignored")
	case probe.VerdictRSTUnproven, probe.VerdictTimestampUnproven, probe.VerdictLate:
		texts = append(texts, "ignored: "+strings.TrimPrefix(s.Verdict.String(), "RST "))
	case probe.VerdictACKUnacceptable, probe.VerdictOutOfWindow, probe.VerdictChallenged:
		texts = append(texts, s.Verdict.String())
	case probe.VerdictReset:
		texts = append(texts, l.changed(s.State)...)
	}
	return texts
}

// changed names the state, unless it was the last that was printed.
func (l *Ladder) changed(s probe.State) []string {
	if s == l.shown {
		return nil
	}
	l.shown = s
	return []string{s.String()}
}

// ttl says what was left of the Time to Live of a segment.
func ttl(s *probe.Segment) string { return fmt.Sprintf("ttl %d", s.TTL) }

// again says that a segment was sent before: "again (1 of 2, after 1 s)".
func again(s *probe.Segment) string {
	if s.Tries == 0 {
		return fmt.Sprintf("again (after %s)", text.Seconds(s.After))
	}
	return fmt.Sprintf("again (%d of %d, after %s)", s.Again, s.Tries, text.Seconds(s.After))
}

// whichSYN says which of several SYNs something is about; 0 is for not known.
func whichSYN(n, of int) string {
	if n == 0 {
		return fmt.Sprintf("one of %d SYNs", of)
	}
	return fmt.Sprintf("SYN %d of %d", n, of)
}

// offered says what the options of a SYN or a SYN-ACK offer.
func offered(s *probe.Segment) []string {
	var offers []string
	o := s.Header.Options
	if mss, ok := o.MSS(); ok {
		offers = append(offers, fmt.Sprintf("mss %d", mss))
	}
	if shift, ok := o.WindowScale(); ok {
		offers = append(offers, fmt.Sprintf("ws %d", shift))
	}
	if o.SACKPermitted() {
		offers = append(offers, "sack")
	}
	if _, _, ok := o.Timestamps(); ok {
		offers = append(offers, "ts")
	}
	if len(offers) == 0 {
		return nil
	}
	return []string{strings.Join(offers, " ")}
}

// icmp tells of an ICMP error.
func (l *Ladder) icmp(row *row, m *probe.ICMP) {
	l.heard = true
	row.protocol, row.way = "ICMP", text.In
	row.texts = []string{fmt.Sprintf("%d/%d %s", m.Type, m.Code, l.page.Printable(m.Name)), "from " + m.From.String()}
	if m.MTU > 0 {
		row.texts = append(row.texts, fmt.Sprintf("mtu %d", m.MTU))
	}
}

// Verdict prints how the handshake ended. Its first word is the outcome.
func (l *Ladder) Verdict(r *probe.Result) error {
	if l.page.style.Verbose && !l.page.style.Quiet {
		l.conclusion(r)
	}
	l.page.verdict(r)
	if !l.page.style.Quiet {
		for _, line := range []string{Also(r), Translator(r)} {
			if line != "" {
				l.page.Paragraph("  ", 2, strings.Fields(line))
			}
		}
		for _, note := range Notes(r) {
			l.page.Paragraph("  note: ", 8, strings.Fields(l.page.Printable(note)))
		}
		if way := Way(r); way != "" && (l.page.style.Verbose || wayMatters(r)) {
			l.page.Paragraph("  note: ", 8, strings.Fields(l.page.Printable(way)))
		}
		for _, note := range Advice(r) {
			l.page.Paragraph("  ", 2, strings.Fields(l.page.Printable(note)))
		}
	}
	return l.page.Flush()
}
