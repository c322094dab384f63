package spectator

import (
	"tcpprobe/probe"
	"tcpprobe/tcphdr"
)

// largestWindow is the most that a receive window holds (RFC 7323 2.3).
const largestWindow = 1 << 30

// crossingSYN takes a SYN of the side that the SYN was for: it opens the connection as well, or answers in two parts.
func (s *Spectator) crossingSYN(a *attempt, p *Packet, h *tcphdr.Header) {
	v := &a.sides[server]
	s.inspect(a, server, p, h)
	if !v.synSeen {
		v.learn(h, p.IP.HopLimit)
		v.next = h.Seq.Add(1)
	}
	if v.proven {
		a.find(splitHandshake)
	} else {
		a.find(simultaneousOpen)
	}
	s.note(a, server, p, probe.VerdictCrossed)
}

// crossed takes the first ACK of a server that has not sent a SYN-ACK.
func (s *Spectator) crossed(a *attempt, p *Packet) {
	v := &a.sides[server]
	if !v.synSeen {
		s.note(a, server, p, probe.VerdictAcknowledged)
		return
	}
	if a.findings&simultaneousOpen != 0 {
		a.findings = a.findings&^simultaneousOpen | splitHandshake
	}
	if s.note(a, server, p, probe.VerdictOpened); a.sides[client].proven {
		s.establish(a, p)
	}
}

// establish takes note that both sides have acknowledged the SYN of the other.
func (s *Spectator) establish(a *attempt, p *Packet) {
	if a.ack == unseen {
		a.ack = p.Time
	}
	a.sides[client].damaged, a.sides[server].damaged = false, false
	if a.sides[client].synSeen {
		a.outcome = probe.OutcomeEstablished
	}
}

// resetByServer takes a RST in the name of the side that the SYN was for.
func (s *Spectator) resetByServer(a *attempt, p *Packet, h *tcphdr.Header) {
	c, v := &a.sides[client], &a.sides[server]
	switch {
	case a.outcome == probe.OutcomeRefused && s.acknowledges(a, client, h.Ack):
		s.note(a, server, p, probe.VerdictRefused) // of a SYN that was sent again
	case v.synSeen && v.flags.Has(tcphdr.ACK), !c.synSeen:
		s.resetConnection(a, server, p, h)
	case !h.Flags.Has(tcphdr.ACK) || !s.acknowledges(a, client, h.Ack):
		a.find(rstIgnored)
		s.note(a, server, p, probe.VerdictRSTUnproven)
	default:
		if a.outcome == probe.OutcomeUnreachable {
			a.find(icmpThenAnswer)
		}
		s.inspect(a, server, p, h)
		a.outcome, a.answer = probe.OutcomeRefused, p.Time
		v.ttl, v.rst = p.IP.HopLimit, true
		s.answered(a, h)
		s.note(a, server, p, probe.VerdictRefused)
	}
}

// resetByClient takes a RST of the side that sent the SYN.
func (s *Spectator) resetByClient(a *attempt, p *Packet, h *tcphdr.Header) {
	s.resetConnection(a, client, p, h)
}

// resetConnection takes a RST that counts if it stands in the window of the other side (RFC 9293 3.5.3), as far as that can be
// known here.
func (s *Spectator) resetConnection(a *attempt, from int, p *Packet, h *tcphdr.Header) {
	mine := &a.sides[from]
	window := int(mine.next.Sub(mine.iss))
	if a.sides[1-from].synSeen { // or it has told of no window yet
		window += largestWindow
	}
	if mine.synSeen && !h.Seq.InWindow(mine.iss.Add(1), window) {
		if from == server {
			a.find(rstIgnored)
		}
		s.note(a, from, p, probe.VerdictRSTUnproven)
		return
	}
	mine.rst = true
	if a.closing != closeNone {
		return
	}
	a.closing = closeRSTByClient
	if from == server {
		a.closing = closeRSTByServer
		if a.outcome == probe.OutcomeEstablished && !mine.data {
			a.find(resetAfterEstablished)
		}
	}
	if a.outcome == probe.OutcomePending || a.findings&resetAfterEstablished != 0 {
		s.note(a, from, p, probe.VerdictReset)
	}
}

// traffic takes note of data and FIN.
func (s *Spectator) traffic(a *attempt, from int, h *tcphdr.Header, data int) {
	mine, other := &a.sides[from], &a.sides[1-from]
	fin := h.Flags.Has(tcphdr.FIN)
	if data == 0 && !fin {
		mine.pass(h.Seq)
		return
	}
	first := !mine.data && !mine.fin && !other.data && (data > 0 || !other.fin)
	if from == server && first && a.outcome == probe.OutcomeEstablished {
		a.find(peerSpeaksFirst)
	}
	mine.data = mine.data || data > 0
	if fin {
		mine.fin = true
		data++
	}
	mine.pass(h.Seq.Add(data))
	if mine.fin && other.fin && a.closing == closeNone {
		a.closing = closeFIN
	}
}
