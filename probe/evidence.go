package probe

import (
	"net/netip"

	"tcpprobe/internal/stamp"
	"tcpprobe/rawip"
	"tcpprobe/tcphdr"
)

// What segments say of a handshake does not depend on who made it. The rules here are those of the machine, and of those who
// see the handshakes of others pass.

// SYNSent is one transmission of a SYN.
type SYNSent struct {
	At    stamp.Stamp // zero if it has not left
	TSval uint32      // its time stamp, where it has one
}

// Echoed returns which of so many transmissions of a SYN, all with time stamps, a segment echoes, counting from 0. It is not ok
// if that is none, or if several have the same time stamp.
func Echoed(n int, syn func(int) SYNSent, s tcphdr.Header) (echoed int, ok bool) {
	_, ecr, stamped := s.Options.Timestamps()
	for i := 0; stamped && i < n; i++ {
		if t := syn(i); t.TSval == ecr && !t.At.IsZero() {
			if ok {
				return 0, false
			}
			echoed, ok = i, true
		}
	}
	return echoed, ok
}

// Candidates returns how many of so many transmissions of a SYN had left when something arrived.
func Candidates(n int, syn func(int) SYNSent, at stamp.Stamp) (candidates int) {
	for i := range n {
		if left := syn(i).At; !left.IsZero() && !before(at, left) {
			candidates++
		}
	}
	return candidates
}

// before compares two times of the same clock.
func before(a, b stamp.Stamp) bool {
	if a.Source() == stamp.Kernel && b.Source() == stamp.Kernel {
		return a.Kernel.Before(b.Kernel)
	}
	return a.User.Before(b.User)
}

// Acknowledges reports whether an acknowledgment number acknowledges something of what was sent from the sequence number of a
// SYN up to, but not including, next: if only the SYN (RFC 9293 3.10.7.3, first).
func Acknowledges(ack, iss, next tcphdr.SeqNum) bool { return iss.Less(ack) && ack.LessEq(next) }

// UnderWay reports whether a sequence number was sent and is not acknowledged: una up to, but not including, next. No ICMP
// error counts that quotes another (RFC 5927 4.1).
func UnderWay(seq, una, next tcphdr.SeqNum) bool { return una.LessEq(seq) && seq.Less(next) }

// PeerOf returns what a SYN or SYN-ACK says of its sender, but for ECN, which takes the offer besides.
func PeerOf(s tcphdr.Header) Peer {
	p := Peer{Window: s.Window, SACKPermitted: s.Options.SACKPermitted()}
	p.MSS, p.HasMSS = s.Options.MSS()
	p.WindowScale, p.HasScale = s.Options.WindowScale()
	_, _, p.Timestamps = s.Options.Timestamps()
	return p
}

// Rejection is an ICMP error about a TCP segment.
type Rejection struct {
	Source, Destination netip.AddrPort // of the quoted segment
	Seq                 tcphdr.SeqNum  // of the quoted segment
	ID                  uint16         // Identification of the quoted datagram, of IPv4
	TSval               uint32         // time stamp of the quoted segment
	Stamped             bool           // the quote goes as far as TSval

	quote quote
}

// RejectionIn reads the ICMP error about a TCP segment that is in a datagram, if one is.
func RejectionIn(ip *rawip.Datagram) (r Rejection, ok bool) {
	if r.quote, ok = quotedSegment(ip); ok {
		r.Source, r.Destination, r.Seq, r.ID = r.quote.local, r.quote.remote, r.quote.seq, r.quote.id
		r.TSval, r.Stamped = quotedTimestamp(r.quote.segment)
	}
	return r, ok
}

// Message returns the message, which shares octets with nothing.
func (r *Rejection) Message() *ICMP { return r.quote.keep() }

// Counts reports whether it says that a segment was not delivered, and can be believed: no link of IPv6 has an MTU below 1280.
func (r *Rejection) Counts() (undelivered, believed bool) {
	m := &r.quote.message
	return m.Meaning().Undelivered(), !m.belowMinimum()
}
