package probe

import "net/netip"

// StrayKind is a kind of what came in for a handshake and decided nothing, by its code in the JSON results.
type StrayKind string

const (
	StrayRST       StrayKind = "rst"       // a RST that does not acknowledge our SYN, or is outside of the window
	StrayStaleACK  StrayKind = "stale_ack" // an acknowledgment of what we never sent
	StrayRepeated  StrayKind = "repeated"  // what was received before
	StrayUnrelated StrayKind = "unrelated" // another segment that says nothing about our SYN: a bare ACK, or one outside of the window
	StrayChecksum  StrayKind = "checksum"  // a segment with a wrong checksum
	StrayFragment  StrayKind = "fragment"  // part of a datagram
	StrayElsewhere StrayKind = "elsewhere" // an answer to our SYN, but from another address or port than it was sent to
)

// Stray says how often something of a kind came in. All of it is counted, and the first few of a kind are events besides.
type Stray struct {
	Kind  StrayKind
	Count int
	From  netip.AddrPort // where the first came from; for StrayElsewhere alone
}

// strayKinds are the kinds of strays by what the machine made of them; "" for what is none.
var strayKinds = [...]StrayKind{
	VerdictDropped:           StrayUnrelated,
	VerdictRSTUnproven:       StrayRST,
	VerdictACKUnacceptable:   StrayStaleACK,
	VerdictTimestampUnproven: StrayRST,
	VerdictDuplicate:         StrayRepeated,
	VerdictOutOfWindow:       StrayUnrelated,
	VerdictChallenged:        StrayUnrelated,
	VerdictLate:              "", // the handshake is over
}

// How many received segments are kept as events, of those with the same verdict. A flood is counted, not kept.
const (
	keptStrays   = 8
	keptSegments = MaximumSegments
)

// strays counts what came in for a flow, and what decided nothing.
type strays struct {
	verdicts                       [VerdictLate + 1]int
	checksum, fragments, elsewhere int
	from                           netip.AddrPort // of the first from elsewhere
}

// count counts a segment, and reports whether it is to be kept.
func (s *strays) count(v Verdict) (keep bool) {
	s.verdicts[v]++
	if strayKinds[v] != "" {
		return s.verdicts[v] <= keptStrays
	}
	return s.verdicts[v] <= keptSegments
}

// appendTo appends what was counted, by kind.
func (s *strays) appendTo(list []Stray) []Stray {
	add := func(kind StrayKind, n int) {
		for i := range list {
			if list[i].Kind == kind {
				list[i].Count += n
				return
			}
		}
		list = append(list, Stray{Kind: kind, Count: n})
	}
	for v, n := range s.verdicts {
		if n > 0 && strayKinds[v] != "" {
			add(strayKinds[v], n)
		}
	}
	if s.checksum > 0 {
		add(StrayChecksum, s.checksum)
	}
	if s.fragments > 0 {
		add(StrayFragment, s.fragments)
	}
	if s.elsewhere > 0 {
		list = append(list, Stray{Kind: StrayElsewhere, Count: s.elsewhere, From: s.from})
	}
	return list
}
