package explain

import (
	"fmt"
	"slices"
	"strings"

	"tcpprobe/internal/stamp"
	"tcpprobe/internal/text"
	"tcpprobe/probe"
	"tcpprobe/tcphdr"
)

// segmentSent explains a segment of ours.
func (l *Lesson) segmentSent(r *probe.Result, e *probe.Event) {
	s := segmentOf(e)
	why := l.whySent(s, e)
	l.talk.sent(s, e)
	name := name(s)
	if s.Again > 0 {
		name += " again"
	}
	l.page.headline(r, e, "TCP", text.Out, name+", "+sizes(e, s))
	l.page.prose(why...)
	l.datagram(e, s, 0)
	l.controlBlock(r)
}

// segmentReceived explains a segment of the peer.
func (l *Lesson) segmentReceived(r *probe.Result, e *probe.Event) {
	s := segmentOf(e)
	means := l.whatMeans(s, e)
	l.talk.received(s)
	l.page.headline(r, e, "TCP", text.In, name(s)+", "+sizes(e, s))
	l.page.prose(means...)
	l.datagram(e, s, 1)
	l.controlBlock(r)
}

// tcpSilence explains that nothing came back.
func (l *Lesson) tcpSilence(r *probe.Result, e *probe.Event) {
	l.talk.state = probe.StateClosed
	l.page.headline(r, e, "TCP", text.Silence, "nothing came back")
	waited := ""
	if len(l.talk.syns) > 0 {
		d, _ := stamp.Between(l.talk.syns[0].at, e.At)
		waited = fmt.Sprintf("%s left, and in %s no answer came that counts.", text.Count(len(l.talk.syns), "SYN"), text.Seconds(d))
	}
	l.page.prose(waited,
		"Silence proves nothing: the SYN or its answer was lost or is dropped by a firewall, the host is down, or its accept",
		"queue is full. A closed port would have said so by RST (RFC 9293 3.5.2), and a router that drops a datagram need not tell.",
		"The time that we wait is over, and the connection is given up (RFC 9293 3.8.3).")
	l.controlBlock(r)
}

// datagram adds the table of a segment and, if that is wanted, its checksums.
func (l *Lesson) datagram(e *probe.Event, s segment, side int) {
	t := l.newTable(e, etherTypeIPv4, "cut off here: the rest of the header is missing")
	t.ours = side == 0
	t.scale = l.talk.scaleOf(side)
	if side == 1 {
		t.checksumFrom = stateOf(s.Checksum)
	}
	t.layer = "IPv4"
	t.ipv4(false)
	l.page.table(t)
	if l.checksums {
		l.datagramChecksums(e.Octets)
	}
}

// name returns the control bits of a segment as people write them.
func name(s segment) string {
	if !s.known {
		return "unreadable"
	}
	return s.Header.Flags.String()
}

// sizes says how many octets a packet has, and in which layers.
func sizes(e *probe.Event, s segment) string {
	n := len(e.Octets)
	var layers []string
	if e.Frame != nil {
		n += etherHeaderLen
		layers = append(layers, fmt.Sprintf("Ethernet %d", etherHeaderLen))
	}
	if s.whole {
		layers = append(layers,
			fmt.Sprintf("IPv4 %d", ipv4HeaderLen+len(s.ip.Options)), fmt.Sprintf("TCP %d", tcpHeaderLen+len(s.Header.Options)))
		if s.Length > 0 {
			layers = append(layers, fmt.Sprintf("data %d", s.Length))
		}
	}
	if layers == nil {
		return text.Count(n, "octet")
	}
	return text.Count(n, "octet") + ": " + strings.Join(layers, ", ")
}

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
	case probe.VerdictGotFIN:
		acknowledge := fmt.Sprintf("Their FIN took one sequence number as well, so we acknowledge %d = %d + 1.", h.Ack, h.Ack.Add(-1))
		if s.State != probe.StateTimeWait {
			return []string{acknowledge, "Our own direction is not closed until our FIN is acknowledged (RFC 9293 3.6)."}
		}
		return []string{
			acknowledge,
			"Both directions are closed now. Whoever closed first keeps the ports in TIME_WAIT for a while, in case this ACK is lost",
			"and the FIN comes again (RFC 9293 3.6).",
		}
	case probe.VerdictGotData:
		return []string{"Data is acknowledged, though nobody reads it: an octet not acknowledged would be sent again (RFC 9293 3.8).", awaited}
	case probe.VerdictDuplicate:
		return []string{"What came was here before: our ACK of it was lost, or the peer did not use it. So we say it once more", "(RFC 9293 3.10.7.4).", awaited}
	case probe.VerdictOutOfWindow, probe.VerdictChallenged, probe.VerdictAckUnacceptable:
		return []string{
			"What came does not fit. An ACK of what we have tells an honest peer where we are, and a forger nothing (RFC 5961 3.2 and 4.2).",
			awaited,
		}
	}
	return []string{fmt.Sprintf("An acknowledgment: %s", awaited)}
}

