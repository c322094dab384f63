package probe

import "tcpprobe/tcphdr"

// Flow labels are 20 bits, of which 0 is none (RFC 6437 2).
const (
	labels    = 1<<20 - 1
	labelStep = 0x9e379 // has no divisor in common with their number, so that each step leads to another one
)

// label returns the flow label of what is sent after so many repetitions of the SYN. Linux has another for each too, since it
// may be by its label that the first one was lost.
func (f *flow) label(repetition int) uint32 {
	if !f.Relabel || f.FlowLabel == 0 {
		return f.FlowLabel
	}
	return 1 + uint32((uint64(f.FlowLabel-1)+labelStep*uint64(repetition))%labels)
}

// quotedNumber returns the number of the segment that an ICMP error quotes, among those sent; -1 if the quote does not tell.
func (f *flow) quotedNumber(q *quote) int {
	if !q.message.Is6() {
		if number := int(q.id - f.ID); number < f.h.sent {
			return number
		}
		return -1
	}
	byLabel, byTime := -1, -1
	tsval, stamped := quotedTimestamp(q.segment)
	for i, syn := range f.h.syns {
		if f.Relabel && f.label(i) == q.label {
			byLabel = syn.number
		}
		if stamped && f.h.stamps() && tsval == syn.TSval {
			byTime = syn.number
		}
	}
	switch {
	case byLabel < 0:
		return byTime
	case byTime >= 0 && byTime != byLabel:
		return -1 // one of the two was changed on the way, or the quote is made up
	}
	return byLabel
}

// quotedTimestamp returns the time stamp of a quoted segment, where the quote goes as far.
func quotedTimestamp(segment []byte) (tsval uint32, ok bool) {
	s, _, err := tcphdr.Parse(segment)
	if err != nil {
		return 0, false
	}
	tsval, _, ok = s.Options.Timestamps()
	return tsval, ok
}

// repathed reports whether a repetition of our SYN was answered that had another flow label than the first.
func (f *flow) repathed(t *TCP) bool {
	answered := f.h.outcome == OutcomeEstablished || f.h.outcome == OutcomeRefused
	return f.Remote.Addr().Is6() && answered && t.AnsweredSYN > 1 && f.label(t.AnsweredSYN-1) != f.label(0)
}
