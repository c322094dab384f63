package diagram

import (
	"fmt"

	"tcpprobe/internal/report"
	"tcpprobe/internal/text"
	"tcpprobe/internal/trace"
)

// Trace returns the path of a SYN: one for each Time to Live, with what came back for it.
func Trace(t *trace.Trace) *Scene {
	if t.Failed != nil && len(t.Path()) == 0 {
		return Handshake(t.Failed)
	}
	s := newPathScene("The path of a SYN to", t.Target, t.Local, t.Remote, t.Route)
	s.outcome, _ = t.Outcome()
	s.verdict, s.notes = report.TraceVerdict(t), report.TraceNotes(t)
	s.legend = append([]string{"One SYN for each Time to Live (ttl), all at once: where it runs out, a router says so."}, s.legend...)
	s.addHops(t)
	s.order()
	hops := t.Path()
	if _, ended := t.End(); !ended && len(hops) < len(t.Hops) {
		hops = t.Hops[:len(hops)+1] // the first of those from which nothing is heard
	}
	for _, hop := range hops {
		mark := fmt.Sprintf("ttl %d", hop.TTL)
		var details []string
		if hop.Sent > 1 {
			details = []string{text.Count(hop.Sent, "SYN")}
		}
		s.syn(mark, synBits, s.atHop(hop), s.passed(t, hop.TTL), len(hop.Replies) == 0, details...)
		for _, reply := range report.HopReplies(t, hop) {
			s.reply(reply, mark)
		}
	}
	return s
}