// whatMeans says what a segment of the peer means. The conversation is as it was before.
func (l *Lesson) whatMeans(s segment, e *probe.Event) []string {
	c, h := &l.talk, s.Header
	if !s.known {
		return []string{"What came cannot be read as a TCP segment, and says nothing."}
	}
	switch s.Verdict {
	case probe.VerdictOpened:
		return l.whatOpens(s)
	case probe.VerdictCrossed:
		return []string{
			"A SYN without ACK: the peer opens a connection to us at the same moment (RFC 9293 3.5). It does not answer our SYN,",
			fmt.Sprintf("since it acknowledges nothing. It counts from %d, so that we must acknowledge %d.", h.Seq, h.Seq.Add(1)),
		}
	case probe.VerdictRefused:
		sentences := []string{
			fmt.Sprintf("Refused: RST and ACK are set, and %d = %d + 1 acknowledges our SYN, so that it is about this connection (RFC 9293 3.10.7.3).",
				h.Ack, h.Ack.Add(-1)),
			"A host sends that if nothing listens on the port (RFC 9293 3.5.2); a firewall may forge it.",
		}
		if c.state == probe.StateSYNReceived {
			sentences[0] = fmt.Sprintf("Refused: the RST has the number %d, exactly what we await (RFC 5961 3.2).", h.Seq)
		}
		return append(sentences, l.whichSYN(s))
	case probe.VerdictRSTUnproven:
		return []string{"This RST proves nothing: it does not acknowledge our SYN, or is outside of what we await.",
			"Anyone can send such a segment without having seen ours, so it is dropped (RFC 9293 3.5.3)."}
	case probe.VerdictTimestampUnproven:
		return []string{"This RST echoes a time stamp that we never sent, so whoever sent it has not seen our SYN. It is dropped."}
	case probe.VerdictAckUnacceptable:
		sentences := []string{fmt.Sprintf("It acknowledges %d. We have sent only %s, so that number cannot be right.", h.Ack, l.sentSoFar())}
		if !c.opened {
			return append(sentences, "The peer remembers an old connection of these ports. It is to be answered by RST (RFC 9293 3.10.7.3).")
		}
		return append(sentences, "It is dropped, and answered by an ACK of what we have (RFC 5961 5.2).")
	case probe.VerdictDuplicate:
		if h.Flags.Has(tcphdr.SYN | tcphdr.ACK) {
			return []string{"The SYN-ACK again: our ACK was lost, or dropped there because the accept queue is full.",
				"We acknowledge it again (RFC 9293 3.10.7.4)."}
		}
		return []string{fmt.Sprintf("All of it was here before: we await %d. It is acknowledged again (RFC 9293 3.10.7.4).", c.rcv)}
	case probe.VerdictOutOfWindow:
		return []string{fmt.Sprintf("Sequence number %d is not what we await, %d. It is dropped, and answered by an ACK (RFC 9293 3.10.7.4).", h.Seq, c.rcv)}
	case probe.VerdictChallenged:
		return []string{"A SYN within a connection, or a RST not exactly at the number that we await, may be forged.",
			"It is answered by a challenge ACK, to which an honest peer replies with the right number (RFC 5961 3.2 and 4.2)."}
	case probe.VerdictReset:
		return []string{fmt.Sprintf("The peer breaks the connection off. The RST has exactly the number that we await, %d, so it is believed (RFC 5961 3.2).", h.Seq)}
	case probe.VerdictAcknowledged:
		if c.closing && h.Ack == c.nxt {
			return []string{fmt.Sprintf("%d = %d + 1 acknowledges our FIN. Now the peer may still send, but we may not (RFC 9293 3.6).", h.Ack, h.Ack.Add(-1))}
		}
		return []string{fmt.Sprintf("An acknowledgment, and no more: the peer awaits %d.", h.Ack)}
	case probe.VerdictGotData:
		return []string{
			fmt.Sprintf("The peer speaks before it is asked: %s from sequence number %d on.", text.Count(s.Length, "octet"), h.Seq),
			fmt.Sprintf("They must be acknowledged with %d (RFC 9293 3.8).", s.end()),
		}
	case probe.VerdictGotFIN:
		sentences := []string{fmt.Sprintf("The peer has nothing more to send. Its FIN takes the number %d and must be acknowledged with %d.", s.end().Add(-1), s.end())}
		if c.closing && h.Ack == c.nxt {
			sentences = append(sentences, fmt.Sprintf("In the same segment %d = %d + 1 acknowledges our FIN (RFC 9293 3.6).", h.Ack, h.Ack.Add(-1)))
		}
		return sentences
	case probe.VerdictLate:
		return []string{"It came after the end, and changes nothing."}
	}
	return []string{"It says nothing about our SYN: neither SYN nor RST is set, or no number fits. It is dropped (RFC 9293 3.10.7.3)."}
}

