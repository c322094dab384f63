package diagram_test

import (
	"errors"
	"net/netip"
	"strings"
	"time"

	"tcpprobe/icmp"
	"tcpprobe/internal/stamp"
	"tcpprobe/probe"
	"tcpprobe/tcphdr"
)

// The hosts of the examples (RFC 5737).
var (
	local   = netip.MustParseAddrPort("198.51.100.15:48211")
	gateway = netip.MustParseAddr("198.51.100.1")
	remote  = netip.MustParseAddr("192.0.2.80")
	router  = netip.MustParseAddr("203.0.113.9")
	server  = netip.MustParseAddrPort("203.0.113.53:53")
	noon    = time.Date(2026, 11, 22, 12, 0, 0, 123456789, time.UTC)
)

const (
	iss = tcphdr.SeqNum(2871324873)
	irs = tcphdr.SeqNum(523925458)
)

// exchange makes a result by hand, event by event.
type exchange struct{ *probe.Result }

func newExchange(host string, port uint16, target string) *exchange {
	return &exchange{&probe.Result{Target: target, Host: host, Port: port, Seq: 1, Time: noon, Start: at(0)}}
}

// at is a time in milliseconds after the start.
func at(t float64) stamp.Stamp { return stamp.Stamp{Kernel: noon.Add(ms(t)), User: noon.Add(ms(t))} }

func ms(t float64) time.Duration { return time.Duration(t*1e6 + 0.5) }

func (s *exchange) event(e probe.Event) *probe.Event {
	s.Events = append(s.Events, e)
	return &s.Events[len(s.Events)-1]
}

func (s *exchange) dns(kind probe.EventKind, t float64, m probe.DNSMessage) {
	m.Server, m.Local, m.Name, m.Transport = server, netip.AddrPortFrom(local.Addr(), 35117), s.Host, "udp"
	e := s.event(probe.Event{Kind: kind, At: at(t), DNS: &m})
	if s.DNS = (&probe.DNS{Source: "dns", Server: server, Name: s.Host}); kind == probe.EventDNSAnswer {
		e.Step = ms(1.912)
		s.DNS.RCode, s.DNS.Addresses, s.DNS.Duration = m.RCode, m.Addresses, e.Step
	}
}

func (s *exchange) arp(kind probe.EventKind, t float64, p probe.NeighborPacket) {
	p.Interface, p.Address, p.Attempts = s.Route.Interface, s.Route.NextHop, 3
	p.MAC = [6]byte{0x02, 0, 0, 0, 0, 0x01}
	e := s.event(probe.Event{Kind: kind, At: at(t), Neighbor: &p})
	if s.NextHop = (&probe.NextHop{Source: "arp", Address: p.Address}); kind == probe.EventNeighborReply {
		e.Step = ms(0.289)
		s.NextHop.Duration = e.Step
	}
}

func (s *exchange) routed(t float64, r probe.Route) {
	r.Source, r.MTU = local.Addr(), 1500
	s.Route = &r
	s.event(probe.Event{Kind: probe.EventRouteFound, At: at(t), Route: &r})
}

// arrived goes all the way to the first SYN.
func arrived(port uint16, target string) *exchange {
	s := newExchange("example.com", port, target)
	s.dns(probe.EventDNSQuery, 0, probe.DNSMessage{Attempt: 1})
	s.dns(probe.EventDNSAnswer, 1.912, probe.DNSMessage{Attempt: 1, RCode: "NOERROR", Addresses: []netip.Addr{remote}, TTL: 3600})
	s.routed(1.930, probe.Route{Interface: "eth0", NextHop: gateway})
	s.arp(probe.EventNeighborRequest, 1.951, probe.NeighborPacket{Attempt: 1})
	s.arp(probe.EventNeighborReply, 2.240, probe.NeighborPacket{})
	s.begin()
	return s
}

func (s *exchange) begin() {
	s.TCP = &probe.TCP{Local: local, Remote: netip.AddrPortFrom(remote, s.Port), State: probe.StateSYNSent, Clock: stamp.Kernel}
}

func linux(mss uint16, val, ecr uint32) tcphdr.Options {
	o := tcphdr.AppendSACKPermitted(tcphdr.AppendMSS(nil, mss))
	return tcphdr.AppendWindowScale(tcphdr.AppendNoOperation(tcphdr.AppendTimestamps(o, val, ecr)), 7)
}

func (s *exchange) segment(kind probe.EventKind, t float64, f tcphdr.Flags, seq, ack tcphdr.SeqNum, o tcphdr.Options) *probe.Event {
	return s.event(probe.Event{Kind: kind, At: at(t), Segment: &probe.Segment{
		Header: tcphdr.Header{Seq: seq, Ack: ack, Flags: f, Options: o}, TTL: 57, State: s.TCP.State,
	}})
}

