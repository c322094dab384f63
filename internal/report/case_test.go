package report_test

import (
	"errors"
	"net/netip"
	"slices"
	"strings"
	"time"

	"tcpprobe/icmp"
	"tcpprobe/internal/stamp"
	"tcpprobe/probe"
	"tcpprobe/tcphdr"
)

// testCase is a result that a golden file is made of.
type testCase struct {
	name string
	make func() *probe.Result
}

// cases are all of them.
var cases = slices.Concat(establishedCases, failedCases, ipv6Cases)

// establishedCases are the handshakes that came about.
var establishedCases = []testCase{
	{"established", func() *probe.Result {
		j := arrived(80)
		j.syn(2.301)
		j.accepted(13.874, 11.573)
		j.closed(13.874)
		return j.Result
	}},
	{"established_second_syn", func() *probe.Result {
		j := arrived(80)
		j.syn(2.301)
		j.syn(1002.644)
		j.accepted(1014.285, 11.641)
		j.closed(1014.285)
		j.Findings = []probe.Finding{probe.FindingSYNRetransmitted}
		return j.Result
	}},
	{"established_ambiguous_user_clock", func() *probe.Result {
		j := arrived(80)
		j.user = true
		j.syn(2.301)
		j.syn(1002.644)
		e := j.answered(1014.285, 11.641, tcphdr.AppendMSS(nil, 1460))
		e.Segment.Answers = 0
		j.TCP.AnsweredSYN, j.TCP.RTTAmbiguous, j.TCP.Clock = 0, true, stamp.User
		j.completed(1014.285)
		j.Findings = []probe.Finding{probe.FindingSYNRetransmitted}
		return j.Result
	}},
	{"established_far_away", func() *probe.Result {
		j := arrived(80)
		j.syn(2.301)
		j.answered(237.874, 235.573, linuxOptions(1460, 10, 881234, 1002)).Segment.TTL = 115
		j.completed(237.874)
		return j.Result
	}},
	{"established_very_late", func() *probe.Result {
		j := arrived(80)
		j.syn(2.301)
		j.answered(120000.123, 119997.822, linuxOptions(65495, 14, 881234, 1002))
		j.completed(120000.123)
		return j.Result
	}},
	{"established_literal_loopback", func() *probe.Result {
		j := newExchange("127.0.0.1", 8080, "127.0.0.1:8080")
		loopback := netip.MustParseAddr("127.0.0.1")
		j.DNS = &probe.DNS{Source: "literal", Addresses: []netip.Addr{loopback}}
		j.routed(0.011, &probe.Route{Interface: "lo", Source: loopback, NextHop: loopback, OnLink: true, MTU: 65535})
		j.NextHop = &probe.NextHop{Source: "not_needed"}
		j.begin()
		j.Address, j.TCP.Remote, j.TCP.Send = loopback, netip.AddrPortFrom(loopback, 8080), "ip"
		j.syn(0.052)
		j.answered(0.083, 0.031, linuxOptions(65495, 7, 881234, 1000)).Segment.TTL = 64
		j.TCP.TTL = 64
		j.completed(0.083)
		return j.Result
	}},
	{"established_half", func() *probe.Result {
		j := arrived(80)
		j.TCP.Close = probe.CloseHalf
		j.syn(2.301)
		j.answered(13.874, 11.573, linuxOptions(1400, 7, 881234, 1002))
		j.TCP.State = probe.StateClosed
		j.out(13.902, tcphdr.RST, iss+1, 0, nil)
		return j.Result
	}},
	{"established_reset_by_us", func() *probe.Result {
		j := arrived(80)
		j.TCP.Close = probe.CloseRST
		j.syn(2.301)
		j.accepted(13.874, 11.573)
		j.TCP.State = probe.StateClosed
		j.out(13.940, tcphdr.RST, iss+1, 0, nil)
		return j.Result
	}},
	{"established_peer_speaks", func() *probe.Result {
		j := arrived(22)
		j.syn(2.301)
		j.accepted(13.874, 11.573)
		j.out(13.931, tcphdr.FIN|tcphdr.ACK, iss+1, irs+1, laterOptions(1012, 881234))
		j.in(25.1, tcphdr.PSH|tcphdr.ACK, irs+1, iss+1, laterOptions(881245, 1012), 41, probe.VerdictData)
		j.out(25.13, tcphdr.ACK, iss+2, irs+42, laterOptions(1024, 881245))
		j.TCP.State = probe.StateFINWait2
		j.in(25.4, tcphdr.ACK, irs+42, iss+2, laterOptions(881246, 1012), 0, probe.VerdictAcknowledged)
		j.entered(probe.StateFINWait2, 25.4)
		j.entered(probe.StateClosed, 31)
		j.in(31, tcphdr.RST|tcphdr.ACK, irs+42, iss+2, nil, 0, probe.VerdictReset)
		j.Findings = []probe.Finding{probe.FindingPeerSpeaksFirst, probe.FindingResetAfterEstablished}
		return j.Result
	}},
	{"established_duplicate_syn_ack", func() *probe.Result {
		j := arrived(80)
		j.syn(2.301)
		j.accepted(13.874, 11.573)
		j.out(13.931, tcphdr.FIN|tcphdr.ACK, iss+1, irs+1, laterOptions(1012, 881234))
		j.in(1014.1, tcphdr.SYN|tcphdr.ACK, irs, iss+1, linuxOptions(1400, 7, 882234, 1002), 0, probe.VerdictDuplicate)
		j.out(1014.13, tcphdr.ACK, iss+2, irs+1, laterOptions(2014, 882234))
		e := j.out(1014.2, tcphdr.FIN|tcphdr.ACK, iss+1, irs+1, laterOptions(2014, 882234))
		e.Segment.Again, e.Segment.After = 1, 1000269*time.Microsecond
		j.TCP.State = probe.StateClosed
		j.out(1513.9, tcphdr.RST, iss+2, 0, nil)
		j.Findings = []probe.Finding{probe.FindingDuplicateSYNACK, probe.FindingCloseUnanswered}
		return j.Result
	}},
	{"established_past_firewall", func() *probe.Result {
		j := arrived(80)
		j.syn(2.301)
		j.accepted(13.874, 11.573)
		j.closed(13.874)
		j.TCP.Bypassed = []string{"nftables input", "nftables nat", "nftables output", "IPsec"}
		j.TCP.ArrivedOn = "eth1"
		j.Findings = []probe.Finding{probe.FindingAnsweredElsewhere, probe.FindingPortOutsideRange}
		return j.Result
	}},
	{"established_after_noise", func() *probe.Result {
		j := arrived(80)
		j.syn(2.301)
		j.in(2.9, tcphdr.ACK, 77, 78, nil, 0, probe.VerdictACKUnacceptable)
		j.out(2.95, tcphdr.RST, 78, 0, nil)
		j.in(3.1, tcphdr.RST, 99, 0, nil, 0, probe.VerdictRSTUnproven)
		j.in(3.2, tcphdr.RST|tcphdr.ACK, 99, iss+1, laterOptions(5, 6), 0, probe.VerdictTimestampUnproven)
		j.in(3.3, tcphdr.FIN, 99, 0, nil, 0, probe.VerdictDropped)
		j.rejected(8.120, 5.819, router, icmp.DestinationUnreachable, icmp.HostUnreachable, 62, 0)
		j.accepted(13.874, 11.573)
		j.in(14.5, tcphdr.ACK, irs+99999, iss+1, nil, 3, probe.VerdictOutOfWindow)
		j.in(14.6, tcphdr.SYN, irs+5, 0, nil, 0, probe.VerdictChallenged)
		j.in(14.7, tcphdr.ACK, irs+1, iss+2, nil, 0, probe.VerdictLate)
		j.TCP.Strays = []probe.Stray{{Kind: probe.StrayUnrelated, Count: 7}}
		j.Findings = []probe.Finding{
			probe.FindingStalePeerState, probe.FindingRSTIgnored, probe.FindingICMPThenAnswer, probe.FindingChecksumInvalid, probe.FindingARPConflict, probe.FindingARPUnanswered, probe.FindingNextHopMoved, probe.FindingNextHopOwnMAC, probe.FindingNextHopGroupMAC,
			probe.FindingAddressConflict, probe.FindingTimestampsMismatch, probe.FindingFragmentIgnored,
		}
		return j.Result
	}},
	{"established_simultaneous_open", func() *probe.Result {
		j := arrived(80)
		j.syn(2.301)
		j.entered(probe.StateSYNReceived, 7)
		j.in(7, tcphdr.SYN, irs, 0, linuxOptions(1400, 7, 881234, 0), 0, probe.VerdictCrossed)
		e := j.out(7.05, tcphdr.SYN|tcphdr.ACK, iss, irs+1, linuxOptions(1460, 7, 1004, 881234))
		e.Segment.Tries = 2
		j.TCP.SYNSent++
		j.accepted(13.874, 6.824)
		j.Findings = []probe.Finding{probe.FindingSimultaneousOpen}
		return j.Result
	}},
	{"established_ecn", func() *probe.Result {
		j := arrived(80)
		j.TCP.SYNSent = 1
		j.entered(probe.StateSYNSent, 2.301)
		j.out(2.301, tcphdr.SYN|tcphdr.ECE|tcphdr.CWR, iss, 0, linuxOptions(1460, 7, 1000, 0))
		e := j.in(13.874, tcphdr.SYN|tcphdr.ACK|tcphdr.ECE, irs, iss+1, linuxOptions(1400, 7, 881234, 1000), 0, probe.VerdictOpened)
		e.Step, e.Segment.Answers = milliseconds(11.573), 1
		j.Outcome = probe.OutcomeEstablished
		j.TCP.Answered, j.TCP.RTT, j.TCP.AnsweredSYN, j.TCP.TTL = true, milliseconds(11.573), 1, 57
		j.TCP.Peer = &probe.Peer{MSS: 1400, HasMSS: true, ECN: probe.ECNClassic, Window: 65160}
		j.completed(13.874)
		return j.Result
	}},
	{"established_strange_options", func() *probe.Result {
		j := arrived(80)
		j.syn(2.301)
		options := tcphdr.Options{
			8, 4, 1, 2, // timestamps of the wrong length
			253, 6, 0xf9, 0x89, 0x1b, 0x5d,
			5, 10, 0, 0, 0, 1, 0, 0, 0, 9,
			3, 3, 15, 99, 2, 2, 0, 4, // window scale, an unknown kind, and MSS cut to nothing
		}
		j.answered(13.874, 11.573, append(options[:26:26], 254, 200, 7, 7, 7, 7))
		j.completed(13.874)
		j.Findings = []probe.Finding{probe.FindingOptionsMalformed}
		return j.Result
	}},
}

// wide is a name of 38 characters that takes 74 columns.
var wide = strings.Repeat("例えば", 11) + ".テスト" + "e\u0301"

// hostile has something of everything that must not reach a terminal.
const hostile = "\x1b]0;owned\x07\x9b31m\u202egnp\x00\r\"'\\ \u0085\U000e0001"

func (j *exchange) silentNextHop() {
	j.arpAsked(1.951, 1)
	j.arpAsked(1002.080, 2)
	j.arpAsked(2002.211, 3)
	j.NextHop.Duration = milliseconds(3000.389)
	j.event(probe.Event{Kind: probe.EventNeighborSilence, At: j.at(3002.340), Neighbor: &probe.NeighborPacket{
		Interface: j.Route.Interface, Address: j.Route.NextHop, Attempt: 3, Attempts: 3,
	}})
	j.Outcome = probe.OutcomeARPTimeout
	j.Err = errors.New("no answer")
}
