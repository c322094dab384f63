package diagram

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"tcpprobe/internal/report"
	"tcpprobe/internal/text"
	"tcpprobe/probe"
	"tcpprobe/tcphdr"
)

// scene is what a diagram shows of a result, whatever it is drawn with.
type scene struct {
	host  party
	peers []party // from near to far
	steps []step
}

// party is someone who takes part, with a line of its own.
type party struct {
	address netip.Addr
	roles   []string
	label   string // under the roles: the address, mostly
	rank    int
}

// The ranks of parties: the order of their lines.
const (
	rankServer  = 1
	rankGateway = 2
	rankRouter  = 3   // plus the number of hops
	rankTarget  = 999 // no datagram makes that many hops
)

// nobody is the index of the peer where this host is alone.
const nobody = -1

// step is one event.
type step struct {
	event   *probe.Event
	line    report.Line
	peer    int // index; nobody for what happened on this host
	out     bool
	lost    bool     // nothing answers it
	silence bool     // what was waited for did not come
	what    string   // "SYN [000010]"
	numbers string   // "seq 0 ack 1"
	details []string // "mss 1460 ws 7 sack ts", "rtt 11.573 ms"
	state   string   // that this host enters
}

// newScene reads a result.
func newScene(r *probe.Result) *scene {
	s := &scene{host: party{roles: []string{"this host"}}}
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
		step := step{event: e, line: lines.Event(r, e), peer: s.peer(r, e)}
		step.details = step.line.Texts[1:]
		step.what = step.line.Texts[0]
		switch e.Kind {
		case probe.EventDNSQuery, probe.EventARPRequest:
			step.out = true
			step.lost = unanswered(r.Events[i+1:], e.Kind)
		case probe.EventDNSSilence, probe.EventARPSilence, probe.EventTCPSilence:
			step.silence = true
		case probe.EventSegmentSent:
			step.out = true
			step.numbers = origin.sent(e.Segment.Header)
			if e.Segment.Header.Flags.Has(tcphdr.SYN) {
				syns++
				step.lost = lostSYN(r, syns)
				if syns == 1 {
					step.state = e.Segment.State.String()
				}
			} else {
				step.lost = sentAgain(r.Events[i+1:], e.Segment)
			}
			if r.Outcome == probe.OutcomeUnreachable && syns == max(r.TCP.AnsweredSYN, 1) && len(r.ICMP) > 0 {
				step.peer = s.find(r.ICMP[len(r.ICMP)-1].From)
			}
		case probe.EventSegmentReceived:
			step.numbers = origin.received(e.Segment.Header)
		}
		step.details = slices.DeleteFunc(slices.Clone(step.details), func(text string) bool {
			if e.Segment == nil || !isState(text) {
				return false
			}
			step.state = text
			return true
		})
		if text := took(e, step.line.Step); text != "" {
			step.details = append(step.details, text)
		}
		s.steps = append(s.steps, step)
	}
	return s
}

// cast finds the parties.
func (s *scene) cast(r *probe.Result) {
	with := target(r)
	for i := range r.Events {
		switch e := &r.Events[i]; {
		case e.DNS != nil && e.DNS.Server.IsValid():
			s.add(e.DNS.Server.Addr(), "DNS server", rankServer)
		case e.ARP != nil && r.Route != nil && r.Route.OnLink:
			s.add(e.ARP.Address, "target", rankTarget)
		case e.ARP != nil:
			s.add(e.ARP.Address, "gateway", rankGateway)
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

// add adds a party, or a role of one that is there.
func (s *scene) add(a netip.Addr, role string, rank int) {
	i := s.find(a)
	if i == nobody {
		p := party{address: a, roles: []string{role}, rank: rank}
		if a.IsValid() {
			p.label = a.String()
		}
		s.peers = append(s.peers, p)
		return
	}
	p := &s.peers[i]
	p.rank = max(p.rank, rank)
	if !slices.Contains(p.roles, role) {
		p.roles = append(p.roles, role)
	}
}

// find returns the index of the peer with an address.
func (s *scene) find(a netip.Addr) int {
	return slices.IndexFunc(s.peers, func(p party) bool { return p.address == a })
}

// peer returns the index of the one whom an event is to or from.
func (s *scene) peer(r *probe.Result, e *probe.Event) int {
	switch e.Kind {
	case probe.EventDNSQuery, probe.EventDNSAnswer:
		return s.find(e.DNS.Server.Addr())
	case probe.EventARPRequest, probe.EventARPReply:
		return s.find(e.ARP.Address)
	case probe.EventSegmentSent, probe.EventSegmentReceived:
		return s.find(target(r))
	case probe.EventICMPReceived:
		return s.find(e.ICMP.From)
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
		case k == kind || k == probe.EventDNSSilence || k == probe.EventARPSilence:
			return true
		case kind == probe.EventDNSQuery && k == probe.EventDNSAnswer, kind == probe.EventARPRequest && k == probe.EventARPReply:
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

// name returns the roles of a party.
func (p party) name() string { return strings.Join(p.roles, ", ") }

// any reports whether there is a step of some kind.
func (s *scene) any(is func(step) bool) bool { return slices.ContainsFunc(s.steps, is) }