func (s *exchange) out(t float64, f tcphdr.Flags, seq, ack tcphdr.SeqNum) *probe.Event {
	return s.segment(probe.EventSegmentSent, t, f, seq, ack, nil)
}

func (s *exchange) in(t float64, f tcphdr.Flags, seq, ack tcphdr.SeqNum, v probe.Verdict) *probe.Event {
	e := s.segment(probe.EventSegmentReceived, t, f, seq, ack, nil)
	e.Segment.Verdict = v
	return e
}

// syn sends a SYN, the first or again.
func (s *exchange) syn(t float64) {
	s.TCP.SYNSent++
	e := s.segment(probe.EventSegmentSent, t, tcphdr.SYN, iss, 0, linux(1460, 1000, 0)).Segment
	e.Tries = 2
	if s.TCP.SYNSent > 1 {
		e.Again, e.After = s.TCP.SYNSent-1, time.Duration(s.TCP.SYNSent-1)*time.Second
		s.Findings = []probe.Finding{probe.FindingSYNRetransmitted}
	}
}

// answered gets the SYN-ACK of the last SYN, and sends the ACK.
func (s *exchange) answered(t, rtt float64) {
	s.Outcome = probe.OutcomeEstablished
	s.TCP.Answered, s.TCP.RTT, s.TCP.AnsweredSYN = true, ms(rtt), s.TCP.SYNSent
	e := s.in(t, tcphdr.SYN|tcphdr.ACK, irs, iss+1, probe.VerdictOpened)
	e.Segment.Header.Options = linux(1400, 881234, 1000)
	e.Step, e.Segment.Answers = ms(rtt), s.TCP.SYNSent
	s.TCP.State = probe.StateFINWait1
	s.out(t+0.028, tcphdr.ACK, iss+1, irs+1).Step = ms(0.028)
	s.TCP.Connected, s.TCP.Connect = true, ms(t+0.028-2.301)
}

// closed closes in the usual way.
func (s *exchange) closed(t float64) {
	s.out(t+0.057, tcphdr.FIN|tcphdr.ACK, iss+1, irs+1)
	s.TCP.State = probe.StateTimeWait
	s.in(t+11.606, tcphdr.FIN|tcphdr.ACK, irs+1, iss+2, probe.VerdictFIN).Step = ms(11.549)
	s.out(t+11.616, tcphdr.ACK, iss+2, irs+2)
}

func (s *exchange) timedOut(t float64) {
	s.Outcome = probe.OutcomeTimeout
	s.event(probe.Event{Kind: probe.EventTCPSilence, At: at(t)})
}

func (s *exchange) rejected(t, rtt float64, from netip.Addr, quotedTTL uint8) {
	m := &probe.ICMP{
		From: from, Target: remote, Type: 3, Code: uint8(icmp.AdministrativelyProhibited), Name: "administratively prohibited",
		QuotedTTL: quotedTTL, SentTTL: 64, At: at(t),
	}
	s.event(probe.Event{Kind: probe.EventICMPReceived, At: m.At, Step: ms(rtt), ICMP: m})
	s.ICMP, s.Outcome = append(s.ICMP, m), probe.OutcomeUnreachable
	s.TCP.Answered, s.TCP.RTT, s.TCP.AnsweredSYN = true, ms(rtt), 1
}

// hostile has something of everything that must not reach a page.
const hostile = "</text><script>alert(1)</script>&amp;\"'\x1b]0;x\x07\u202egnp\n;#35;%%{init}end\xff"

