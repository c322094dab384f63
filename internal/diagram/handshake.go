package diagram

import (
	"bytes"
	"fmt"
	"net/netip"
	"slices"

	"tcpprobe/internal/report"
	"tcpprobe/internal/text"
	"tcpprobe/probe"
	"tcpprobe/tcphdr"
)

// Handshake returns the exchange of one handshake, which may be unfinished.
func Handshake(r *probe.Result) *Scene {
	s := &Scene{
		title:    "TCP handshake with " + text.Printable(r.Target),
		subtitle: r.Time.UTC().Format("2006-01-02 15:04:05.000 UTC") + ", times in ms since",
		host:     party{roles: []string{"this host"}},
		outcome:  r.Outcome, verdict: report.Verdict(r), notes: report.Notes(r), advice: report.Advice(r),
		legend: []string{"The slopes are symbolic: only the times at this host are known."},
	}
	if r.TCP.ByKernel() {
		s.legend = []string{"The kernel made the handshake: nobody saw its segments, and the times are those of the calls."}
	} else if r.TCP != nil && r.TCP.Answered {
		s.rtt = r.TCP.RTT
	}
	if a := source(r); a.IsValid() {
		s.host.label = a.String()
	}
	s.cast(r)
	slices.SortStableFunc(s.peers, func(a, b party) int { return a.rank - b.rank })
	lines := report.NewLines()
	origin := newOrigin(r)
	syns := 0
	for i := range r.Events {
		e := &r.Events[i]
		line := lines.Event(r, e)
		step := step{
			at: e.At, mark: line.At, protocol: line.Protocol, peer: s.peer(r, e), rejected: e.ICMP != nil,
			what: line.Texts[0], details: line.Texts[1:],
		}
		switch e.Kind {
		case probe.EventDNSQuery, probe.EventNeighborRequest:
			step.out = true
			step.lost = unanswered(r.Events[i+1:], e.Kind)
		case probe.EventDNSSilence, probe.EventNeighborSilence, probe.EventTCPSilence:
			step.silence = true
		case probe.EventSegmentSent:
			step.out = true
			step.numbers = origin.sent(e.Segment.Header)
			if e.Segment.Header.Flags.Has(tcphdr.SYN) {
				syns++
				step.lost = lostSYN(r, syns) && !challenged(r.Events[i+1:])
				if syns == 1 {
					step.state = e.Segment.State.String()
				}
			} else {
				step.lost = sentAgain(r.Events[i+1:], e.Segment)
			}
			if m := rejection(r, i, syns); m != nil {
				step.peer, step.lost = s.find(m.From), false
			}
		case probe.EventSegmentReceived:
			step.numbers = origin.received(e.Segment.Header)
		case probe.EventConnectCalled, probe.EventConnectAgain:
			step.out = step.peer != nobody
			step.lost = r.Outcome == probe.OutcomeTimeout || r.Outcome == probe.OutcomeARPTimeout || e.Kind == probe.EventConnectCalled && r.TCP.SYNSent > 1
			if n := len(r.ICMP); n > 0 && r.Outcome == probe.OutcomeUnreachable {
				step.peer = s.find(r.ICMP[n-1].From)
			}
		}
		step.details = slices.DeleteFunc(slices.Clone(step.details), func(text string) bool {
			if e.Segment == nil || !isState(text) {
				return false
			}
			step.state = text
			return true
		})
		if text := took(e, line.Step); text != "" {
			step.details = append(step.details, text)
		}
		s.steps = append(s.steps, step)
	}
	return s
}

// cast finds the parties.
func (s *Scene) cast(r *probe.Result) {
	with := target(r)
	for i := range r.Events {
		switch e := &r.Events[i]; {
		case e.DNS != nil && e.DNS.Server.IsValid():
			s.add(e.DNS.Server.Addr(), "DNS server", rankServer)
		case e.Neighbor != nil && r.Route != nil && r.Route.OnLink:
			s.add(e.Neighbor.Address, "target", rankTarget)
		case e.Neighbor != nil:
			s.add(e.Neighbor.Address, "gateway", rankGateway)
		case e.ICMP != nil && e.ICMP.From != with && s.find(e.ICMP.From) == nobody:
			s.add(e.ICMP.From, from(e.ICMP, r.Route), rankRouter+e.ICMP.Hops())
		case e.Segment != nil && !with.IsValid():
			s.add(with, text.Printable(r.Host), rankTarget)
		}
	}
	if with.IsValid() {
		s.add(with, "target", rankTarget)
		p := &s.peers[s.find(with)]
		if r.Host != with.String() {
			p.roles = []string{text.Printable(r.Host)}
		}
		p.label = netip.AddrPortFrom(with, r.Port).String()
	}
}

