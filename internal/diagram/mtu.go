package diagram

import (
	"fmt"

	"tcpprobe/internal/report"
	"tcpprobe/internal/text"
	"tcpprobe/internal/trace"
)

// PathMTU returns the SYNs of a search for the path MTU, with what became of each size.
func PathMTU(m *trace.PathMTU) *Scene {
	if m.Search == nil {
		return Handshake(m.Plain)
	}
	s := newPathScene("The path MTU to", m.Target, m.Local, m.Remote, m.Route)
	s.outcome, s.verdict, s.notes = m.Outcome(), report.MTUVerdict(m), report.MTUNotes(m)
	for _, try := range m.Search.Tries {
		if try.Fate == trace.MTUTooBig && s.find(try.From) == nobody {
			s.add(try.From, "router", rankRouter+try.ICMP.Hops())
		}
	}
	s.order()
	target := s.find(m.Remote.Addr())
	for _, try := range m.Search.Tries {
		mark := fmt.Sprint(try.Size)
		what := fmt.Sprintf("SYN of %s", text.Count(try.Size, "octet"))
		switch try.Fate {
		case trace.MTUPassed:
			s.syn(mark, what, target, nil, false, "passes, rtt "+text.Milliseconds(try.RTT)+" ms")
		case trace.MTULost:
			s.syn(mark, what, target, nil, true, "vanishes")
		case trace.MTUTooBig:
			router := s.find(try.From)
			s.syn(mark, what, router, nil, false)
			reply := step{mark: mark, protocol: "ICMP", what: "3/4 fragmentation needed", peer: router, rejected: true}
			if try.Next > 0 {
				reply.details = []string{fmt.Sprintf("mtu %d", try.Next)}
			}
			s.steps = append(s.steps, reply)
		}
	}
	return s
}
