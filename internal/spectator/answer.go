package spectator

import (
	"bytes"

	"tcpprobe/icmp"
	"tcpprobe/probe"
	"tcpprobe/tcphdr"
)

// detailOf returns the detail of an attempt, which it has from then on.
func (s *Spectator) detailOf(a *attempt) *detail {
	if !a.detailed {
		a.detailed = true
		s.details[a.number] = new(detail)
	}
	return s.details[a.number]
}

// stamps reports whether the SYN has time stamps.
func (a *attempt) stamps() bool {
	c := &a.sides[client]
	_, _, ok := tcphdr.Options(c.options[:c.length]).Timestamps()
	return ok
}

// transmission returns a transmission of the SYN, counting from 0, those after the first as far as they are remembered.
func (s *Spectator) transmission(a *attempt, i int) transmission {
	if i == 0 {
		return transmission{probe.SYNSent{At: stamped(a.syn), TSval: a.tsval}, a.id}
	}
	return s.details[a.number].syns[i-1]
}

// transmissions returns how many there are.
func (s *Spectator) transmissions(a *attempt) int {
	switch {
	case a.syn == unseen:
		return 0
	case !a.detailed:
		return 1
	}
	return 1 + len(s.details[a.number].syns)
}

// sent is transmission, as far as the rules of probe take it.
func (s *Spectator) sent(a *attempt) func(int) probe.SYNSent {
	return func(i int) probe.SYNSent { return s.transmission(a, i).SYNSent }
}

// echoes reports whether a segment echoes the time stamp of a SYN of the attempt.
func (s *Spectator) echoes(a *attempt, h *tcphdr.Header) bool {
	_, ecr, _ := h.Options.Timestamps()
	for i := range s.transmissions(a) {
		if s.transmission(a, i).TSval == ecr {
			return true
		}
	}
	return false
}

// answered notes which SYN a SYN-ACK or RST answers, at the time of the answer.
func (s *Spectator) answered(a *attempt, h *tcphdr.Header) {
	n := s.transmissions(a)
	a.answeredBy, a.candidates = 0, uint8(min(a.synSent, 255))
	if a.synSent == 1 {
		a.answeredBy = 1
		return
	}
	if i, ok := probe.Echoed(n, s.sent(a), *h); ok && a.stamps() {
		a.answeredBy = uint8(i + 1)
	}
}

// settle notes what a SYN tells that came into the capture behind its answer.
func (a *attempt) settle() {
	if a.sides[client].proven && a.sides[server].proven {
		a.outcome = probe.OutcomeEstablished
	}
}

// maximumICMP is how many ICMP errors of an attempt are kept.
const maximumICMP = 8

// rejection takes an ICMP error, if it quotes the SYN of an attempt.
func (s *Spectator) rejection(p *Packet) {
	r, ok := probe.RejectionIn(p.IP)
	if !ok {
		return
	}
	number, known := s.open[newFlow(r.Source.Addr().As16(), r.Destination.Addr().As16(), r.Source.Port(), r.Destination.Port())]
	a := s.attempts.at(number)
	if !known || a == nil || a.addrPort(client) != r.Source || !a.sides[client].synSeen {
		return
	}
	c := &a.sides[client]
	undelivered, believed := r.Counts()
	switch {
	case !undelivered || !probe.UnderWay(r.Seq, c.iss, c.iss.Add(1+int(a.synData))):
		return
	case a.outcome == probe.OutcomeEstablished || a.outcome == probe.OutcomeRefused:
		return
	case !believed:
		a.find(mtuBelowMinimum)
		return
	}
	a.latest = max(a.latest, p.Time)
	d := s.detailOf(a)
	m := r.Message()
	m.At, m.SentTTL = stamped(p.Time), c.ttl
	if len(d.icmp) < maximumICMP {
		d.icmp = append(d.icmp, m)
	}
	s.frame(a, p)
	if s.config.Keep && len(d.kept) < maximumKept {
		d.kept = append(d.kept, kept{from: server, at: p.Time, number: p.Number, octets: datagramOf(p), message: m, verdict: probe.VerdictRejectedByICMP})
	}
	if m.Meaning() == icmp.MeansTooBig || a.outcome == probe.OutcomeUnreachable || a.sides[server].synSeen {
		return // it is noted
	}
	a.outcome, a.answer = probe.OutcomeUnreachable, p.Time
	a.candidates = uint8(min(a.synSent, 255))
	a.answeredBy = 0
	if a.synSent == 1 {
		a.answeredBy = 1
	}
	for i := 0; a.answeredBy == 0 && i < s.transmissions(a); i++ {
		t := s.transmission(a, i)
		if !a.v6 && r.ID != 0 && t.id == r.ID || r.Stamped && t.TSval != 0 && t.TSval == r.TSval {
			a.answeredBy = uint8(i + 1)
		}
	}
}

// frame notes the number of a packet of the handshake.
func (s *Spectator) frame(a *attempt, p *Packet) {
	if int(a.framed) < len(a.frames) {
		a.frames[a.framed] = uint32(p.Number)
		a.framed++
		return
	}
	if d := s.detailOf(a); len(d.frames) < maximumFrames {
		d.frames = append(d.frames, uint32(p.Number))
	}
}

// Bounds of what is remembered of the packets of one attempt.
const (
	maximumFrames = 256
	maximumKept   = 64
)

// datagramOf returns the octets of the datagram alone, which nothing shares: a frame may go on behind it.
func datagramOf(p *Packet) []byte {
	octets := p.Octets
	if behind := len(octets) - len(p.IP.Payload); behind > 0 && len(p.IP.Payload) > 0 {
		if i := bytes.LastIndex(octets, p.IP.Payload); i >= 0 {
			octets = octets[:i+len(p.IP.Payload)]
		}
	}
	return bytes.Clone(octets)
}

// note takes note of a segment of the handshake, and of what it meant.
func (s *Spectator) note(a *attempt, from int, p *Packet, v probe.Verdict) {
	s.frame(a, p)
	if !s.config.Keep {
		return
	}
	if d := s.detailOf(a); len(d.kept) < maximumKept {
		d.kept = append(d.kept, kept{from: from, at: p.Time, number: p.Number, octets: datagramOf(p), verdict: v})
	}
}
