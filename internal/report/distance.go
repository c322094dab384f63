package report

import (
	"fmt"

	"tcpprobe/icmp"
	"tcpprobe/internal/text"
	"tcpprobe/internal/trace"
	"tcpprobe/probe"
)

// Distance returns how many hops away an ICMP error was sent, at the least and at the most; 0 for both if its quote does
// not tell. A router that rejects what it was about to forward has counted the Time to Live down already; one whose
// routes reject, or whose next link is too narrow, has not. Only of the first router, which the route names, the two are
// the same hop. The route may be nil.
func Distance(m *probe.ICMP, route *probe.Route) (least, most int) {
	least = m.Hops()
	switch crossed := int(m.SentTTL) - int(m.QuotedTTL); {
	case least == 0, crossed < 1, m.Meaning() == icmp.MeansHopLimitExceeded, m.From == m.Target:
	case route != nil && !route.OnLink && m.From == route.NextHop:
	default:
		return least, crossed + 1
	}
	return least, least
}

// away says how far away something is, as the end of a clause; nothing if that is not known.
func away(least, most int) string {
	if least == 0 {
		return ""
	}
	return ", " + HopsText(least, most) + " away"
}

// traceDistance is Distance where a trace has heard of the hops before. A router that had counted the Time to Live down is
// the one at which the SYN before ran out; if that was another, this one had not.
func traceDistance(t *trace.Trace, end trace.Reply) (least, most int) {
	least, most = Distance(end.ICMP, t.Route)
	if least == most {
		return least, most
	}
	for _, hop := range t.Hops {
		for _, reply := range hop.Replies {
			switch {
			case reply.Ends():
			case reply.From == end.From:
				return hop.TTL, hop.TTL
			case hop.TTL == least:
				least = most
			}
		}
	}
	return least, most
}

// hopOf names the hop that sent an ICMP error: "hop 1", "hop 1 or 2"; "" if that is not known.
func hopOf(t *trace.Trace, r trace.Reply) string { return hopText(traceDistance(t, r)) }

// hopText names the hop at a distance; "" if that is not known.
func hopText(least, most int) string {
	switch {
	case least == 0:
		return ""
	case least == most:
		return fmt.Sprintf("hop %d", least)
	}
	return fmt.Sprintf("hop %d or %d", least, most)
}

// HopsText writes a distance: "2 hops", "1 or 2 hops".
func HopsText(least, most int) string {
	if least == most {
		return text.Count(least, "hop")
	}
	return fmt.Sprintf("%d or %d hops", least, most)
}
