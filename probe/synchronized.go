package probe

import (
	"time"

	"tcpprobe/tcphdr"
)

// synchronized is RFC 9293 3.10.7.4, for SYN-RECEIVED and the states after it, with RFC 5961.
func (h *Handshake) synchronized(a Arrival) Verdict {
	s := a.Header
	// First, check the sequence number.
	if !h.inWindow(a) {
		if s.Flags.Has(tcphdr.RST) {
			return VerdictRSTUnproven
		}
		if s.Flags.Has(tcphdr.SYN|tcphdr.ACK) && s.Seq == h.irs {
			h.find(FindingDuplicateSYNACK)
			h.ace = accurateEcho(a.ECN) // RFC 9768 3.2.2.1
			h.challenge(a)
			return VerdictDuplicate
		}
		h.acknowledgeAgain(a)
		if a.end().LessEq(h.rcvNxt) {
			return VerdictDuplicate
		}
		return VerdictOutOfWindow
	}
	h.countCongestion(a)
	// The next segment of ours echoes the latest time stamp (RFC 7323 4.3).
	if tsval, _, ok := s.Options.Timestamps(); ok && h.timestamps && int32(tsval-h.tsRecent) >= 0 && s.Seq.LessEq(h.rcvNxt) {
		h.tsRecent = tsval
	}
	// Second, check the RST bit (RFC 5961 3.2).
	if s.Flags.Has(tcphdr.RST) {
		switch {
		case s.Seq != h.rcvNxt:
			h.challenge(a)
			return VerdictChallenged
		case h.state == StateSYNReceived:
			return h.uncross()
		}
		h.reset(a)
		return VerdictReset
	}
	// Third, security: not used. Fourth, check the SYN bit (RFC 5961 4.2).
	if s.Flags.Has(tcphdr.SYN) {
		h.challenge(a)
		return VerdictChallenged
	}
	// Fifth, check the ACK field.
	if !s.Flags.Has(tcphdr.ACK) {
		return VerdictDropped
	}
	if h.state == StateSYNReceived {
		return h.acknowledgedSYN(a)
	}
	// RFC 5961 5.2: we never sent more than a FIN, so that older acknowledgments are those from the SYN on.
	if s.Ack.Less(h.c.ISS) || h.sndNxt.Less(s.Ack) {
		h.challenge(a)
		return VerdictACKUnacceptable
	}
	if h.sndUna.Less(s.Ack) {
		h.acknowledged(a)
		if h.ended {
			return VerdictAcknowledged
		}
	}
	// Sixth, the URG bit: no data of ours depends on it. Seventh and eighth.
	return h.text(a)
}

// inWindow reports whether some of the segment, or its place if it is empty, lies in the receive window (RFC 9293
// 3.10.7.4, first).
func (h *Handshake) inWindow(a Arrival) bool {
	// Without a window, what stands at RCV.NXT is looked at all the same: its ACK or RST may be valid.
	first, window := a.Header.Seq, max(h.c.Window, 1)
	if last := a.end().Add(-1); first.LessEq(last) {
		return first.InWindow(h.rcvNxt, window) || last.InWindow(h.rcvNxt, window)
	}
	return first.InWindow(h.rcvNxt, window)
}

// acknowledged takes an acknowledgment of our FIN, the only thing that we send once established.
func (h *Handshake) acknowledged(a Arrival) {
	h.sndUna = a.Header.Ack
	if h.sndUna != h.sndNxt {
		return
	}
	h.retransmit = time.Time{}
	switch h.state {
	case StateFINWait1:
		h.enter(StateFINWait2, a.At)
	case StateClosing:
		h.enter(StateTimeWait, a.At)
		h.end(StateTimeWait)
	case StateLastACK:
		h.enter(StateClosed, a.At)
		h.end(StateClosed)
	}
}

// text takes the data and the FIN of a segment that is within the window.
func (h *Handshake) text(a Arrival) Verdict {
	if a.Data == 0 && !a.Header.Flags.Has(tcphdr.FIN) {
		return VerdictAcknowledged
	}
	switch h.state {
	case StateEstablished, StateFINWait1, StateFINWait2:
	default:
		return VerdictDropped // the peer has closed: nothing can follow its FIN
	}
	// What is missing in front of it will be sent again.
	if h.rcvNxt.Less(a.Header.Seq) {
		h.acknowledgeAgain(a)
		return VerdictOutOfWindow
	}
	if a.end().LessEq(h.rcvNxt) {
		h.acknowledgeAgain(a) // of data that came with a crossing SYN already
		return VerdictDuplicate
	}
	if a.Data > 0 {
		h.find(FindingPeerSpeaksFirst)
	}
	h.rcvNxt = a.end()
	if !a.Header.Flags.Has(tcphdr.FIN) {
		h.sendACK()
		return VerdictData
	}
	switch h.state {
	case StateEstablished:
		h.find(FindingPeerSpeaksFirst)
		h.enter(StateCloseWait, a.At)
	case StateFINWait1:
		h.enter(StateClosing, a.At)
	case StateFINWait2:
		h.enter(StateTimeWait, a.At)
		h.end(StateTimeWait)
	}
	h.sendACK()
	return VerdictFIN
}

// reset ends a connection that the peer has reset. After our own FIN that is one way to close, of a peer that had more
// to say.
func (h *Handshake) reset(a Arrival) {
	h.find(FindingResetAfterEstablished)
	h.enter(StateClosed, a.At)
	h.queued = 0
	h.end(StateClosed)
}
