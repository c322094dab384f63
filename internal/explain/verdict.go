package explain

import (
	"fmt"

	"tcpprobe/internal/report"
	"tcpprobe/internal/text"
	"tcpprobe/probe"
)

// Verdict says in a few lines what was learnt from the handshake, which has ended. The verdict itself is package
// report's. The error is the writer's.
func (l *Lesson) Verdict(r *probe.Result) error {
	if l.page.quiet {
		return nil
	}
	if t := orZero(r.TCP); l.talk.local.IsValid() && l.talk.state != t.State {
		l.talk.state = t.State
		l.controlBlock(r)
	}
	return l.conclude(l.learnt(r)...)
}

// learnt returns the sentences.
func (l *Lesson) learnt(r *probe.Result) []string {
	tcp := orZero(r.TCP)
	switch r.Outcome {
	case probe.OutcomeEstablished:
		return []string{
			fmt.Sprintf("Port %d of %s is open: after %s ms came the acknowledgment of ISS + 1, a number that nobody off the path can know.",
				r.Port, l.page.Printable(r.Host), text.Milliseconds(tcp.RTT)),
			l.waited(tcp), ended(tcp),
			"That something listens does not say that the service behind it works.",
		}
	case probe.OutcomeRefused:
		return []string{
			fmt.Sprintf("A RST came after %s ms that acknowledges our ISS + 1, so it is about our SYN.", text.Milliseconds(tcp.RTT)),
			fmt.Sprintf("The way to whoever sent it, and back, works. Nothing listens on port %d, or a firewall says so in the host's name (RFC 9293 3.5.2).", r.Port),
		}
	case probe.OutcomeUnreachable:
		return []string{l.rejected(r), "TCP is to wait on after most of these errors (RFC 9293 3.9.2.2). While it connects, Linux gives up, and so do we; FreeBSD goes on (RFC 5461 4)."}
	case probe.OutcomeTimeout:
		return []string{
			fmt.Sprintf("%s got no answer that counts. A silence has no sender: it does not say whether the SYN or its answer was lost, or where.", text.Count(tcp.SYNSent, "SYN")),
			repeated(tcp.SYNSent),
		}
	case probe.OutcomeDNSError:
		return []string{"The name has not become an address, so that no segment left: this says nothing about the host or its port."}
	case probe.OutcomeNoRoute:
		if r.NAT64 != nil {
			return []string{fmt.Sprintf("The kernel knows no way to an IPv4 address, so that no packet left. This network has a translator: behind its prefix %v the address is %v (RFC 6052 2).", r.NAT64.Prefix, r.NAT64.Synthesized)}
		}
		return []string{"The kernel knows no way to that address, so that no packet left (RFC 1122 3.3.1). The fault is in this host's routes."}
	case probe.OutcomeARPTimeout:
		return []string{"The next hop did not answer, so that no frame could be addressed and no segment left.", "What lies behind the next hop remains unknown."}
	case probe.OutcomeLocalError:
		return []string{"This host refused to send, so that nothing was learnt about the other.", l.cause(r)}
	case probe.OutcomeInterrupted:
		return []string{"It was broken off before there was an answer, and an answer may still be on its way."}
	}
	return []string{"It is not over yet."}
}

// waited says what an application would have waited.
func (l *Lesson) waited(t *probe.TCP) string {
	if !t.Connected {
		return ""
	}
	return fmt.Sprintf("From the first SYN to our ACK, which is what connect() waits for, it took %s ms.", text.Milliseconds(t.Connect))
}

// ended says how the connection ended.
func ended(t *probe.TCP) string {
	switch {
	case t.Close == probe.CloseRST:
		return "We broke it off by RST, so that nothing of it remains on either side."
	case t.Close == probe.CloseHalf:
		return "It was reset before it was complete: no application there has seen it."
	case t.Close == probe.CloseNone:
		return "It was left open: the peer still holds it."
	case t.State == probe.StateTimeWait:
		return "Each side closed its direction and had that acknowledged (RFC 9293 3.6)."
	}
	return ""
}

// rejected says who rejected our SYN.
func (l *Lesson) rejected(r *probe.Result) string {
	if len(r.ICMP) == 0 {
		return "Our SYN was rejected."
	}
	m := orZero(r.ICMP[len(r.ICMP)-1])
	who := "a router or firewall on the way"
	switch {
	case m.Own():
		who = "this host's own kernel"
	case m.From == m.Target:
		who = "the destination itself, or something that speaks in its name"
	}
	return fmt.Sprintf("Our SYN was rejected by %v, %s: %s.", m.From, who, l.page.Printable(m.Name))
}

// repeated says what the number of SYNs tells.
func repeated(syns int) string {
	if syns > 1 {
		return "Since it was sent more than once, one lost datagram is not the reason."
	}
	return "It was sent only once: one lost datagram may be the reason."
}

// cause says what the system refused.
func (l *Lesson) cause(r *probe.Result) string {
	if r.Err == nil {
		return ""
	}
	if report.KeptIn(r) {
		return "The firewall of this host does not let it out: " + l.page.Printable(r.Err.Error()) + "."
	}
	return "The reason: " + l.page.Printable(r.Err.Error()) + "."
}