// The ranks of parties: the order of their lines.
const (
	rankServer  = 1
	rankGateway = 2
	rankRouter  = 3   // plus the number of hops
	rankTarget  = 999 // no datagram makes that many hops
)

// source returns the address of this host; an invalid one if it is not known.
func source(r *probe.Result) netip.Addr {
	if r.Route != nil {
		return r.Route.Source
	}
	for i := range r.Events {
		if m := r.Events[i].DNS; m != nil && m.Local.IsValid() {
			return m.Local.Addr()
		}
	}
	return netip.Addr{}
}

// target returns the address that the handshake is with; an invalid one if it is not known.
func target(r *probe.Result) netip.Addr {
	switch {
	case r.TCP != nil && r.TCP.Remote.IsValid():
		return r.TCP.Remote.Addr()
	case r.Route != nil && r.Route.OnLink:
		return r.Route.NextHop
	case r.DNS != nil && len(r.DNS.Addresses) > 0:
		return r.DNS.Addresses[0]
	}
	return netip.Addr{}
}

// peer returns the index of the one whom an event is to or from.
func (s *Scene) peer(r *probe.Result, e *probe.Event) int {
	switch e.Kind {
	case probe.EventDNSQuery, probe.EventDNSAnswer:
		return s.find(e.DNS.Server.Addr())
	case probe.EventNeighborRequest, probe.EventNeighborReply:
		return s.find(e.Neighbor.Address)
	case probe.EventSegmentSent, probe.EventSegmentReceived:
		return s.find(target(r))
	case probe.EventICMPReceived:
		return s.find(e.ICMP.From)
	case probe.EventConnectCalled, probe.EventConnectAgain:
		if r.TCP != nil && r.TCP.SYNSent > 0 {
			return s.find(target(r))
		}
	case probe.EventConnectEnded:
		if r.Outcome == probe.OutcomeEstablished || r.Outcome == probe.OutcomeRefused {
			return s.find(target(r))
		}
	}
	return nobody
}

// from says who sent an ICMP error.
func from(m *probe.ICMP, route *probe.Route) string {
	least, most := report.Distance(m, route)
	if least == 0 {
		return "router"
	}
	return "router, " + report.HopsText(least, most)
}

// unanswered reports whether a query or request got no answer before the next.
func unanswered(later []probe.Event, kind probe.EventKind) bool {
	for i := range later {
		switch k := later[i].Kind; {
		case k == kind || k == probe.EventDNSSilence || k == probe.EventNeighborSilence:
			return true
		case kind == probe.EventDNSQuery && k == probe.EventDNSAnswer, kind == probe.EventNeighborRequest && k == probe.EventNeighborReply:
			return false
		}
	}
	return true
}

// lostSYN reports whether nothing answers the nth SYN. Of those after the one that was answered, nobody knows.
func lostSYN(r *probe.Result, n int) bool {
	switch {
	case r.TCP == nil || !r.TCP.Answered:
		return true
	case r.TCP.AnsweredSYN == 0:
		return false
	}
	return n < r.TCP.AnsweredSYN
}

// rejection returns the ICMP error that quotes the sent segment which is an event of the result: it came no further than to
// whoever sent that. syns is which SYN it is, for quotes that do not tell. nil if there is none.
func rejection(r *probe.Result, event, syns int) *probe.ICMP {
	told := true
	for _, m := range r.ICMP {
		quotes, known := quotes(m.Quoted, r.Events[event].Octets)
		if quotes {
			return m
		}
		told = told && known
	}
	if n := len(r.ICMP); n > 0 && !told && r.Outcome == probe.OutcomeUnreachable && syns == max(r.TCP.AnsweredSYN, 1) {
		return r.ICMP[n-1]
	}
	return nil
}

