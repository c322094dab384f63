package probe

import (
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
	switch {
	case h.start.IsZero():
		return VerdictLate
	case h.ended:
		return h.afterEnd(a)
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
