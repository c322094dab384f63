package spectator

import (
	"time"

	"tcpprobe/internal/checksum"
	"tcpprobe/probe"
	"tcpprobe/tcphdr"
)

// isNew reports whether a SYN, or a SYN-ACK, between the addresses and ports of an attempt begins another one. A SYN with the same
// sequence number is the same SYN once more. While nothing has been answered, one from the other side crosses it.
func (s *Spectator) isNew(a *attempt, p *Packet, h *tcphdr.Header) bool {
	from := client
	if !a.is(client, p.IP, h.SrcPort) {
		from = server
	}
	mine := &a.sides[from]
	switch {
	case a.over:
		return true
	case h.Flags.Has(tcphdr.ACK): // that answers a SYN of which there is nothing, where the attempt has an end
		return a.decided() && a.closing != closeNone && from == server && !s.acknowledges(a, client, h.Ack)
	case mine.synSeen:
		return mine.iss != h.Seq
	case from == server:
		return a.decided()
	}
	return !h.Seq.InWindow(mine.next.Add(-1-maximumData), 1+maximumData) // it is not what the SYN-ACK has acknowledged
}

// decided reports whether the outcome of an attempt is known.
func (a *attempt) decided() bool { return a.outcome != probe.OutcomePending || a.closing != closeNone }

// acknowledges reports whether an acknowledgment number is of something that a side has sent, if only its SYN. Data that goes with
// a SYN need not be taken.
func (s *Spectator) acknowledges(a *attempt, of int, ack tcphdr.SeqNum) bool {
	mine := &a.sides[of]
	next := mine.iss.Add(1)
	if mine.synSeen && next.Less(mine.next) {
		next = mine.next
	}
	return mine.synSeen && probe.Acknowledges(ack, mine.iss, next)
}

// copied reports whether a segment is there a second time. Of the others, only those that belong to the handshake or end the
// connection are remembered.
func (a *attempt) isCopy(from int, p *Packet, h *tcphdr.Header, data int) bool {
	matters := h.Flags&(tcphdr.SYN|tcphdr.RST) != 0 || data == 0 && a.outcome == probe.OutcomePending
	if !matters || !a.sides[from].copies.seen(p.IP, h, time.Duration(p.Time-a.began)) {
		return false
	}
	a.copied++
	a.find(duplicateFrames)
	return true
}

// inspect looks at the checksum and the options of a segment of the handshake.
func (s *Spectator) inspect(a *attempt, from int, p *Packet, h *tcphdr.Header) {
	if p.Length > len(p.IP.Payload) || p.IP.MoreFragments {
		return // it is not whole
	}
	if _, bad := h.Options.Malformed(); bad {
		a.find(optionsMalformed)
	}
	switch tcphdr.Verify(p.IP.Payload, p.IP.Src, p.IP.FinalDst) {
	case checksum.Partial:
		a.find(offload)
	case checksum.Invalid:
		a.sides[from].damaged = true
		return
	}
	a.sides[from].damaged = false
}

// fromClient takes a segment from the side that sent the SYN.
func (s *Spectator) fromClient(a *attempt, p *Packet, h *tcphdr.Header, data int) {
	if a.isCopy(client, p, h, data) {
		return
	}
	c, v := &a.sides[client], &a.sides[server]
	switch {
	case h.Flags.Has(tcphdr.RST):
		s.resetByClient(a, p, h)
	case h.Flags.Has(tcphdr.SYN | tcphdr.ACK):
		s.synACK(a, client, p, h, data)
	case h.Flags.Has(tcphdr.SYN):
		s.clientSYN(a, p, h, data)
	case !h.Flags.Has(tcphdr.ACK):
	default:
		if !c.proven && v.synSeen && s.acknowledges(a, server, h.Ack) {
			s.completed(a, p)
		} else if !c.proven && !v.synSeen && c.synSeen && c.iss.Less(h.Seq) {
			c.proven = true // of a SYN-ACK that did not pass
			s.note(a, client, p, probe.VerdictAcknowledged)
		}
		s.traffic(a, client, h, data)
	}
}

// clientSYN takes a SYN of the client, the first time or again.
func (s *Spectator) clientSYN(a *attempt, p *Packet, h *tcphdr.Header, data int) {
	c, v := &a.sides[client], &a.sides[server]
	s.inspect(a, client, p, h)
	if !c.synSeen {
		c.learn(h, p.IP.HopLimit)
		c.next = h.Seq.Add(1 + data)
		a.syn, a.id, a.synData = p.Time, p.IP.ID, uint16(min(data, maximumData))
		a.tsval, _, _ = h.Options.Timestamps()
		a.synSent = 1
		a.findings &^= began // its SYN-ACK has only come into the capture before it
		s.note(a, client, p, probe.VerdictDropped)
		if v.synSeen && a.answer != unseen {
			a.candidates = 1
			a.answeredBy = 1
			a.settle()
		}
		return
	}
	a.synSent++
	a.find(synRetransmitted)
	if v.damaged { // it was not taken
		a.find(checksumInvalid)
	}
	if len(s.detailOf(a).syns) < maximumSYNs {
		tsval, _, _ := h.Options.Timestamps()
		d := s.detailOf(a)
		d.syns = append(d.syns, transmission{probe.SYNSent{At: stamped(p.Time), TSval: tsval}, p.IP.ID})
	}
	switch {
	case v.synSeen:
		a.findings = a.findings&^noACK | synACKLost
	case a.outcome == probe.OutcomePending:
		a.find(synLost)
	}
	s.note(a, client, p, probe.VerdictDropped)
}

