package probe

import (
	"time"

	"tcpprobe/internal/stamp"
	"tcpprobe/tcphdr"
)

// inSynSent is RFC 9293 3.10.7.3.
func (h *Handshake) inSynSent(a Arrival) Verdict {
	s := a.Header
	// First, check the ACK bit: what it acknowledges must be our SYN.
	acceptable := s.Flags.Has(tcphdr.ACK)
	if acceptable && !h.expects(s.Ack) {
		if s.Flags.Has(tcphdr.RST) {
			h.find(FindingRSTIgnored)
			return VerdictRSTUnproven
		}
		return h.resetStale(a)
	}
	// Second, check the RST bit.
	if s.Flags.Has(tcphdr.RST) {
		switch {
		case !acceptable:
			h.find(FindingRSTIgnored)
			return VerdictRSTUnproven
		case !h.echoPlausible(s, a.At.User):
			h.find(FindingRSTIgnored)
			return VerdictTimestampUnproven
		}
		return h.refuse(a)
	}
	// Third, security: not used. Fourth, check the SYN bit.
	if !s.Flags.Has(tcphdr.SYN) {
		return VerdictDropped // fifth
	}
	if !acceptable && !h.mayChallenge(a.At.User) {
		return VerdictDropped
	}
	h.irs = s.Seq
	h.rcvNxt = s.Seq.Add(1)
	h.learn(s)
	if !acceptable {
		return h.cross(a)
	}
	if h.timestamps && !h.echoed(s) {
		h.find(FindingTimestampsMismatch)
	}
	if _, signed := s.Options.Find(tcphdr.MD5); signed {
		h.find(FindingMD5Signature)
	}
	h.ace = accurateEcho(a.ECN)
	h.countCongestion(a)
	h.rcvNxt = h.rcvNxt.Add(a.Data)
	if a.Data > 0 || s.Flags.Has(tcphdr.FIN) {
		h.find(FindingPeerSpeaksFirst)
	}
	h.establish(a, s.Flags.Has(tcphdr.FIN))
	return VerdictOpened
}

// learn takes the peer's options from its SYN or SYN-ACK.
func (h *Handshake) learn(s tcphdr.Header) {
	h.peer, h.heard = PeerOf(s), true
	p := &h.peer
	offered := h.c.SYN != SYNBare
	h.timestamps = offered && p.Timestamps && h.c.SYN != SYNNoTimestamps
	h.tsRecent, _, _ = s.Options.Timestamps()
	h.scaled = offered && p.HasScale
	if _, bad := s.Options.Malformed(); bad {
		h.find(FindingOptionsMalformed)
	}
	if s.Flags.Has(tcphdr.ACK) {
		offer := h.syns[h.answeredBy(s)].offer
		if s.Flags&ecnBits != 0 && h.c.SYN == SYNAccECN {
			offer = h.syns[0].offer
		}
		p.ECN = ECNAnswer(offer, s.Flags)
	}
}

// establish ends the wait: the peer's SYN-ACK acknowledged our SYN.
func (h *Handshake) establish(a Arrival, fin bool) {
	h.opened(a)
	if h.c.Close == CloseHalf {
		h.push(output{flags: tcphdr.RST, seq: a.Header.Ack})
		h.end(StateClosed)
		return
	}
	h.enter(StateEstablished, a.At)
	if fin {
		h.rcvNxt = h.rcvNxt.Add(1)
		h.enter(StateCloseWait, a.At)
	}
	h.sendACK()
	h.closeAsAsked(a.At.User)
}

// opened takes note that our SYN was acknowledged.
func (h *Handshake) opened(a Arrival) {
	h.outcome = OutcomeEstablished
	h.sndUna, h.sndNxt = a.Header.Ack, a.Header.Ack // data that the peer did not take is not sent again
	h.retransmit = time.Time{}
	h.answered(a)
	h.rto = initialRTO
	if h.answer.syn > 0 { // RFC 6298 2.2; an ambiguous RTT is none (RFC 6298 3)
		rtt, _ := stamp.Between(h.syns[h.answer.syn-1].At, a.At)
		h.rto = max(h.rto, 3*rtt)
	}
	h.giveUp = a.At.User.Add(max(h.c.Linger, h.rto))
	if h.noted {
		h.find(FindingICMPThenAnswer)
	}
}

// refuse ends the wait: a RST acknowledged our SYN.
func (h *Handshake) refuse(a Arrival) Verdict {
	h.outcome = OutcomeRefused
	h.answered(a)
	if h.noted {
		h.find(FindingICMPThenAnswer)
	}
	h.end(StateClosed)
	return VerdictRefused
}