// quotes reports whether the begin of a datagram that an ICMP error quotes is that of one which was sent, by what differs
// between the SYNs of a handshake: the Identification of IPv4, or the flow label of IPv6. It may not be known.
func quotes(quoted, sent []byte) (same, known bool) {
	const octets = 6 // up to the Identification
	if len(quoted) < octets || len(sent) < octets || quoted[0]>>4 != sent[0]>>4 {
		return false, false
	}
	if sent[0]>>4 == 6 {
		return quoted[1]&0xf == sent[1]&0xf && bytes.Equal(quoted[2:4], sent[2:4]), true
	}
	return bytes.Equal(quoted[4:6], sent[4:6]), true
}

// challenged reports whether a connection that the peer still takes for open answers a SYN, before it is sent again.
func challenged(later []probe.Event) bool {
	for _, e := range later {
		switch {
		case e.Kind == probe.EventSegmentSent && e.Segment.Header.Flags.Has(tcphdr.SYN):
			return false
		case e.Kind == probe.EventSegmentReceived && e.Segment.Verdict == probe.VerdictACKUnacceptable:
			return true
		}
	}
	return false
}

// sentAgain reports whether a segment is sent again later.
func sentAgain(later []probe.Event, s *probe.Segment) bool {
	return slices.ContainsFunc(later, func(e probe.Event) bool {
		return e.Kind == probe.EventSegmentSent && e.Segment.Again > s.Again &&
			e.Segment.Header.Seq == s.Header.Seq && e.Segment.Header.Flags == s.Header.Flags
	})
}

// isState reports whether a text is the name of a state.
func isState(text string) bool {
	for s := probe.StateClosed; s <= probe.StateTimeWait; s++ {
		if s.String() == text {
			return true
		}
	}
	return false
}

// took says how long a step took.
func took(e *probe.Event, step string) string {
	switch {
	case step == "":
		return ""
	case e.ICMP != nil, e.Segment != nil && (e.Segment.Verdict == probe.VerdictOpened || e.Segment.Verdict == probe.VerdictRefused):
		return "rtt " + step
	}
	return "after " + step
}

// origin is what sequence numbers are counted from.
type origin struct {
	iss, irs       tcphdr.SeqNum
	hasISS, hasIRS bool
}

// newOrigin finds the first SYN of each side.
func newOrigin(r *probe.Result) (o origin) {
	for i := range r.Events {
		e := &r.Events[i]
		switch {
		case e.Segment == nil || !e.Segment.Header.Flags.Has(tcphdr.SYN):
		case e.Kind == probe.EventSegmentSent && !o.hasISS:
			o.iss, o.hasISS = e.Segment.Header.Seq, true
		case e.Kind == probe.EventSegmentReceived && !o.hasIRS && (e.Segment.Verdict == probe.VerdictOpened || e.Segment.Verdict == probe.VerdictCrossed):
			o.irs, o.hasIRS = e.Segment.Header.Seq, true
		}
	}
	return o
}

// sent writes the numbers of a segment of ours, received those of one of the peer.
func (o origin) sent(h tcphdr.Header) string {
	return numbers(h, relative(h.Seq, o.iss, o.hasISS), relative(h.Ack, o.irs, o.hasIRS))
}

func (o origin) received(h tcphdr.Header) string {
	return numbers(h, relative(h.Seq, o.irs, o.hasIRS), relative(h.Ack, o.iss, o.hasISS))
}

func numbers(h tcphdr.Header, seq, ack string) string {
	text := "seq " + seq
	if h.Flags.Has(tcphdr.ACK) {
		text += " ack " + ack
	}
	return text
}

// far is how far a relative number may be from its origin. One further away belongs to another connection, and is
// written as it is on the wire.
const far = 1 << 20

// relative writes a sequence number counted from that of the SYN.
func relative(n, from tcphdr.SeqNum, known bool) string {
	if d := n.Sub(from); known && d >= 0 && d <= far {
		return fmt.Sprint(d)
	}
	if n == 0 {
		return "0"
	}
	return fmt.Sprintf("%d on the wire", n)
}
