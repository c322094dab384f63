package diagram

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"tcpprobe/internal/report"
	"tcpprobe/internal/text"
	"tcpprobe/internal/trace"
	"tcpprobe/probe"
	"tcpprobe/tcphdr"
)

// pathLegend explains the scenes of paths.
var pathLegend = []string{
	"A dot: a router that is known to have passed the SYN on.",
}

// newPathScene returns a scene of SYNs to one target, without parties but for this host.
func newPathScene(title, target string, local, remote netip.AddrPort, route *probe.Route) *Scene {
	s := &Scene{title: title + " " + text.Printable(target), host: party{roles: []string{"this host"}}, legend: pathLegend}
	if route == nil {
		return s // it did not come to that
	}
	s.host.label = route.Source.String()
	s.subtitle = fmt.Sprintf("from %v on %s", route.Source, text.Printable(route.Interface))
	if local.IsValid() {
		s.subtitle = fmt.Sprintf("from %v on %s", local, text.Printable(route.Interface))
	}
	s.add(remote.Addr(), "target", rankTarget)
	s.peers[0].label = remote.String()
	return s
}

// addHops adds the hops of a trace as parties: each router that replied, and each hop that was silent before another.
func (s *Scene) addHops(t *trace.Trace) {
	for _, hop := range t.Path() {
		role := fmt.Sprintf("hop %d", hop.TTL)
		if len(hop.Replies) == 0 {
			s.addSilent(hop.TTL)
		}
		for _, reply := range hop.Replies {
			if !reply.Reached() && s.find(reply.From) == nobody {
				s.add(reply.From, role, rankRouter+hop.TTL)
			}
		}
	}
}

// addSilent adds a party for a hop that nobody is known of.
func (s *Scene) addSilent(ttl int) {
	rank := rankRouter + ttl
	if !slices.ContainsFunc(s.peers, func(p party) bool { return p.rank == rank }) {
		s.peers = append(s.peers, party{roles: []string{fmt.Sprintf("hop %d", ttl)}, label: "silent", rank: rank})
	}
}

// order puts the parties in the order of their distance. No party may be added, and no step made, before and after it.
func (s *Scene) order() {
	slices.SortStableFunc(s.peers, func(a, b party) int { return a.rank - b.rank })
}

// passed returns the routers of a trace, up to a hop, that are known to have counted the TTL of the SYN down.
func (s *Scene) passed(t *trace.Trace, before int) (via []int) {
	for _, hop := range t.Path() {
		if hop.TTL >= before {
			break
		}
		var routers []int
		for _, reply := range hop.Replies {
			if i := s.find(reply.From); !reply.Ends() && !slices.Contains(routers, i) {
				routers = append(routers, i)
			}
		}
		if len(routers) == 1 { // of several, nobody knows which
			via = append(via, routers[0])
		}
	}
	return via
}

// atHop returns the party of a hop of a trace; that of the target if there is none.
func (s *Scene) atHop(hop trace.Hop) int {
	if len(hop.Replies) > 0 {
		return s.find(hop.Replies[0].From)
	}
	rank := rankRouter + hop.TTL
	if i := slices.IndexFunc(s.peers, func(p party) bool { return p.rank == rank }); i != nobody {
		return i
	}
	return len(s.peers) - 1
}

// syn adds a SYN to a party, or if it is lost towards it.
func (s *Scene) syn(mark, what string, peer int, via []int, lost bool, details ...string) {
	via = slices.DeleteFunc(via, func(router int) bool { return router == peer })
	s.steps = append(s.steps, step{mark: mark, protocol: "TCP", what: what, peer: peer, via: via, out: true, lost: lost, details: details})
}

// reply adds what came back for a SYN.
func (s *Scene) reply(r report.HopReply, mark string) {
	step := step{mark: mark, protocol: "TCP", what: r.Texts[0], peer: s.find(r.From), details: append([]string{"rtt " + r.Time}, r.Texts[1:]...)}
	if !r.Segment {
		step.protocol, step.rejected = "ICMP", true
		step.what = strings.TrimPrefix(step.what, "ICMP ")
	}
	s.steps = append(s.steps, step)
}

// synBits is what a SYN is called.
var synBits = fmt.Sprintf("%v [%s]", tcphdr.SYN, tcphdr.SYN.Bits())

// common returns the outcome that all have; OutcomePending if they differ.
func common(outcomes []probe.Outcome) probe.Outcome {
	for _, o := range outcomes {
		if o != outcomes[0] {
			return probe.OutcomePending
		}
	}
	if len(outcomes) == 0 {
		return probe.OutcomeInterrupted
	}
	return outcomes[0]
}