// cases are the results that the golden files are made of.
var cases = []struct {
	name string
	make func() *exchange
}{
	{"established", func() *exchange {
		s := arrived(80, "example.com:80")
		s.syn(2.301)
		s.answered(13.874, 11.573)
		s.closed(13.874)
		return s
	}},
	{"second_syn", func() *exchange {
		s := arrived(80, "example.com:80")
		s.syn(2.301)
		s.syn(1002.644)
		s.answered(1014.285, 11.641)
		s.closed(1014.285)
		return s
	}},
	{"ambiguous", func() *exchange {
		s := arrived(80, "example.com:80")
		s.syn(2.301)
		s.syn(1002.644)
		s.answered(1014.285, 11.641)
		s.TCP.AnsweredSYN, s.TCP.RTTAmbiguous = 0, true
		s.Events[len(s.Events)-2].Segment.Answers = 0
		return s
	}},
	{"refused", func() *exchange {
		s := arrived(81, "example.com:81")
		s.syn(2.301)
		s.Outcome = probe.OutcomeRefused
		s.TCP.Answered, s.TCP.RTT, s.TCP.AnsweredSYN = true, ms(11.401), 1
		s.in(13.702, tcphdr.RST|tcphdr.ACK, 0, iss+1, probe.VerdictRefused).Step = ms(11.401)
		return s
	}},
	{"timeout", func() *exchange {
		s := arrived(8443, "example.com:8443")
		s.syn(2.301)
		s.syn(1002.644)
		s.timedOut(3000.093)
		return s
	}},
	{"unreachable", func() *exchange {
		s := arrived(443, "example.com:443")
		s.syn(2.301)
		s.rejected(8.120, 5.819, router, 62)
		return s
	}},
	{"unreachable_by_target", func() *exchange {
		s := arrived(443, "example.com:443")
		s.syn(2.301)
		s.rejected(14, 11.7, remote, 57)
		return s
	}},
	{"icmp_then_answer", func() *exchange {
		s := arrived(80, "example.com:80")
		s.syn(2.301)
		s.rejected(8.120, 5.819, router, 62)
		s.answered(13.874, 11.573)
		s.Findings = []probe.Finding{probe.FindingICMPThenAnswer}
		return s
	}},
	{"noise", func() *exchange {
		s := arrived(80, "example.com:80")
		s.syn(2.301)
		s.in(2.9, tcphdr.ACK, 77, 78, probe.VerdictACKUnacceptable)
		s.out(2.95, tcphdr.RST, 78, 0)
		s.answered(13.874, 11.573)
		s.out(13.931, tcphdr.FIN|tcphdr.ACK, iss+1, irs+1)
		s.in(1014.1, tcphdr.SYN|tcphdr.ACK, irs, iss+1, probe.VerdictDuplicate)
		e := s.out(1014.2, tcphdr.FIN|tcphdr.ACK, iss+1, irs+1)
		e.Segment.Again, e.Segment.After = 1, time.Second
		s.Findings = []probe.Finding{probe.FindingStalePeerState, probe.FindingDuplicateSYNACK}
		return s
	}},
	{"dns_error", func() *exchange {
		s := newExchange("exmaple.com", 80, "exmaple.com:80")
		s.dns(probe.EventDNSQuery, 0, probe.DNSMessage{Attempt: 1})
		s.dns(probe.EventDNSSilence, 5000.1, probe.DNSMessage{Attempt: 1})
		s.dns(probe.EventDNSQuery, 5000.2, probe.DNSMessage{Attempt: 2})
		s.dns(probe.EventDNSAnswer, 5002.1, probe.DNSMessage{Attempt: 2, RCode: "NXDOMAIN"})
		s.Outcome, s.Err = probe.OutcomeDNSError, errors.New("exmaple.com does not exist, says 203.0.113.53 (NXDOMAIN)")
		return s
	}},
	{"arp_timeout", func() *exchange {
		s := newExchange("198.51.100.77", 80, "198.51.100.77:80")
		s.DNS = &probe.DNS{Source: "literal", Addresses: []netip.Addr{netip.MustParseAddr("198.51.100.77")}}
		s.routed(0.1, probe.Route{Interface: "eth0", NextHop: netip.MustParseAddr("198.51.100.77"), OnLink: true})
		s.arp(probe.EventNeighborRequest, 0.2, probe.NeighborPacket{Attempt: 1})
		s.arp(probe.EventNeighborRequest, 1000.3, probe.NeighborPacket{Attempt: 2})
		s.arp(probe.EventNeighborSilence, 2000.5, probe.NeighborPacket{Attempt: 2})
		s.Outcome, s.Err = probe.OutcomeARPTimeout, errors.New("no answer")
		return s
	}},
	{"no_route", func() *exchange {
		s := newExchange("192.0.2.80", 80, "192.0.2.80:80")
		s.DNS = &probe.DNS{Source: "literal", Addresses: []netip.Addr{remote}}
		s.Outcome, s.Err = probe.OutcomeNoRoute, errors.New("no route to 192.0.2.80 through eth1")
		return s
	}},
	{"pending", func() *exchange { return newExchange("example.com", 80, "example.com:80") }},
	{"hostile", func() *exchange {
		name := hostile + strings.Repeat("a", 300)
		s := newExchange(name, 65535, name+":65535")
		s.dns(probe.EventDNSQuery, 0, probe.DNSMessage{Attempt: 2, Note: hostile})
		s.dns(probe.EventDNSAnswer, 1.9, probe.DNSMessage{RCode: hostile, Note: name})
		s.routed(1.930, probe.Route{Interface: hostile, NextHop: gateway})
		s.arp(probe.EventNeighborRequest, 1.951, probe.NeighborPacket{Attempt: 1, Note: hostile})
		s.arp(probe.EventNeighborReply, 2.240, probe.NeighborPacket{Note: name})
		s.begin()
		s.syn(2.301)
		s.rejected(8.120, 5.819, router, 62)
		s.ICMP[0].Name = hostile
		return s
	}},
}
