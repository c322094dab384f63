package trace

import (
	"fmt"
	"net/netip"

	"tcpprobe/probe"
	"tcpprobe/tcphdr"
)

// SYNComparison is what becomes of SYNs that differ in their options and control bits, one after the other.
type SYNComparison struct {
	Target        string // as the user wrote it
	Local, Remote netip.AddrPort
	Route         *probe.Route
	Variants      []SYNVariant
	Failed        *probe.Result // what ended it before a SYN left; nil if nothing did
}

// SYNVariant is one of them: its path, and what the target makes of what it offers.
type SYNVariant struct {
	SYN   probe.SYN
	Trace *Trace
}

// ComparedSYNs are the SYNs that are compared, the plainest first.
var ComparedSYNs = []probe.SYN{probe.SYNBare, probe.SYNNoTimestamps, probe.SYNLinux, probe.SYNECN, probe.SYNAccECN, probe.SYNLargeMSS, probe.SYNFastOpen}

// Untraced returns how many of the SYNs that are compared have not been traced.
func (c *SYNComparison) Untraced() int { return len(ComparedSYNs) - len(c.Variants) }

// Answer returns what the target answered to the SYN, if it was accepted.
func (v SYNVariant) Answer() (Reply, bool) {
	end, ok := v.Trace.End()
	return end, ok && end.Peer != nil
}

// Missing returns which of the options, and whether ECN, the SYN offered and the SYN-ACK has not. Whether the target does not
// want it or the path took it away, one of the two alone does not tell. It is meaningful for a SYN that was accepted.
func (v SYNVariant) Missing() (names []string) {
	answer, ok := v.Answer()
	if !ok || v.SYN == probe.SYNBare {
		return nil
	}
	p := answer.Peer
	for _, option := range []struct {
		name string
		have bool
	}{
		{"mss", p.HasMSS},
		{"ws", p.HasScale},
		{"sack", p.SACKPermitted},
		{"ts", p.Timestamps || v.SYN == probe.SYNNoTimestamps},
		{"ecn", p.ECN != probe.ECNRefused},
		{"tfo", v.SYN != probe.SYNFastOpen || hasCookie(answer.Segment)},
	} {
		if !option.have {
			names = append(names, option.name)
		}
	}
	return names
}

// hasCookie reports whether a SYN-ACK has a Fast Open cookie.
func hasCookie(s *probe.Segment) bool {
	cookie, ok := s.Header.Options.Find(tcphdr.FastOpen)
	return ok && len(cookie) > 0
}

// Fate says in a word what became of the SYN: "passes", "reflected" (our ECN bits came back), "refused", "rejected" or
// "dropped". It is "interrupted" if that is not known.
func (v SYNVariant) Fate() string {
	outcome, _ := v.Trace.Outcome()
	switch outcome {
	case probe.OutcomeEstablished:
		if answer, ok := v.Answer(); ok && answer.Peer.ECN == probe.ECNReflected {
			return "reflected"
		}
		return "passes"
	case probe.OutcomeRefused:
		return "refused"
	case probe.OutcomeUnreachable:
		return "rejected"
	case probe.OutcomeTimeout:
		return "dropped"
	}
	return outcome.String()
}

// LastHeard names the last hop that is heard of the SYN: "hop 1, 10.1.0.1", or "no hop".
func (v SYNVariant) LastHeard() string {
	path := v.Trace.Path()
	if len(path) == 0 {
		return "no hop"
	}
	last := path[len(path)-1]
	return fmt.Sprintf("hop %d, %v", last.TTL, last.Replies[0].From)
}
