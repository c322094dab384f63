package probe

import "tcpprobe/tcphdr"

// cross is the rest of RFC 9293 3.10.7.3, fourth, for a SYN without ACK: simultaneous open.
func (h *Handshake) cross(a Arrival) Verdict {
	h.find(FindingSimultaneousOpen)
	h.synData = a.Data // taken when the connection is established; a FIN will be sent again
	h.enter(StateSYNReceived, a.At)
	h.uncrossed = retransmission{at: h.retransmit, rto: h.rto, repeated: h.repeated}
	h.rto, h.repeated = initialRTO, 0
	h.sendSYN(tcphdr.SYN|tcphdr.ACK, a.At.User)
	return VerdictCrossed
}

// uncross is RFC 9293 3.10.7.4, second, in SYN-RECEIVED, but for one thing. An active open is refused there, and so a blind
// sender could bring that about: whoever sent the crossing SYN chose RCV.NXT, and a listener resets our SYN-ACK. Only a RST
// that acknowledges our SYN refuses; this one takes back what crossed, and the wait for the answer goes on.
func (h *Handshake) uncross() Verdict {
	h.find(FindingRSTIgnored)
	h.enter(StateSYNSent, h.latest)
	h.peer, h.heard, h.timestamps, h.tsRecent, h.scaled = Peer{}, false, false, 0, false
	h.irs, h.rcvNxt, h.synData = 0, 0, 0
	h.retransmit, h.rto, h.repeated = h.uncrossed.at, h.uncrossed.rto, h.uncrossed.repeated
	h.queued = 0 // an answer to what is undone
	return VerdictRSTUnproven
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
	h.ack = ackSent{number: -1, sent: true, at: a.At} // our SYN-ACK was it: nobody waits for another segment of ours
	h.enter(StateEstablished, a.At)
	h.text(a)
	h.closeAsAsked(a.At.User)
	return VerdictOpened
}

// resetStale answers an acknowledgment of what we never sent by the RST that ends what the peer takes for a connection (RFC
// 9293 3.5.2, group 2).
func (h *Handshake) resetStale(a Arrival) Verdict {
	h.find(FindingStalePeerState)
	h.syns[len(h.syns)-1].challenged = true
	if h.mayChallenge(a.At.User) {
		h.push(output{flags: tcphdr.RST, seq: a.Header.Ack})
	}
	return VerdictACKUnacceptable
}
