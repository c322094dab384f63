package diagram

import (
	"fmt"
	"net/netip"

	"tcpprobe/internal/report"
	"tcpprobe/internal/text"
	"tcpprobe/internal/trace"
	"tcpprobe/probe"
)

// Flows returns the paths of several flows: an arrow for those that take the same one and end the same way.
func Flows(set *trace.FlowSet) *Scene {
	if set.Failed != nil {
		return Handshake(set.Failed)
	}
	s := newPathScene("Flows to", set.Target, netip.AddrPort{}, set.Remote, set.Route)
	s.verdict, s.notes = report.FlowsVerdict(set), report.FlowsNotes(set)
	var outcomes []probe.Outcome
	for _, f := range set.Flows {
		outcomes = append(outcomes, f.Handshake.Outcome)
		s.addHops(f.Trace)
	}
	s.outcome = common(outcomes)
	s.order()
	for i, g := range set.Groups() {
		var via []int
		for _, router := range g.Routers {
			if at := s.find(router); router.IsValid() && at != nobody {
				via = append(via, at)
			}
		}
		details := []string{g.Outcome.String()}
		if shortest, average, longest, ok := g.RTT(); ok {
			details = append(details, fmt.Sprintf("rtt %s/%s/%s ms", text.Milliseconds(shortest), text.Milliseconds(average), text.Milliseconds(longest)))
		}
		if lost := g.Lost(); lost > 0 {
			details = append(details, text.Count(lost, "SYN")+" lost")
		}
		s.syn(fmt.Sprintf("path %d", i+1), text.Count(len(g.Flows), "flow"), s.find(set.Remote.Addr()), via, g.Outcome == probe.OutcomeTimeout, details...)
	}
	return s
}
