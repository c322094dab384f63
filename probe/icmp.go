package probe

import (
	"tcpprobe/icmp"
	"tcpprobe/tcphdr"
)

// Notice is an ICMP error that quotes a datagram with our addresses and ports.
type Notice struct {
	ICMP   *ICMP
	Seq    tcphdr.SeqNum // of the quoted segment
	Number int           // of the quoted segment, among those sent; -1 if the quote does not tell
}

// HandleICMP processes an ICMP error. It counts only if it quotes a sequence number that is under way: SND.UNA up to,
// but not including, SND.NXT (RFC 5927 4.1). Those who cannot see our segments can only guess it.
func (h *Handshake) HandleICMP(n Notice) Verdict {
	h.latest = n.ICMP.At
	if h.ended || h.start.IsZero() {
		return VerdictLate
	}
	if !h.underWay(n.Seq) || !ends(n.ICMP) {
		return VerdictDropped
	}
	// Once established, the peer has been heard: an error is no more than a rumour.
	if h.outcome == OutcomeEstablished {
		return VerdictNotedICMP
	}
	h.noted = true
	h.answer = answer{at: n.ICMP.At, candidates: h.candidates(n.ICMP.At)}
	for i, syn := range h.syns {
		if n.Number >= 0 && syn.number == n.Number || h.answer.candidates == 1 {
			h.answer.syn = i + 1
			break
		}
	}
	// That a SYN is too large for a link is hard to believe: no link may have an MTU below 68 octets (RFC 791 3.2).
	if h.c.ICMP == ICMPReport || icmp.Code(n.ICMP.Code) == icmp.FragmentationNeeded && icmp.Type(n.ICMP.Type) == icmp.DestinationUnreachable {
		return VerdictNotedICMP
	}
	h.outcome = OutcomeUnreachable
	h.end(StateClosed)
	return VerdictRejectedByICMP
}

// ends reports whether an ICMP message is one of those that say a datagram was not delivered. Source Quench must be
// ignored (RFC 9293 MUST-55), and a Redirect was delivered all the same.
func ends(m *ICMP) bool {
	switch icmp.Type(m.Type) {
	case icmp.DestinationUnreachable, icmp.TimeExceeded, icmp.ParameterProblem:
		return true
	}
	return false
}
