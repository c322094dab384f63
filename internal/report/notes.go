package report

import (
	"fmt"
	"strings"

	"tcpprobe/internal/text"
	"tcpprobe/probe"
)

// Notes says in words what was found, each finding in a line, but for those that the rest of a report says already. It is
// printable.
func Notes(r *probe.Result) (notes []string) {
	silent := r.Outcome == probe.OutcomeTimeout
	if came := evidence(r); silent && len(came) > 0 {
		notes = append(notes, text.Printable("this came, and is no answer of the target: "+strings.Join(came, "; ")))
	}
	if note := foreignRST(r); note != "" {
		notes = append(notes, note)
	}
	if note := elsewhereConnected(r.TCP); note != "" {
		notes = append(notes, note)
	}
	for _, f := range r.Findings {
		if _, told := strays[f]; told && silent {
			continue // evidence has named it
		}
		if note := finding(f, r); note != "" {
			notes = append(notes, text.Printable(note))
		}
	}
	return notes
}

// Also says which other addresses the name has, and how they are probed; "" if there are none.
func Also(r *probe.Result) string {
	const most = 3 // that are named
	var named []string
	for _, a := range r.Also[:min(len(r.Also), most)] {
		named = append(named, a.String())
	}
	switch more := len(r.Also) - len(named); {
	case len(named) == 0:
		return ""
	case more > 0:
		return fmt.Sprintf("also %s and %d more: --all probes all %d", strings.Join(named, ", "), more, len(r.Also)+1)
	case len(named) == 1:
		return fmt.Sprintf("also %s: --all probes both", named[0])
	}
	return fmt.Sprintf("also %s: --all probes all %d", strings.Join(named, ", "), len(r.Also)+1)
}

// Translator says through which translator the handshake is, and with whom; "" if through none.
func Translator(r *probe.Result) string {
	if r.NAT64 == nil || r.Address != r.NAT64.Synthesized {
		return ""
	}
	return fmt.Sprintf("through NAT64 %v: %v behind it", r.NAT64.Prefix, r.NAT64.Address)
}

// finding says in words what was found; "" if the rest of the report says it already.
func finding(f probe.Finding, r *probe.Result) string {
	switch f {
	case probe.FindingSYNRetransmitted:
		if r.TCP == nil || !r.TCP.Answered {
			return ""
		}
		if r.TCP.ByKernel() {
			return fmt.Sprintf("the kernel sent %s; which was answered is not known", text.Count(r.TCP.SYNSent, "SYN"))
		}
		if r.TCP.RTTAmbiguous && r.TCP.AnsweredSYN > 0 {
			return whichSYN(r.TCP.AnsweredSYN, r.TCP.SYNSent) + " was answered; if that was a repetition, rtt counts the wait for it"
		}
		if r.TCP.RTTAmbiguous {
			return whichSYN(0, r.TCP.SYNSent) + " was answered, not known which; rtt counts from the last"
		}
		return whichSYN(r.TCP.AnsweredSYN, r.TCP.SYNSent) + " was answered; rtt counts from that one"
	case probe.FindingDuplicateSYNACK:
		return "duplicate SYN-ACK: our ACK was lost, or the accept queue is full"
	case probe.FindingStalePeerState:
		return "the peer acknowledged what we never sent: it has an old connection"
	case probe.FindingResetAfterEstablished:
		return "the peer accepted the connection and then reset it"
	case probe.FindingRSTIgnored:
		return "a RST was ignored, since it proves nothing about our SYN"
	case probe.FindingPeerSpeaksFirst:
		return "the peer speaks first: data or FIN came before we sent any"
	case probe.FindingOptionsMalformed:
		return "the peer's options cannot be read to their end"
	case probe.FindingChecksumInvalid:
		return "segments with a wrong checksum were discarded"
	case probe.FindingSimultaneousOpen:
		return "simultaneous open: the peer's SYN crossed ours"
	case probe.FindingARPConflict, probe.FindingNDPConflict:
		return "two MACs answer for the next hop: two hosts, or one with two interfaces"
	case probe.FindingARPUnanswered:
		return "the next hop did not answer ARP; its MAC is that of the kernel's entry"
	case probe.FindingNDPUnanswered:
		return "the next hop did not answer NDP; its MAC is that of the kernel's entry"
	case probe.FindingLinkLocalSource:
		return fmt.Sprintf("our address %v is link-local: a router goes no further with it", r.Route.Source)
	case probe.FindingNextHopMoved:
		return "the next hop is at another MAC than before"
	case probe.FindingNextHopOwnMAC:
		return "the next hop has the same MAC as our own interface"
	case probe.FindingNextHopGroupMAC:
		return "the next hop has the MAC of a group: every member gets our frames"
	case probe.FindingAddressConflict:
		return "another host claims our own address"
	case probe.FindingICMPThenAnswer:
		return "an ICMP error quoted our SYN, and yet the peer answered"
	case probe.FindingTimestampsMismatch:
		return "the SYN-ACK echoes a time stamp that we never sent" + refusedByLinux(r)
	case probe.FindingMD5Signature:
		return "the SYN-ACK has an MD5 signature: Linux drops it, no application connects"
	case probe.FindingCloseUnanswered:
		return "the peer did not close its side, and was reset at the end"
	case probe.FindingFragmentIgnored:
		return "a fragment was ignored: part of a datagram cannot be judged"
	case probe.FindingDNSAnswerDamaged:
		return "a part of the DNS answer cannot be read; the rest was used"
	case probe.FindingAnsweredElsewhere:
		return fmt.Sprintf("the answer came by %s, not by %s: with rp_filter no application gets it", r.TCP.ArrivedOn, r.Route.Interface)
	case probe.FindingPortOutsideRange:
		return fmt.Sprintf("all ports of ip_local_port_range are in use: port %d is outside of it", r.TCP.Local.Port())
	case probe.FindingRepathed:
		return "a SYN with another flow label was answered: the first one's path may be broken"
	case probe.FindingMTUBelowMinimum:
		return "a router named an MTU below 1280, which no link of IPv6 has: ignored"
	}
	return string(f)
}

// refusedByLinux says that no application of this host would get a connection by a SYN-ACK whose time stamp echo is none
// of ours. Linux takes an echo of 0 for none.
func refusedByLinux(r *probe.Result) string {
	for i := range r.Events {
		e := &r.Events[i]
		if e.Kind != probe.EventSegmentReceived || e.Segment.Verdict != probe.VerdictOpened {
			continue
		}
		if _, echo, ok := e.Segment.Header.Options.Timestamps(); ok && echo == 0 {
			return ""
		}
	}
	return ": Linux resets it, no application connects"
}