// Bounds of what is remembered of one attempt.
const (
	maximumSYNs = 16
	maximumData = 65535
)

// fromServer takes a segment from the side that the SYN was for.
func (s *Spectator) fromServer(a *attempt, p *Packet, h *tcphdr.Header, data int) {
	if a.isCopy(server, p, h, data) {
		return
	}
	c, v := &a.sides[client], &a.sides[server]
	switch {
	case h.Flags.Has(tcphdr.RST):
		s.resetByServer(a, p, h)
	case h.Flags.Has(tcphdr.SYN | tcphdr.ACK):
		s.synACK(a, server, p, h, data)
	case h.Flags.Has(tcphdr.SYN):
		s.crossingSYN(a, p, h)
	case !h.Flags.Has(tcphdr.ACK):
	case !v.synSeen && c.synSeen && !s.acknowledges(a, client, h.Ack):
		a.find(stalePeerState) // an ACK of what was never sent
		s.note(a, server, p, probe.VerdictACKUnacceptable)
	default:
		if c.synSeen && !v.proven && s.acknowledges(a, client, h.Ack) {
			v.proven = true
			s.crossed(a, p)
		}
		if a.outcome == probe.OutcomePending && v.synSeen && !c.proven && c.iss.Add(1+int(a.synData)).Less(h.Ack) {
			// It acknowledges data, and so has the ACK that did not pass here.
			a.outcome = probe.OutcomeEstablished
			a.find(missing)
		}
		s.traffic(a, server, h, data)
	}
}

// synACK takes a SYN-ACK, the first time or again. That of a client is of a simultaneous open.
func (s *Spectator) synACK(a *attempt, from int, p *Packet, h *tcphdr.Header, data int) {
	mine, other := &a.sides[from], &a.sides[1-from]
	if other.synSeen && !s.acknowledges(a, 1-from, h.Ack) {
		a.find(stalePeerState)
		s.note(a, from, p, probe.VerdictACKUnacceptable)
		return
	}
	if from == client {
		mine.proven = true
		if s.note(a, from, p, probe.VerdictOpened); other.proven {
			s.establish(a, p)
		}
		return
	}
	if mine.synSeen && mine.flags.Has(tcphdr.ACK) {
		s.repeatedSYNACK(a, p, h)
		return
	}
	s.inspect(a, server, p, h)
	mine.learn(h, p.IP.HopLimit)
	mine.next, mine.proven = h.Seq.Add(1+data), true
	if data > 0 || h.Flags.Has(tcphdr.FIN) {
		mine.data = true
		a.find(peerSpeaksFirst)
	}
	if !other.synSeen {
		other.next = h.Ack
	}
	a.synACKs, a.answer = 1, p.Time
	s.answered(a, h)
	if a.outcome == probe.OutcomeRefused || a.outcome == probe.OutcomeUnreachable {
		if a.outcome == probe.OutcomeRefused {
			a.find(rstIgnored)
		} else {
			a.find(icmpThenAnswer)
		}
		a.outcome = probe.OutcomePending
	}
	if other.synSeen {
		if _, ecr, ok := h.Options.Timestamps(); ok && ecr != 0 && a.stamps() && !s.echoes(a, h) {
			a.find(timestampsMismatch)
		}
	}
	if _, signed := h.Options.Find(tcphdr.MD5); signed {
		a.find(md5Signature)
	}
	s.cookies.look(a)
	if s.note(a, server, p, probe.VerdictOpened); other.proven {
		s.establish(a, p)
	}
}

// repeatedSYNACK takes a SYN-ACK that had passed before.
func (s *Spectator) repeatedSYNACK(a *attempt, p *Packet, h *tcphdr.Header) {
	v := &a.sides[server]
	if v.damaged {
		a.find(checksumInvalid)
	}
	s.inspect(a, server, p, h)
	a.synACKs++
	a.find(duplicateSYNACK)
	if a.sides[client].proven {
		a.find(ackLost)
	} else if a.findings&synACKLost == 0 {
		a.find(noACK)
	}
	v.iss = h.Seq
	v.pass(h.Seq.Add(1))
	s.note(a, server, p, probe.VerdictDuplicate)
}

// completed takes the ACK that completes the handshake.
func (s *Spectator) completed(a *attempt, p *Packet) {
	c, v := &a.sides[client], &a.sides[server]
	c.proven, v.damaged = true, false
	if !v.proven { // its SYN crossed, or it splits the handshake
		s.note(a, client, p, probe.VerdictAcknowledged)
		return
	}
	s.establish(a, p)
	s.note(a, client, p, probe.VerdictOpened)
}
