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
	meaning := n.ICMP.Meaning()
	// Source Quench must be ignored (RFC 9293 MUST-55), and what a Redirect is about was delivered all the same.
	if !h.underWay(n.Seq) || !meaning.Undelivered() {
		return VerdictDropped
	}
	// Once established, the peer has been heard: an error is no more than a rumour.
	if h.outcome == OutcomeEstablished {
		return VerdictNotedICMP
	}
	if n.ICMP.belowMinimum() {
		h.find(FindingMTUBelowMinimum) // and nothing else comes of it (RFC 8201 4)
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
	// That a SYN is too large for a link is hard to believe: no link may have an MTU below 68 octets (RFC 791 3.2), or in
	// IPv6 below 1280 (RFC 8200 5).
	if h.c.ICMP == ICMPReport || meaning == icmp.MeansTooBig {
		return VerdictNotedICMP
	}
	h.outcome = OutcomeUnreachable
	h.end(StateClosed)
	return VerdictRejectedByICMP
}

// minimumMTU6 is what every link of IPv6 takes, in octets (RFC 8200 5).
const minimumMTU6 = 1280

// belowMinimum reports whether the message names an MTU that no link of IPv6 has.
func (m *ICMP) belowMinimum() bool {
	return m.Is6() && m.Meaning() == icmp.MeansTooBig && m.MTU < minimumMTU6
}