// sentSoFar names what we have sent by its numbers.
func (l *Lesson) sentSoFar() string {
	if l.talk.iss.Add(1) == l.talk.nxt {
		return fmt.Sprintf("our SYN, %d", l.talk.iss)
	}
	return fmt.Sprintf("%d to %d", l.talk.iss, l.talk.nxt.Add(-1))
}

// whatOpens says what a segment means that acknowledges our SYN.
func (l *Lesson) whatOpens(s segment) []string {
	h := s.Header
	proof := fmt.Sprintf("It acknowledges %d = %d + 1: whoever sent it has seen our SYN (RFC 9293 3.10.7.3).", h.Ack, h.Ack.Add(-1))
	if !h.Flags.Has(tcphdr.SYN) {
		return []string{"Our SYN that crossed theirs is acknowledged.", proof, "The connection is ESTABLISHED (RFC 9293 3.5)."}
	}
	return []string{
		"Yes: SYN and ACK are set.", proof,
		fmt.Sprintf("It counts what it sends from %d, so that we must acknowledge %d.", h.Seq, h.Seq.Add(1)),
		l.alsoCarries(s),
		l.whichSYN(s),
		l.smallerMSS(h),
	}
}

// alsoCarries says what else a SYN-ACK brings, which hardly any does.
func (l *Lesson) alsoCarries(s segment) string {
	switch {
	case s.Header.Flags.Has(tcphdr.FIN):
		return fmt.Sprintf("A FIN comes with it, after %s of data: all of it takes numbers, up to %d.", text.Count(s.Length, "octet"), s.end().Add(-1))
	case s.Length > 0:
		return fmt.Sprintf("With it come %s of data, to be acknowledged too: %d.", text.Count(s.Length, "octet"), s.end())
	}
	return ""
}

// whichSYN says which of our SYNs a segment answers, if there were several.
func (l *Lesson) whichSYN(s segment) string {
	n := len(l.talk.syns)
	if n < 2 {
		return ""
	}
	_, ecr, ok := s.Header.Options.Timestamps()
	i := slices.IndexFunc(l.talk.syns, func(sent syn) bool { return sent.clock && sent.tsval == ecr })
	if ok && i >= 0 {
		return fmt.Sprintf("TSecr %d is the TSval of SYN %d of %d, so that one is answered (RFC 7323 3.2).", ecr, i+1, n)
	}
	return fmt.Sprintf("Which of our %d SYNs it answers cannot be known, and neither the round-trip time (RFC 6298 3).", n)
}

// smallerMSS remarks on an MSS that is smaller than ours.
func (l *Lesson) smallerMSS(h tcphdr.Header) string {
	theirs, ok := h.Options.MSS()
	var ours uint16
	for _, datagram := range l.talk.left {
		if s := segmentOf(&probe.Event{Octets: datagram}); s.known && s.Header.Flags.Has(tcphdr.SYN) {
			ours, _ = s.Header.Options.MSS()
		}
	}
	if !ok || theirs >= ours {
		return ""
	}
	return fmt.Sprintf("Its MSS %d is below our %d: a smaller MTU at its side, or set so by something on the way (RFC 9293 3.7.1).", theirs, ours)
}
