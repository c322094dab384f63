package probe

import (
	"time"

	"tcpprobe/internal/stamp"
	"tcpprobe/tcphdr"
)

// Arrival is a segment of the connection that has arrived, with a checksum that does not speak against it.
type Arrival struct {
	Header tcphdr.Header
	Data   int   // octets of data
	TTL    uint8 // of its datagram
	ECN    uint8 // codepoint of its datagram
	At     stamp.Stamp
}

// end is the sequence number after the last octet that the segment occupies (SEG.SEQ + SEG.LEN).
func (a Arrival) end() tcphdr.SeqNum {
	n := a.Data
	if a.Header.Flags.Has(tcphdr.SYN) {
		n++
	}
	if a.Header.Flags.Has(tcphdr.FIN) {
		n++
	}
	return a.Header.Seq.Add(n)
}

// HandleSegment processes a segment that arrived (RFC 9293 3.10.7).
func (h *Handshake) HandleSegment(a Arrival) Verdict {
	h.latest = a.At
	verdict := h.handle(a)
	switch verdict {
	case VerdictDropped, VerdictRSTUnproven, VerdictAckUnacceptable, VerdictTimestampUnproven, VerdictOutOfWindow, VerdictChallenged, VerdictLate:
		h.ignored++
	}
	return verdict
}

func (h *Handshake) handle(a Arrival) Verdict {
	switch {
	case h.ended || h.start.IsZero():
		return VerdictLate
	case h.state == StateSYNSent, h.state == StateSYNReceived && h.proven(a.Header):
		return h.inSynSent(a)
	}
	return h.synchronized(a)
}

