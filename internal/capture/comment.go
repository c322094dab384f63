package capture

import (
	"fmt"
	"strings"

	"tcpprobe/internal/checksum"
	"tcpprobe/internal/report"
	"tcpprobe/internal/text"
	"tcpprobe/probe"
	"tcpprobe/tcphdr"
)

// comments says what a packet is, in the words of the ladder, what it took, and what follows from it.
func (a *account) comments(e *probe.Event, line report.Line) []string {
	comments := []string{line.Protocol + " " + strings.Join(line.Texts, ", ")}
	add := func(format string, v ...any) { comments = append(comments, fmt.Sprintf(format, v...)) }
	s := e.Segment
	switch {
	case line.Step == "":
	case e.Kind == probe.EventICMPReceived:
		add("rtt %s", line.Step)
	case s != nil && (s.Verdict == probe.VerdictOpened || s.Verdict == probe.VerdictRefused):
		add("rtt %s%s", line.Step, a.doubt(s))
	default:
		add("after %s", line.Step)
	}
	if s == nil {
		return comments
	}
	if e.Kind == probe.EventSegmentSent {
		if s.Header.Flags.Has(tcphdr.SYN) {
			a.syns++
		}
		if s.Header.Flags.Has(tcphdr.SYN) && s.TTL < defaultTTL {
			add("ttl %d: it gets %s far at the most", s.TTL, text.Count(int(s.TTL), "hop"))
		}
		if a.syns > 1 && s.Header.Flags.Has(tcphdr.SYN) && !s.Header.Flags.Has(tcphdr.ACK) {
			add("SYN %d: %s not answered in time", a.syns, before(a.syns))
		}
		return comments
	}
	switch s.Verdict {
	case probe.VerdictOpened:
		add("outcome: established")
	case probe.VerdictRefused:
		add("outcome: refused")
	}
	if s.Verdict == probe.VerdictACKUnacceptable {
		a.challenged = true
	}
	if s.Answers > 1 && a.challenged {
		add("SYN %d of %d was answered", s.Answers, a.syns)
	} else if s.Answers > 1 {
		add("SYN %d of %d was answered: %s lost, or the answer was", s.Answers, a.syns, before(s.Answers))
	}
	if f := shown(s); f != "" {
		add("finding: %s", f)
	}
	switch s.Checksum {
	case checksum.Partial:
		add("the checksum is not filled in: the sender leaves that to a network card")
	case checksum.Invalid:
		add("the checksum is wrong")
	}
	return comments
}

// doubt says of a round-trip time that it may be from another SYN.
func (a *account) doubt(s *probe.Segment) string {
	if s.Answers == 0 && a.syns > 1 {
		return " (ambiguous)"
	}
	return ""
}

// before names the SYNs before the nth.
func before(n int) string {
	if n == 2 {
		return "the first was"
	}
	return fmt.Sprintf("the %d before were", n-1)
}

// shown returns the finding that a received segment shows by itself; empty if it shows none.
func shown(s *probe.Segment) probe.Finding {
	switch s.Verdict {
	case probe.VerdictDuplicate:
		if s.Header.Flags.Has(tcphdr.SYN | tcphdr.ACK) {
			return probe.FindingDuplicateSYNACK
		}
	case probe.VerdictACKUnacceptable:
		return probe.FindingStalePeerState
	case probe.VerdictRSTUnproven, probe.VerdictTimestampUnproven:
		return probe.FindingRSTIgnored
	case probe.VerdictCrossed:
		return probe.FindingSimultaneousOpen
	case probe.VerdictReset:
		return probe.FindingResetAfterEstablished
	}
	return ""
}

// conclusion says how a handshake ended, what was found, and what of it is not in the file.
func (a *account) conclusion(r *probe.Result) []string {
	comments := []string{report.Verdict(r)}
	for _, f := range r.Findings {
		comments = append(comments, "finding: "+string(f))
	}
	if a.omitted > 0 {
		comments = append(comments, fmt.Sprintf("not in this file: %d DNS messages that a socket of the kernel carried, with headers that are not known", a.omitted))
	}
	return comments
}
