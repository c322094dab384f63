package explain

import (
	"fmt"
	"slices"

	"tcpprobe/internal/text"
	"tcpprobe/probe"
	"tcpprobe/tcphdr"
)

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
		return append(sentences, l.whichSYN(s))
	case probe.VerdictRSTUnproven:
		if c.state == probe.StateSYNReceived && s.State == probe.StateSYNSent {
			return []string{
				"This RST does not acknowledge our SYN. The number that we await is known to whoever sent the SYN that crossed ours, and",
				"proves no more than that one did: it undoes the crossing, and we are back in SYN_SENT.",
			}
		}
		return []string{"This RST proves nothing: it does not acknowledge our SYN, or is outside of what we await.",
			"Anyone can send such a segment without having seen ours, so it is dropped (RFC 9293 3.5.3)."}
	case probe.VerdictTimestampUnproven:
		return []string{"This RST echoes a time stamp that we never sent, so whoever sent it has not seen our SYN. It is dropped."}
	case probe.VerdictACKUnacceptable:
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
	case probe.VerdictData:
		return []string{
			fmt.Sprintf("The peer speaks before it is asked: %s from sequence number %d on.", text.Count(s.Length, "octet"), h.Seq),
			fmt.Sprintf("They must be acknowledged with %d (RFC 9293 3.8).", s.end()),
		}
	case probe.VerdictFIN:
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
	for _, datagram := range l.talk.datagrams {
		if s := segmentOf(&probe.Event{Octets: datagram}); s.known && s.Header.Flags.Has(tcphdr.SYN) {
			ours, _ = s.Header.Options.MSS()
		}
	}
	if !ok || theirs >= ours {
		return ""
	}
	return fmt.Sprintf("Its MSS %d is below our %d: a smaller MTU at its side, or set so by something on the way (RFC 9293 3.7.1).", theirs, ours)
}
