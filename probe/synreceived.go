package probe

import "tcpprobe/tcphdr"

// cross is the rest of RFC 9293 3.10.7.3, fourth, for a SYN without ACK: simultaneous open.
func (h *Handshake) cross(a Arrival) Verdict {
	h.find(FindingSimultaneousOpen)
	h.synData = a.Data // taken when the connection is established; a FIN will be sent again
	h.enter(StateSYNReceived, a.At)
	h.rto, h.repeated = initialRTO, 0
	h.sendSYN(tcphdr.SYN|tcphdr.ACK, a.At.User)
	return VerdictCrossed
}

// acknowledgedSYN is RFC 9293 3.10.7.4, fifth, in SYN-RECEIVED: what the segment acknowledges must be our SYN.
func (h *Handshake) acknowledgedSYN(a Arrival) Verdict {
	if s := a.Header; !(h.sndUna.Less(s.Ack) && s.Ack.LessEq(h.sndNxt)) {
		return h.resetStale(a)
	}
	h.rcvNxt = h.rcvNxt.Add(h.synData)
	if h.synData > 0 {
		h.find(FindingPeerSpeaksFirst)
		h.acknowledge = a.At.User.Add(delayedACK)
	}
	h.opened(a)
	h.enter(StateEstablished, a.At)
	h.text(a)
	h.closeAsAsked(a.At.User)
	return VerdictOpened
}

// resetStale answers an acknowledgment of what we never sent by the RST that ends what the peer takes for a connection (RFC
// 9293 3.5.2, group 2).
func (h *Handshake) resetStale(a Arrival) Verdict {
	h.find(FindingStalePeerState)
	if h.mayChallenge(a.At.User) {
		h.push(output{flags: tcphdr.RST, seq: a.Header.Ack})
	}
	return VerdictACKUnacceptable
}
