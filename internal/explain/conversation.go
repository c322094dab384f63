package explain

import (
	"net/netip"

	"tcpprobe/internal/stamp"
	"tcpprobe/probe"
	"tcpprobe/rawip"
	"tcpprobe/tcphdr"
)

// conversation is what the segments so far tell: our control block (RFC 9293 3.3.1), and what later prose refers to.
type conversation struct {
	local, remote  netip.AddrPort
	iss            tcphdr.SeqNum
	una, nxt, rcv  tcphdr.SeqNum
	begun, heard   bool // SND.UNA and SND.NXT are known; RCV.NXT is known
	state          probe.State
	opened         bool // our SYN was acknowledged
	acked          bool // and we have acknowledged theirs
	closing        bool // our FIN was sent
	syns           []syn
	datagrams      [][]byte // that we sent
	shifts         [2]int   // of our windows and theirs, plus 1; 0 if none was offered
	last           segment  // the one that came in last
	shown          variables
	shownBlock     bool
	shownVariables bool
}

// syn is one transmission of our SYN.
type syn struct {
	tsval uint32
	clock bool // it has a time stamp
	at    stamp.Stamp
}

// segment is a segment with its datagram's header, as far as they can be read.
type segment struct {
	probe.Segment
	ip      rawip.Datagram
	headers int  // octets before the segment
	known   bool // the TCP header is known
	whole   bool // so is the datagram's
}

// segmentOf reads an event's segment out of its octets, or where they cannot be read, out of what was noted of it.
func segmentOf(e *probe.Event) segment {
	s := segment{Segment: *orZero(e.Segment), known: e.Segment != nil}
	if err := s.ip.Parse(e.Octets); err != nil {
		return s
	}
	h, data, err := tcphdr.Parse(s.ip.Payload)
	if err != nil {
		return s
	}
	s.headers = headersOf(e.Octets)
	s.known, s.whole = true, true
	s.Header, s.Length, s.TTL = h, len(data), s.ip.HopLimit
	return s
}

// headersOf returns how many octets of a datagram that can be read are before its payload.
func headersOf(datagram []byte) int {
	if h, _, err := rawip.ParseUnsized6(datagram); err == nil {
		return ipv6HeaderLen + len(h.Extensions.Octets)
	}
	return 4 * int(datagram[0]&0xf)
}

// end is the sequence number after the last that the segment occupies.
func (s segment) end() tcphdr.SeqNum {
	n := s.Length
	for _, f := range []tcphdr.Flags{tcphdr.SYN, tcphdr.FIN} {
		if s.Header.Flags.Has(f) {
			n++
		}
	}
	return s.Header.Seq.Add(n)
}

// sent takes note of a segment of ours.
func (c *conversation) sent(s segment, e *probe.Event) {
	h := s.Header
	if s.whole {
		c.local, c.remote = netip.AddrPortFrom(s.ip.Src, h.SrcPort), netip.AddrPortFrom(s.ip.Dst, h.DstPort)
		c.datagrams = append(c.datagrams, e.Octets)
	}
	if !s.known {
		return
	}
	if h.Flags.Has(tcphdr.SYN) {
		if !c.begun {
			c.begun, c.iss, c.una, c.nxt = true, h.Seq, h.Seq, h.Seq
		}
		c.shifts[0] = shift(h.Options)
		tsval, _, clock := h.Options.Timestamps()
		c.syns = append(c.syns, syn{tsval: tsval, clock: clock, at: e.At})
	}
	// A RST may have any number, but takes none.
	if end := s.end(); c.begun && end != h.Seq && c.nxt.Less(end) {
		c.nxt = end
	}
	if h.Flags.Has(tcphdr.ACK) {
		c.heard, c.rcv = true, h.Ack
	}
	c.state = s.State
	switch {
	case h.Flags.Has(tcphdr.FIN):
		c.closing = true
	case h.Flags.Has(tcphdr.SYN|tcphdr.ACK) && s.State == probe.StateClosed:
		c.state = probe.StateSYNReceived
	case h.Flags.Has(tcphdr.SYN) && s.State == probe.StateClosed: // not sent, only built
		c.state = probe.StateSYNSent
	case c.opened && !c.acked && h.Flags.Has(tcphdr.ACK) && h.Flags&(tcphdr.SYN|tcphdr.RST) == 0:
		// The machine may be a step ahead by now, since the FIN follows at once.
		c.acked = true
		c.state = probe.StateEstablished
	}
}

// received takes note of a segment of the peer.
func (c *conversation) received(s segment) {
	h := s.Header
	if s.whole {
		c.local, c.remote = netip.AddrPortFrom(s.ip.Dst, h.DstPort), netip.AddrPortFrom(s.ip.Src, h.SrcPort)
	}
	c.last = s
	c.state = s.State
	switch s.Verdict {
	case probe.VerdictOpened:
		c.opened = true
		c.state = probe.StateEstablished
		fallthrough
	case probe.VerdictAcknowledged, probe.VerdictData, probe.VerdictFIN:
		if h.Flags.Has(tcphdr.ACK) && c.una.Less(h.Ack) {
			c.una = h.Ack
		}
		if !c.heard || c.rcv.Less(s.end()) && s.Verdict != probe.VerdictAcknowledged {
			c.heard, c.rcv = true, s.end()
		}
	case probe.VerdictCrossed:
		c.heard, c.rcv = true, h.Seq.Add(1)
	}
	if h.Flags.Has(tcphdr.SYN) && (s.Verdict == probe.VerdictOpened || s.Verdict == probe.VerdictCrossed) {
		c.shifts[1] = shift(h.Options)
	}
}

// shift returns the shift count that options offer plus 1, 0 if they offer none.
func shift(o tcphdr.Options) int {
	if n, ok := o.WindowScale(); ok {
		return 1 + int(min(n, 14))
	}
	return 0
}

// scaleOf returns the shift of our windows (0) or theirs (1); -1 unless both sides offered to scale (RFC 7323 2.2).
func (c *conversation) scaleOf(side int) int {
	if c.shifts[0] == 0 || c.shifts[1] == 0 {
		return -1
	}
	return c.shifts[side] - 1
}
