package report_test

import (
	"errors"
	"net/netip"
	"strings"

	"tcpprobe/icmp"
	"tcpprobe/probe"
	"tcpprobe/tcphdr"
)

// failedCases are the handshakes that did not come about, and last those with names and words of hostile people.
var failedCases = []testCase{
	{"refused", func() *probe.Result {
		j := arrived(81)
		j.syn(2.301)
		j.Outcome = probe.OutcomeRefused
		j.TCP.State = probe.StateClosed
		j.TCP.Answered, j.TCP.RTT, j.TCP.AnsweredSYN, j.TCP.TTL = true, milliseconds(11.401), 1, 57
		e := j.in(13.702, tcphdr.RST|tcphdr.ACK, 0, iss+1, nil, 0, probe.VerdictRefused)
		e.Step, e.Segment.Answers = milliseconds(11.401), 1
		return j.Result
	}},
	{"refused_with_message", func() *probe.Result {
		j := arrived(65535)
		j.syn(2.301)
		j.syn(1002.9)
		j.Outcome = probe.OutcomeRefused
		j.TCP.State = probe.StateClosed
		j.TCP.Answered, j.TCP.RTT, j.TCP.RTTAmbiguous, j.TCP.TTL = true, milliseconds(899.401), true, 57
		e := j.in(1902.301, tcphdr.RST|tcphdr.ACK, 0, iss+1, nil, 30, probe.VerdictRefused)
		e.Step = milliseconds(899.401)
		j.Findings = []probe.Finding{probe.FindingSYNRetransmitted}
		return j.Result
	}},
	{"timeout", func() *probe.Result {
		j := arrived(8443)
		j.syn(2.301)
		j.syn(1002.644)
		j.timedOut(3000.093)
		j.Findings = []probe.Finding{probe.FindingSYNRetransmitted}
		return j.Result
	}},
	{"timeout_stale_peer", func() *probe.Result {
		j := arrived(8443)
		j.syn(2.301)
		j.in(14, tcphdr.ACK, 77, 78, nil, 0, probe.VerdictACKUnacceptable)
		j.out(14.05, tcphdr.RST, 78, 0, nil)
		j.timedOut(1002.4)
		j.Findings = []probe.Finding{probe.FindingStalePeerState}
		return j.Result
	}},
	{"timeout_evidence", func() *probe.Result {
		j := arrived(8443)
		j.syn(2.301)
		j.in(14, tcphdr.RST, 77, 0, nil, 0, probe.VerdictRSTUnproven).Segment.TTL = 61
		j.in(15, tcphdr.RST, 78, 0, nil, 0, probe.VerdictRSTUnproven).Segment.TTL = 61
		j.in(16, tcphdr.ACK, 77, iss+1, nil, 0, probe.VerdictDropped)
		j.timedOut(1002.4)
		j.Findings = []probe.Finding{probe.FindingRSTIgnored, probe.FindingChecksumInvalid, probe.FindingFragmentIgnored}
		return j.Result
	}},
	{"timeout_damaged", func() *probe.Result {
		j := arrived(8443)
		j.syn(2.301)
		j.Findings = []probe.Finding{probe.FindingChecksumInvalid}
		j.timedOut(1002.4)
		return j.Result
	}},
	{"timeout_answer_from_elsewhere", func() *probe.Result {
		j := arrived(8443)
		j.syn(2.301)
		j.TCP.Strays = []probe.Stray{{Kind: probe.StrayElsewhere, Count: 2, From: netip.MustParseAddrPort("192.0.2.90:8443")}}
		j.timedOut(1002.4)
		return j.Result
	}},
	{"timeout_long_target", func() *probe.Result {
		j := arrived(8443)
		j.Target = "a-host-with-a-name.example.com:8443"
		j.syn(2.301)
		j.timedOut(1002.4)
		return j.Result
	}},
	{"refused_by_another", func() *probe.Result {
		j := arrived(81)
		j.syn(2.301)
		j.in(13.1, tcphdr.ACK, 77, 78, nil, 0, probe.VerdictACKUnacceptable)
		j.Outcome = probe.OutcomeRefused
		j.TCP.State = probe.StateClosed
		j.TCP.Answered, j.TCP.RTT, j.TCP.AnsweredSYN, j.TCP.TTL = true, milliseconds(11.401), 1, 63
		e := j.in(13.702, tcphdr.RST|tcphdr.ACK, 0, iss+1, nil, 0, probe.VerdictRefused)
		e.Step, e.Segment.Answers, e.Segment.TTL = milliseconds(11.401), 1, 63
		return j.Result
	}},
	{"refused_ttl_zero", func() *probe.Result {
		j := arrived(81)
		j.syn(2.301)
		j.Outcome = probe.OutcomeRefused
		j.TCP.State = probe.StateClosed
		j.TCP.Answered, j.TCP.RTT, j.TCP.AnsweredSYN = true, milliseconds(0.001), 1
		e := j.in(2.302, tcphdr.RST|tcphdr.ACK, 0, iss+1, nil, 0, probe.VerdictRefused)
		e.Segment.Answers, e.Segment.TTL = 1, 0
		return j.Result
	}},
	{"unreachable_first_router", func() *probe.Result {
		j := arrived(443)
		j.syn(2.301)
		j.rejected(8.120, 5.819, gateway, icmp.DestinationUnreachable, icmp.AdministrativelyProhibited, 63, 0)
		return j.Result
	}},
	{"unreachable_prohibited", func() *probe.Result {
		j := arrived(443)
		j.syn(2.301)
		j.rejected(8.120, 5.819, router, icmp.DestinationUnreachable, icmp.AdministrativelyProhibited, 62, 0)
		return j.Result
	}},
	{"unreachable_port", func() *probe.Result {
		j := arrived(443)
		j.syn(2.301)
		j.rejected(208.120, 205.819, remote, icmp.DestinationUnreachable, icmp.PortUnreachable, 64, 0)
		return j.Result
	}},
	{"unreachable_host", func() *probe.Result {
		j := arrived(443)
		j.syn(2.301)
		j.rejected(3049.120, 3046.819, router, icmp.DestinationUnreachable, icmp.HostUnreachable, 65, 0)
		return j.Result
	}},
	{"unreachable_network", func() *probe.Result {
		j := arrived(443)
		j.syn(2.301)
		j.rejected(8.120, 5.819, router, icmp.DestinationUnreachable, icmp.NetworkUnreachableForTOS, 60, 0)
		return j.Result
	}},
	{"unreachable_hops", func() *probe.Result {
		j := arrived(443)
		j.syn(2.301)
		j.rejected(8.120, 5.819, router, icmp.TimeExceeded, icmp.TimeToLiveExceeded, 1, 0)
		return j.Result
	}},
	{"unreachable_parameter", func() *probe.Result {
		j := arrived(443)
		j.syn(2.301)
		j.rejected(8.120, 5.819, router, icmp.ParameterProblem, 0, 62, 0)
		return j.Result
	}},
	{"unreachable_fragmentation", func() *probe.Result {
		j := arrived(443)
		j.syn(2.301)
		j.rejected(8.120, 5.819, router, icmp.DestinationUnreachable, icmp.FragmentationNeeded, 62, 68)
		return j.Result
	}},
	{"unreachable_other", func() *probe.Result {
		j := arrived(443)
		j.syn(2.301)
		j.rejected(8.120, 5.819, router, icmp.DestinationUnreachable, 99, 62, 0)
		return j.Result
	}},
	{"dns_error_no_name", func() *probe.Result {
		j := newExchange("exmaple.com", 80, "exmaple.com:80")
		j.asked(0, "exmaple.com", 1)
		j.resolved(2.104, 2.104, "NXDOMAIN", nil)
		j.Outcome = probe.OutcomeDNSError
		j.Err = errors.New("exmaple.com does not exist, says 203.0.113.53 (NXDOMAIN)")
		return j.Result
	}},
	{"dns_error_silence", func() *probe.Result {
		j := newExchange("example.com", 80, "example.com:80")
		j.asked(0, "example.com", 1)
		j.event(probe.Event{Kind: probe.EventDNSSilence, At: j.at(5000.1), DNS: &probe.DNSMessage{Server: dns, Attempt: 1}})
		j.asked(5000.2, "example.com", 2)
		e := j.event(probe.Event{Kind: probe.EventDNSAnswer, At: j.at(5003.1), DNS: &probe.DNSMessage{
			Server: netip.MustParseAddrPort("203.0.113.54:5353"), Local: netip.MustParseAddrPort("198.51.100.15:40001"), Transport: "udp", Note: "ignored: the ID is not ours",
		}})
		e.Step = 0
		j.event(probe.Event{Kind: probe.EventDNSSilence, At: j.at(10000.3), DNS: &probe.DNSMessage{Server: dns, Attempt: 2}})
		j.DNS.Duration = milliseconds(10000.3)
		j.Outcome = probe.OutcomeDNSError
		j.Err = errors.New("no answer from 203.0.113.53 for example.com")
		return j.Result
	}},
	{"dns_error_no_address", func() *probe.Result {
		j := newExchange("example.com", 80, "example.com:80")
		j.asked(0, "example.com", 1)
		j.resolved(2.104, 2.104, "NOERROR", []string{"cdn.example.net"})
		j.Outcome = probe.OutcomeDNSError
		j.Err = errors.New("example.com exists but has no IPv4 address, says 203.0.113.53")
		return j.Result
	}},
	{"no_route", func() *probe.Result {
		j := newExchange("192.0.2.80", 80, "192.0.2.80:80")
		j.DNS = &probe.DNS{Source: "literal", Addresses: []netip.Addr{remote}}
		j.Outcome = probe.OutcomeNoRoute
		j.Err = errors.New("no route to 192.0.2.80 through eth1")
		return j.Result
	}},
	{"no_route_nat64", func() *probe.Result {
		j := newExchange("192.0.2.80", 65535, "192.0.2.80:65535")
		j.Address = remote
		j.DNS = &probe.DNS{Source: "literal", Addresses: []netip.Addr{remote}}
		j.Outcome = probe.OutcomeNoRoute
		j.Err = errors.New("no route to 192.0.2.80")
		j.NAT64 = &probe.NAT64{
			Prefix: netip.MustParsePrefix("2001:db8:1111:2222:33:4444::/96"), Address: remote, Synthesized: netip.MustParseAddr("2001:db8:1111:2222:33:4444:c000:250"),
		}
		return j.Result
	}},
	{"arp_timeout_gateway", func() *probe.Result {
		j := newExchange("example.com", 80, "example.com:80")
		j.asked(0, "example.com", 1)
		j.resolved(1.912, 1.912, "NOERROR", []string{"www.example.net", "cdn.example.net"}, remote, router)
		j.routed(1.930, viaGateway())
		j.silentNextHop()
		return j.Result
	}},
	{"arp_timeout_unused_reply", func() *probe.Result {
		j := newExchange("example.com", 80, "example.com:80")
		j.routed(1.930, viaGateway())
		j.arpAsked(1.951, 1)
		j.event(probe.Event{Kind: probe.EventNeighborReply, At: j.at(2.1), Neighbor: &probe.NeighborPacket{
			Interface: "eth0", Address: gateway, Note: "the sender's address is of a group",
		}})
		j.NextHop.Duration = milliseconds(1000.389)
		j.event(probe.Event{Kind: probe.EventNeighborSilence, At: j.at(1002.340), Neighbor: &probe.NeighborPacket{Interface: "eth0", Address: gateway, Attempt: 1, Attempts: 1}})
		j.Outcome, j.Err = probe.OutcomeARPTimeout, errors.New("no answer")
		return j.Result
	}},
	{"arp_timeout_on_link", func() *probe.Result {
		j := newExchange("198.51.100.77", 80, "198.51.100.77:80")
		j.DNS = &probe.DNS{Source: "literal", Addresses: []netip.Addr{netip.MustParseAddr("198.51.100.77")}}
		j.routed(1.930, &probe.Route{Interface: "eth0", Source: local, NextHop: netip.MustParseAddr("198.51.100.77"), OnLink: true, MTU: 1500})
		j.silentNextHop()
		return j.Result
	}},
	{"local_error", func() *probe.Result {
		j := arrived(80)
		j.entered(probe.StateSYNSent, 2.301)
		j.Outcome = probe.OutcomeLocalError
		j.Err = errors.New("write packet eth0: sendmsg: network is down")
		return j.Result
	}},
	{"interrupted_permanent_neighbour", func() *probe.Result {
		j := newExchange("hosts.example", 443, "hosts.example:443")
		j.DNS = &probe.DNS{Source: "hosts", Name: "hosts.example", Addresses: []netip.Addr{remote}}
		j.routed(0.1, viaGateway())
		j.NextHop = &probe.NextHop{Source: "permanent", Address: gateway, MAC: gatewayMAC}
		j.begin()
		j.syn(0.2)
		j.Outcome = probe.OutcomeInterrupted
		return j.Result
	}},
	{"dns_error_refused", func() *probe.Result {
		j := newExchange("db.example", 80, "db.example:80")
		j.asked(0, "db.example", 1)
		j.DNS.Server = netip.MustParseAddrPort("203.0.113.54:5353")
		j.Events[0].DNS.Server = j.DNS.Server
		j.resolved(2.104, 2.104, "REFUSED", nil)
		j.Outcome = probe.OutcomeDNSError
		j.Err = errors.New("203.0.113.54:5353 refuses to resolve db.example (REFUSED)")
		return j.Result
	}},
	{"interrupted_after_damaged_answer", func() *probe.Result {
		j := newExchange("www", 80, "www:80")
		j.asked(0, "www.corp.example", 1)
		j.resolved(1.912, 1.912, "NOERROR", nil, remote, netip.MustParseAddr("192.0.2.81"))
		j.DNS.Searched, j.DNS.Omitted = true, 2976
		j.Events[0].DNS.Searched = true
		j.Events[1].DNS.Omitted, j.Events[1].DNS.Damaged = 2976, true
		j.Findings = append(j.Findings, probe.FindingDNSAnswerDamaged)
		j.Outcome = probe.OutcomeInterrupted
		return j.Result
	}},
	{"unreachable_port_by_firewall", func() *probe.Result {
		j := arrived(443)
		j.syn(2.301)
		j.rejected(8.120, 5.819, router, icmp.DestinationUnreachable, icmp.PortUnreachable, 62, 0)
		return j.Result
	}},
	{"interrupted", func() *probe.Result {
		j := arrived(80)
		j.syn(2.301)
		j.syn(1002.644)
		j.Outcome = probe.OutcomeInterrupted
		j.Findings = []probe.Finding{probe.FindingSYNRetransmitted}
		return j.Result
	}},
	{"interrupted_early", func() *probe.Result {
		j := newExchange("example.com", 80, "example.com:80")
		j.Outcome = probe.OutcomeInterrupted
		return j.Result
	}},
	{"pending", func() *probe.Result { return newExchange("example.com", 80, "example.com:80").Result }},
	{"hostile_names", func() *probe.Result {
		name := hostile + strings.Repeat("a", 300)
		j := newExchange(name, 65535, name+":65535")
		j.asked(0, name, 2)
		j.resolved(1.912, 1.912, hostile, []string{hostile, name}, remote)
		j.Events[0].DNS.Note, j.Events[1].DNS.Note = hostile, name
		way := viaGateway()
		way.Interface = hostile
		j.routed(1.930, way)
		j.arpAsked(1.951, 1)
		j.arpAnswered(2.240, 0.289)
		j.Events[3].Neighbor.Note, j.Events[4].Neighbor.Note = hostile, name
		j.begin()
		j.syn(2.301)
		j.rejected(8.120, 5.819, router, icmp.DestinationUnreachable, icmp.HostUnreachable, 62, 0)
		j.Result.ICMP[0].Name = name
		j.timedOut(3000)
		j.Findings = []probe.Finding{hostile, probe.Finding(name)}
		return j.Result
	}},
	{"hostile_error", func() *probe.Result {
		name := hostile + strings.Repeat("日本", 150)
		j := newExchange(name, 65535, name+":65535")
		j.Outcome = probe.OutcomeDNSError
		j.Err = errors.New(name + " does not exist, says " + hostile)
		return j.Result
	}},
	{"hostile_next_hop", func() *probe.Result {
		j := newExchange("example.com", 80, "example.com:80")
		way := viaGateway()
		way.Interface = hostile
		j.routed(1.930, way)
		j.silentNextHop()
		return j.Result
	}},
	{"wide_name", func() *probe.Result {
		j := newExchange(wide, 80, wide+":80")
		j.asked(0, wide, 1)
		j.Outcome, j.Err = probe.OutcomeDNSError, errors.New(wide+" does not exist, says 203.0.113.53 (NXDOMAIN)")
		return j.Result
	}},
	{"wide_name_established", func() *probe.Result {
		j := arrived(80)
		j.Target = wide + ":80"
		j.syn(2.301)
		j.accepted(13.874, 11.573)
		return j.Result
	}},
	{"hostile_target_established", func() *probe.Result {
		j := newExchange("example.com", 80, "example.com:80")
		j.toNextHop()
		j.Target = strings.Repeat("sub.", 60) + "example.com:80"
		j.syn(2.301)
		j.accepted(13.874, 11.573)
		return j.Result
	}},
}
