package spectator

import (
	"slices"
	"time"

	"tcpprobe/internal/stamp"
	"tcpprobe/probe"
)

// retire tells the oldest attempt, unless that is done, and forgets it.
func (s *Spectator) retire(early bool) {
	a := s.attempts.at(s.attempts.head)
	if !a.told {
		if early && !a.final() {
			s.counts.Early++
			a.find(judgedEarly)
		}
		s.tell(a)
	}
	s.attempts.pop()
}

// tell tells an attempt.
func (s *Spectator) tell(a *attempt) {
	h := s.judge(a)
	a.told, a.over = true, true
	if key := a.flow(); s.open[key] == a.number {
		delete(s.open, key)
	}
	delete(s.details, a.number)
	s.config.Tell(h)
}

// judge says how an attempt has ended, as far as is known.
func (s *Spectator) judge(a *attempt) *Handshake {
	c, v := &a.sides[client], &a.sides[server]
	switch {
	case !c.synSeen:
		a.outcome = probe.OutcomeUnknown
		if !c.proven && v.next == v.iss.Add(1) {
			a.find(oneDirection)
		}
	case a.outcome != probe.OutcomePending:
	case v.synSeen && v.flags&ackBit != 0:
		a.outcome = probe.OutcomeHalfOpen
	case c.proven || v.proven:
		a.outcome = probe.OutcomeUnknown
		a.find(missing)
		if !v.proven {
			a.find(oneDirection)
		}
	default:
		a.outcome = probe.OutcomeTimeout
	}
	if c.damaged && a.outcome == probe.OutcomeTimeout || v.damaged && a.outcome == probe.OutcomeHalfOpen {
		a.find(checksumInvalid)
	}
	s.endOf(a)
	waited := s.now
	if a.replaced != 0 {
		waited = a.replaced
	}
	h := &Handshake{
		Stream: int(a.number), Client: a.addrPort(client), Server: a.addrPort(server), VLANs: slices.Clone(a.vlans[:a.tagged]),
		HasClient: c.synSeen, HasServer: v.synSeen,
		ClientOptions: slices.Clone(c.options[:c.length]), ServerOptions: slices.Clone(v.options[:v.length]),
		ClientTTL: c.ttl, ServerTTL: v.ttl, ClientISS: c.iss, ServerISS: v.iss,
		ClientFlags: c.flags, ServerFlags: v.flags, ClientWindow: c.window, ServerWindow: v.window,
		SYNACKs: int(a.synACKs), Copies: int(a.copied), Close: a.closing.String(), Duration: time.Duration(a.latest - a.began),
		Waited: time.Duration(max(waited-a.began, 0)),
	}
	if a.ack != unseen && a.answer != unseen && v.synSeen {
		h.ClientRTT, h.ClientRTTAmbiguous = time.Duration(a.ack-a.answer), a.synACKs > 1
		if h.Answered = h.ClientRTT >= 0; !h.Answered {
			a.find(timeBack)
			h.ClientRTT, h.ClientRTTAmbiguous = 0, false
		}
	}
	if a.answer != unseen {
		h.AnswerAt = timeOf(a.answer)
	}
	for _, number := range a.frames[:a.framed] {
		h.Frames = append(h.Frames, int(number))
	}
	if a.detailed {
		for _, number := range s.details[a.number].frames {
			h.Frames = append(h.Frames, int(number))
		}
	}
	slices.Sort(h.Frames)
	h.Result = s.result(a, h)
	return h
}

// endOf notes whether the capture ends before it is sure how the attempt ends.
func (s *Spectator) endOf(a *attempt) {
	if a.findings&judgedEarly == 0 && (a.outcome == probe.OutcomeTimeout || a.outcome == probe.OutcomeHalfOpen) && !a.final() && !a.finalAt(s.now) {
		a.find(ended)
		if s.brokenOff {
			a.outcome = probe.OutcomeUnknown
		}
	}
}

// result returns an attempt as a probe of the client would have it.
func (s *Spectator) result(a *attempt, h *Handshake) *probe.Result {
	start := a.syn
	if start == unseen {
		start = a.began
	}
	r := &probe.Result{
		Target: h.Server.String(), Host: h.Server.Addr().String(), Port: h.Server.Port(), Seq: h.Stream, Address: h.Server.Addr(),
		Time: timeOf(start), Start: stamped(start), Outcome: a.outcome, TCP: s.tcp(a),
	}
	if a.detailed {
		r.ICMP = s.details[a.number].icmp
	}
	r.Findings = a.findings.list()
	r.Events, h.Packets = s.events(a)
	return r
}

// tcp returns what is known of the handshake itself.
func (s *Spectator) tcp(a *attempt) *probe.TCP {
	c, v := &a.sides[client], &a.sides[server]
	t := &probe.TCP{
		Local: a.addrPort(client), Remote: a.addrPort(server), State: a.state(), SYNSent: int(a.synSent), TTL: v.ttl,
		AnsweredSYN: int(a.answeredBy), Clock: stamp.Kernel,
	}
	if v.synSeen {
		peer := probe.PeerOf(v.header())
		peer.ECN = probe.ECNAnswer(c.flags&ecnBits, v.flags)
		t.Peer = &peer
	}
	if a.syn != unseen {
		t.States = []probe.StateChange{{State: probe.StateSYNSent, At: stamped(a.syn)}}
	}
	if a.answer != unseen && a.syn != unseen {
		i := int(a.answeredBy) - 1
		if t.RTTAmbiguous = i < 0; t.RTTAmbiguous { // from the last of which any may have been answered
			i = max(probe.Candidates(s.transmissions(a), s.sent(a), stamped(a.answer)), 1) - 1
		}
		t.RTT = stamped(a.answer).Kernel.Sub(s.transmission(a, min(i, s.transmissions(a)-1)).At.Kernel)
		if t.Answered = t.RTT >= 0; !t.Answered {
			a.find(timeBack)
			t.RTT, t.RTTAmbiguous = 0, false
		}
	}
	if a.ack != unseen && a.syn != unseen && a.ack >= a.syn {
		t.Connected, t.Connect = true, time.Duration(a.ack-a.syn)
	}
	return t
}

// state returns the state of the client's side.
func (a *attempt) state() probe.State {
	switch {
	case a.outcome != probe.OutcomeEstablished && a.outcome != probe.OutcomeUnknown && a.closing == closeNone && a.outcome != probe.OutcomeRefused:
		return probe.StateSYNSent
	case a.outcome == probe.OutcomeEstablished && a.closing == closeNone:
		return probe.StateEstablished
	}
	return probe.StateClosed
}
