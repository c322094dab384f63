package explain

import (
	"fmt"

	"tcpprobe/internal/text"
	"tcpprobe/probe"
	"tcpprobe/tcphdr"
)

// whySent says why a segment of ours exists, and what its answer must contain. The conversation is as it was before.
func (l *Lesson) whySent(s segment, e *probe.Event) []string {
	c, h := &l.talk, s.Header
	switch f := h.Flags; {
	case !s.known:
		return []string{"This segment cannot be read."}
	case f.Has(tcphdr.SYN | tcphdr.ACK):
		return []string{
			"The peer's SYN crossed ours, so each side is both client and server (RFC 9293 3.5).",
			fmt.Sprintf("We repeat our SYN with the same ISS %d and acknowledge theirs: %d.", h.Seq, h.Ack),
			fmt.Sprintf("The connection is open only once our SYN is acknowledged: %d = %d + 1.", h.Seq.Add(1), h.Seq),
		}
	case f.Has(tcphdr.SYN) && len(c.syns) > 0:
		return l.whyAgain(s)
	case f.Has(tcphdr.SYN):
		return []string{
			fmt.Sprintf("May I open a connection to port %d? We count what we send from %d, a number that nobody can foresee (RFC 9293 3.4.1).",
				h.DstPort, h.Seq),
			fmt.Sprintf("A SYN takes one sequence number, so the answer must acknowledge %d = %d + 1 (RFC 9293 3.4):", h.Seq.Add(1), h.Seq),
			"with SYN and ACK set if the port is open (RFC 9293 3.5), with RST and ACK if it is closed (RFC 9293 3.5.2).",
		}
	case f.Has(tcphdr.RST):
		return l.whyReset(h)
	case f.Has(tcphdr.FIN) && c.closing:
		return []string{
			fmt.Sprintf("Our FIN was not acknowledged in time, so it is sent again with the same number %d (RFC 6298 5.4).", s.end().Add(-1)),
			fmt.Sprintf("The acknowledgment must still be %d.", s.end()),
		}
	case f.Has(tcphdr.FIN):
		return []string{
			"We have nothing to send, and say so: to the server's application this is an ordinary connect and close.",
			fmt.Sprintf("A FIN takes one sequence number like a SYN: it must be acknowledged with %d = %d + 1.", s.end(), s.end().Add(-1)),
			"The other direction stays open until the peer sends a FIN of its own (RFC 9293 3.6).",
		}
	case c.opened && !c.acked:
		return []string{
			fmt.Sprintf("The third step: we acknowledge their SYN with %d = %d + 1.", h.Ack, h.Ack.Add(-1)),
			"With us the connection is ESTABLISHED now; with them when this arrives, since only then do they know that we know where",
			"they count from (RFC 9293 3.5).",
			"Nothing answers an ACK that carries no data.",
		}
	}
	return l.whyAcknowledged(s)
}

// whyAgain says why a SYN is sent again.
func (l *Lesson) whyAgain(s segment) []string {
	c, h := &l.talk, s.Header
	sentences := []string{"Nothing answered the SYN before."}
	if s.After > 0 && s.Tries > 0 {
		sentences[0] = fmt.Sprintf("For %s nothing has answered, so this is repetition %d of at most %d.", text.Seconds(s.After), s.Again, s.Tries)
	}
	sentences = append(sentences,
		"The first wait is 1 s (RFC 6298 2.1), and each is twice the one before (RFC 6298 5.5).",
		fmt.Sprintf("It is the same SYN: ISS, ports and options stay, and the answer must still acknowledge %d.", h.Seq.Add(1)))
	tsval, _, ok := h.Options.Timestamps()
	if before := c.syns[len(c.syns)-1]; ok && before.clock && tsval != before.tsval {
		sentences = append(sentences, fmt.Sprintf(
			"Only TSval has moved on, from %d to %d: what the answer echoes in TSecr tells which SYN it answers (RFC 7323 3.2).",
			before.tsval, tsval))
	}
	return sentences
}

// whyReset says why we send a RST.
func (l *Lesson) whyReset(h tcphdr.Header) []string {
	c := &l.talk
	switch {
	case c.opened && !c.acked:
		return []string{
			fmt.Sprintf("A RST in place of the ACK, with the number that they await, %d: the handshake is never completed,", h.Seq),
			"and the server's application never sees it. A RST is not answered (RFC 9293 3.5.2).",
		}
	case c.opened:
		return []string{
			fmt.Sprintf("We break the connection off. Sequence number %d is just what the peer awaits, so that it must believe us", h.Seq),
			"(RFC 5961 3.2); it forgets the connection at once, and does not answer (RFC 9293 3.5.2).",
		}
	case c.last.known && c.last.Header.Ack == h.Seq:
		return []string{
			fmt.Sprintf("The peer acknowledged %d, which we never sent: it remembers an old connection of the same ports.", h.Seq),
			"The RST takes that number as its own, so that the peer believes it and forgets (RFC 9293 3.5.1).",
			"We stay in SYN_SENT, and our SYN still awaits its answer (RFC 9293 3.10.7.3).",
		}
	}
	return []string{"We break the connection off, which is not answered (RFC 9293 3.5.2)."}
}

// whyAcknowledged says why we send an ACK alone.
func (l *Lesson) whyAcknowledged(s segment) []string {
	h := s.Header
	awaited := fmt.Sprintf("We await %d next.", h.Ack)
	switch l.talk.last.Verdict {
	case probe.VerdictFIN:
		acknowledge := fmt.Sprintf("Their FIN took one sequence number as well, so we acknowledge %d = %d + 1.", h.Ack, h.Ack.Add(-1))
		if s.State != probe.StateTimeWait {
			return []string{acknowledge, "Our own direction is not closed until our FIN is acknowledged (RFC 9293 3.6)."}
		}
		return []string{
			acknowledge,
			"Both directions are closed now. Whoever closed first keeps the ports in TIME_WAIT for a while, in case this ACK is lost",
			"and the FIN comes again (RFC 9293 3.6).",
		}
	case probe.VerdictData:
		return []string{"Data is acknowledged, though nobody reads it: an octet not acknowledged would be sent again (RFC 9293 3.8).", awaited}
	case probe.VerdictDuplicate:
		return []string{"What came was here before: our ACK of it was lost, or the peer did not use it. So we say it once more", "(RFC 9293 3.10.7.4).", awaited}
	case probe.VerdictOutOfWindow, probe.VerdictChallenged, probe.VerdictACKUnacceptable:
		return []string{
			"What came does not fit. An ACK of what we have tells an honest peer where we are, and a forger nothing (RFC 5961 3.2 and 4.2).",
			awaited,
		}
	}
	return []string{fmt.Sprintf("An acknowledgment: %s", awaited)}
}
