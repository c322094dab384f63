package diagram

import (
	"tcpprobe/internal/report"
	"tcpprobe/internal/trace"
	"tcpprobe/probe"
)

// SYNs returns the SYNs of a comparison, with what became of each kind.
func SYNs(c *trace.SYNComparison) *Scene {
	if c.Failed != nil {
		return Handshake(c.Failed)
	}
	s := newPathScene("Kinds of SYN to", c.Target, c.Local, c.Remote, c.Route)
	s.verdict, s.notes = report.SYNsVerdict(c), report.SYNsNotes(c)
	var outcomes []probe.Outcome
	for _, v := range c.Variants {
		outcome, _ := v.Trace.Outcome()
		outcomes = append(outcomes, outcome)
		s.addHops(v.Trace)
	}
	s.outcome = common(outcomes)
	s.order()
	target := s.find(c.Remote.Addr())
	for _, v := range c.Variants {
		mark := v.SYN.String()
		path := v.Trace.Path()
		via := s.passed(v.Trace, len(v.Trace.Hops)+v.Trace.First)
		if _, ended := v.Trace.End(); !ended {
			s.syn(mark, synBits, target, via, true, v.Fate())
			continue
		}
		last := path[len(path)-1]
		s.syn(mark, synBits, s.find(last.Replies[0].From), s.passed(v.Trace, last.TTL), false, v.Fate())
		for _, reply := range report.HopReplies(v.Trace, last) {
			s.reply(reply, mark)
		}
	}
	return s
}
