package probe

import (
	"time"

	"tcpprobe/rawip"
	"tcpprobe/tcphdr"
)

// mark is what tells a segment that was sent by IPv6 from the others of its flow: IPv6 has no Identification.
type mark struct {
	seq, ack tcphdr.SeqNum
	flags    tcphdr.Flags
	label    uint32
	tsval    uint32 // 0 without time stamps

	at      time.Time // when it was handed to the network
	stamped bool
}

// markOf returns the mark of a segment in a datagram with that flow label.
func markOf(label uint32, s *tcphdr.Header) mark {
	tsval, _, _ := s.Options.Timestamps()
	return mark{seq: s.Seq, ack: s.Ack, flags: s.Flags, label: label, tsval: tsval}
}

// like reports whether two marks are of segments that cannot be told apart.
func (m mark) like(other mark) bool {
	return m.seq == other.seq && m.ack == other.ack && m.flags == other.flags && m.label == other.label && m.tsval == other.tsval
}

// markSent notes what the datagram of ours that was written last looks like, where its header has no number.
func (f *flow) markSent(number int, now time.Time) {
	if !f.Remote.Addr().Is6() {
		return
	}
	for len(f.marks) <= number {
		f.marks = append(f.marks, mark{stamped: true}) // of what was never handed over there is no stamp
	}
	f.marks[number] = f.written
	f.marks[number].at = now
}

// sent reports whether a datagram is one of the flow's.
func (f *flow) sent(ip *rawip.Datagram, s tcphdr.Header) bool {
	if !ip.Is6() {
		return int(ip.ID-f.ID) < f.h.sent
	}
	seen := markOf(ip.FlowLabel, &s)
	for _, m := range f.marks {
		if m.like(seen) {
			return true
		}
	}
	return false
}

// stampLate is how much later than it left the sight of a datagram comes, unless this process was kept from looking.
// Repetitions that look the same are further apart, unless they acknowledge the same once more.
const stampLate = initialRTO / 2

// numberOf returns the number of the segment that a datagram which was seen to leave has.
func (f *flow) numberOf(ip *rawip.Datagram, s tcphdr.Header, now time.Time) (number int, ok bool) {
	if !ip.Is6() {
		return int(ip.ID - f.ID), true
	}
	seen := markOf(ip.FlowLabel, &s)
	// They are seen in the order in which they left, but of one the sight may be lost.
	number = -1
	for i, m := range f.marks {
		if m.stamped || !m.like(seen) {
			continue
		}
		if number < 0 {
			number = i
		}
		if now.Sub(m.at) <= stampLate {
			number = i
			break
		}
	}
	if number < 0 {
		return 0, false
	}
	f.marks[number].stamped = true
	return number, true
}
