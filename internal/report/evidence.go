package report

import (
	"fmt"
	"slices"
	"strings"

	"tcpprobe/internal/text"
	"tcpprobe/probe"
	"tcpprobe/tcphdr"
)

// strays are the findings that are about something that came in and decided nothing.
var strays = map[probe.Finding]string{
	probe.FindingRSTIgnored:      "a RST that does not acknowledge our SYN",
	probe.FindingStalePeerState:  "an ACK of what we never sent",
	probe.FindingChecksumInvalid: "segments with a wrong checksum",
	probe.FindingFragmentIgnored: "a fragment",
}

// Heard reports whether anything came back, although it may be no answer to our SYN.
func Heard(r *probe.Result) bool { return len(evidence(r)) > 0 }

// straySegments returns how many segments came in and decided nothing.
func straySegments(t *probe.TCP) (n int) {
	if t == nil {
		return 0
	}
	for _, s := range t.Strays {
		n += s.Count
	}
	return n
}

// evidence names what came in for the connection and decided nothing: each kind once, with how many there were.
func evidence(r *probe.Result) []string {
	var kinds []string
	number := make(map[string]int)
	add := func(kind string) {
		if number[kind]++; number[kind] == 1 {
			kinds = append(kinds, kind)
		}
	}
	for i := range r.Events {
		switch e := &r.Events[i]; e.Kind {
		case probe.EventSegmentReceived:
			if kind := stray(e.Segment); kind != "" {
				add(kind)
			}
		case probe.EventICMPReceived:
			add(fmt.Sprintf("ICMP %d/%d %s from %v", e.ICMP.Type, e.ICMP.Code, e.ICMP.Name, e.ICMP.From))
		}
	}
	for _, f := range r.Findings {
		kind, ok := strays[f]
		if ok && !slices.ContainsFunc(kinds, func(k string) bool { return strings.HasPrefix(k, kind) }) {
			add(kind)
		}
	}
	if r.TCP != nil {
		shown := 0 // of the segments for our port, the first of which are events
		for i := range r.Events {
			if e := &r.Events[i]; e.Kind == probe.EventSegmentReceived && stray(e.Segment) != "" && e.Segment.Verdict != probe.VerdictCrossed {
				shown++
			}
		}
		more := -shown
		for _, s := range r.TCP.Strays {
			switch s.Kind {
			case probe.StrayElsewhere:
				kind := fmt.Sprintf("an answer to our SYN, but from %v", s.From)
				add(kind)
				number[kind] = s.Count
			case probe.StrayChecksum:
				number[strays[probe.FindingChecksumInvalid]] = s.Count
			case probe.StrayFragment:
				number[strays[probe.FindingFragmentIgnored]] = s.Count
			default:
				more += s.Count
			}
		}
		if more > 0 && shown > 0 {
			add(text.Count(more, "more segment") + " of no effect")
		} else if more > 0 {
			add(text.Count(more, "segment") + " of no effect")
		}
	}
	for i, kind := range kinds {
		if n := number[kind]; n > 1 {
			kinds[i] = fmt.Sprintf("%s (%d times)", kind, n)
		}
	}
	return kinds
}

// unusedReply says why the ARP reply was not used that came last; "" if none came.
func unusedReply(r *probe.Result) (note string) {
	for i := range r.Events {
		if e := &r.Events[i]; e.Kind == probe.EventNeighborReply && e.Neighbor.Note != "" {
			note = e.Neighbor.Note
		}
	}
	return note
}

// stray says what a segment is that decided nothing; "" of one that did.
func stray(s *probe.Segment) string {
	what := ""
	switch s.Verdict {
	case probe.VerdictRSTUnproven:
		what = strays[probe.FindingRSTIgnored]
	case probe.VerdictTimestampUnproven:
		what = "a RST with a time stamp that we never sent"
	case probe.VerdictACKUnacceptable:
		what = strays[probe.FindingStalePeerState]
	case probe.VerdictCrossed:
		what = "a SYN that crossed ours"
	case probe.VerdictDropped, probe.VerdictDuplicate, probe.VerdictOutOfWindow, probe.VerdictChallenged:
		what = s.Header.Flags.String() + " that says nothing of our SYN"
		if s.Header.Flags == tcphdr.ACK {
			what = "a bare ACK"
		}
	default:
		return ""
	}
	return what + ", " + ttl(s)
}

// elsewhere returns the stray that answers our SYN from another address or port; nil if there is none.
func elsewhere(r *probe.Result) *probe.Stray {
	if r.TCP == nil {
		return nil
	}
	i := slices.IndexFunc(r.TCP.Strays, func(s probe.Stray) bool { return s.Kind == probe.StrayElsewhere })
	if i < 0 {
		return nil
	}
	return &r.TCP.Strays[i]
}

// foreignRST compares the RST that ended a handshake with what else came from the host. It says so if their Times to Live
// differ, which they hardly do for two segments of one host; else it says nothing.
func foreignRST(r *probe.Result) string {
	var rst, other *probe.Segment
	for i := range r.Events {
		e := &r.Events[i]
		switch {
		case e.Kind != probe.EventSegmentReceived:
		case e.Segment.Verdict == probe.VerdictRefused, e.Segment.Verdict == probe.VerdictReset:
			rst = e.Segment
		case !e.Segment.Header.Flags.Has(tcphdr.RST):
			other = e.Segment
		}
	}
	if rst == nil || other == nil || rst.TTL == other.TTL {
		return ""
	}
	return fmt.Sprintf("the RST came with ttl %d, %v with ttl %d: one of them is not the host's", rst.TTL, other.Header.Flags, other.TTL)
}

// causesOfSilence says what may have become of a SYN that nothing answers, and what tells one from the other.
func causesOfSilence(r *probe.Result) []string {
	next := "Next: tcpprobe trace " + typed(r)
	if up := next + "; if another port answers, it is up."; text.Columns(up) <= text.Width-2 {
		next = up
	}
	return []string{"A firewall drops it, the host is down, or its accept queue is full (ss -ltn).", next}
}