// proven reports whether a SYN-ACK or a RST acknowledges our SYN. A SYN that crossed ours may come from anyone, but this
// comes from one who has seen ours, and counts as if nothing had crossed.
func (h *Handshake) proven(s tcphdr.Header) bool {
	return s.Flags.Has(tcphdr.ACK) && s.Flags&(tcphdr.SYN|tcphdr.RST) != 0 && h.expects(s.Ack)
}

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
		h.find(FindingStalePeerState)
		if h.mayAnswerJunk(a.At.User) {
			h.push(output{flags: tcphdr.RST, seq: s.Ack})
		}
		return VerdictAckUnacceptable
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
	h.irs = s.Seq
	h.rcvNxt = s.Seq.Add(1)
	h.learn(s)
	if !acceptable {
		h.find(FindingSimultaneousOpen)
		h.synData = a.Data // taken when the connection is established; a FIN will be sent again
		h.enter(StateSYNReceived, a.At)
		h.rto, h.repeated = initialRTO, 0
		h.sendSYN(tcphdr.SYN|tcphdr.ACK, a.At.User)
		return VerdictCrossed
	}
	if h.timestamps && !h.echoed(s) {
		h.find(FindingTimestampsMismatch)
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
			h.challenge(a)
			return VerdictDuplicate
		}
		h.challenge(a)
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
			return h.refuse(a)
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
		if !(h.sndUna.Less(s.Ack) && s.Ack.LessEq(h.sndNxt)) {
			h.find(FindingStalePeerState)
			if h.mayAnswerJunk(a.At.User) {
				h.push(output{flags: tcphdr.RST, seq: s.Ack})
			}
			return VerdictAckUnacceptable
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
	// RFC 5961 5.2: we never sent more than a FIN, so that older acknowledgments are those from the SYN on.
	if s.Ack.Less(h.c.ISS) || h.sndNxt.Less(s.Ack) {
		h.challenge(a)
		return VerdictAckUnacceptable
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
		h.challenge(a)
		return VerdictOutOfWindow
	}
	if a.end().LessEq(h.rcvNxt) {
		h.sendACK() // of data that came with a crossing SYN already
		return VerdictDuplicate
	}
	if a.Data > 0 {
		h.find(FindingPeerSpeaksFirst)
	}
	h.rcvNxt = a.end()
	if !a.Header.Flags.Has(tcphdr.FIN) {
		h.sendACK()
		return VerdictGotData
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
	return VerdictGotFIN
}

// learn takes the peer's options from its SYN or SYN-ACK.
func (h *Handshake) learn(s tcphdr.Header) {
	p := &h.peer
	*p, h.heard = Peer{Window: s.Window, SACKPermitted: s.Options.SACKPermitted()}, true
	p.MSS, p.HasMSS = s.Options.MSS()
	p.WindowScale, p.HasScale = s.Options.WindowScale()
	offered := h.c.SYN != SYNBare
	tsval, _, ok := s.Options.Timestamps()
	p.Timestamps = ok
	h.timestamps, h.tsRecent = offered && ok && h.c.SYN != SYNNoTimestamps, tsval
	h.scaled = offered && p.HasScale
	if _, bad := s.Options.Malformed(); bad {
		h.find(FindingOptionsMalformed)
	}
	if s.Flags.Has(tcphdr.ACK) {
		p.ECN = ecnAnswer(h.syns[h.answeredBy(s)].offer, s.Flags)
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
		rtt, _ := stamp.Between(h.syns[h.answer.syn-1].at, a.At)
		h.rto = max(h.rto, 3*rtt)
	}
	h.giveUp = a.At.User.Add(max(h.c.Linger, h.rto))
	if h.noted {
		h.find(FindingICMPThenAnswer)
	}
}

// closeAsAsked begins the close that the configuration names.
func (h *Handshake) closeAsAsked(now time.Time) {
	switch h.c.Close {
	case CloseFIN:
		h.Close(now)
	case CloseRST, CloseHalf:
		h.abort()
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

// reset ends a connection that the peer has reset. After our own FIN that is one way to close, of a peer that had more
// to say.
func (h *Handshake) reset(a Arrival) {
	h.find(FindingResetAfterEstablished)
	h.enter(StateClosed, a.At)
	h.queued = 0
	h.end(StateClosed)
}

// answered notes the segment that answered our SYN.
func (h *Handshake) answered(a Arrival) {
	h.answer = answer{at: a.At, ttl: a.TTL, candidates: h.candidates(a.At)}
	if i, ok := h.echoIndex(a.Header); ok {
		h.answer.syn = i + 1
	} else if h.answer.candidates == 1 {
		h.answer.syn = 1
	}
}

// answeredBy returns the index of the SYN that the segment answers, or else of the last that was sent.
func (h *Handshake) answeredBy(s tcphdr.Header) int {
	if i, ok := h.echoIndex(s); ok {
		return i
	}
	return len(h.syns) - 1
}

// echoIndex returns the index of the SYN whose time stamp the segment echoes.
func (h *Handshake) echoIndex(s tcphdr.Header) (int, bool) {
	_, ecr, ok := s.Options.Timestamps()
	if !ok || h.c.SYN == SYNBare {
		return 0, false
	}
	for i, syn := range h.syns {
		if syn.tsval == ecr && !syn.at.IsZero() {
			return i, true
		}
	}
	return 0, false
}

// echoed reports whether the segment echoes a time stamp of ours.
func (h *Handshake) echoed(s tcphdr.Header) bool {
	_, ok := h.echoIndex(s)
	return ok
}

// echoPlausible reports whether the segment echoes no time stamp, or one between our first and now. Zero is what
// senders write who have none to echo.
func (h *Handshake) echoPlausible(s tcphdr.Header, now time.Time) bool {
	_, ecr, ok := s.Options.Timestamps()
	return !ok || ecr == 0 || ecr-h.c.TimestampBase <= h.tsval(now)-h.c.TimestampBase
}

// candidates returns how many SYNs had left when something arrived.
func (h *Handshake) candidates(at stamp.Stamp) int {
	n := 0
	for _, syn := range h.syns {
		if !syn.at.IsZero() && !before(at, syn.at) {
			n++
		}
	}
	return max(n, 1)
}

// before compares two times of the same clock.
func before(a, b stamp.Stamp) bool {
	if a.Source() == stamp.Kernel && b.Source() == stamp.Kernel {
		return a.Kernel.Before(b.Kernel)
	}
	return a.User.Before(b.User)
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

// countCongestion counts the segments that arrive with Congestion Experienced, which Accurate ECN reports.
func (h *Handshake) countCongestion(a Arrival) {
	if a.ECN == congestionExperienced {
		h.ce++
	}
}

// challenge acknowledges what we have, in answer to a segment that does not fit, as often as is decent.
func (h *Handshake) challenge(a Arrival) {
	if h.mayAnswerJunk(a.At.User) {
		h.sendACK()
	}
}

// mayAnswerJunk takes one answer from the stock of those allowed, if there is one.
func (h *Handshake) mayAnswerJunk(now time.Time) bool {
	if h.junk < junkAtOnce {
		if n := int(now.Sub(h.junkFrom) / junkEvery); n > 0 {
			h.junk = min(h.junk+n, junkAtOnce)
			h.junkFrom = h.junkFrom.Add(time.Duration(n) * junkEvery)
		}
	}
	if h.junk == 0 || h.sent+h.queued >= MaximumSegments/2 {
		return false
	}
	if h.junk == junkAtOnce {
		h.junkFrom = now
	}
	h.junk--
	return true
}
