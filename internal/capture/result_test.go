package capture_test

import (
	"net/netip"
	"testing"
	"time"

	"tcpprobe/arp"
	"tcpprobe/icmp"
	"tcpprobe/internal/checksum"
	"tcpprobe/internal/stamp"
	"tcpprobe/probe"
	"tcpprobe/rawip"
	"tcpprobe/tcphdr"
)

// The hosts of the tests (RFC 5737).
var (
	local   = netip.MustParseAddrPort("198.51.100.15:48211")
	gateway = netip.MustParseAddr("198.51.100.1")
	remote  = netip.MustParseAddrPort("192.0.2.80:80")
	router  = netip.MustParseAddr("203.0.113.9")
	server  = netip.MustParseAddrPort("203.0.113.53:53")
	asker   = netip.MustParseAddrPort("198.51.100.15:35117")

	ourMAC     = [6]byte{0x02, 0x11, 0x12, 0x13, 0x14, 0x15}
	gatewayMAC = [6]byte{0x02, 0x21, 0x22, 0x23, 0x24, 0x25}
	noon       = time.Date(2026, 11, 22, 12, 0, 0, 123456789, time.UTC)
)

const (
	iss = tcphdr.SeqNum(0xab25a8d9)
	irs = tcphdr.SeqNum(0x1f3a6c52)
)

// exchange makes a result by hand out of real octets.
type exchange struct {
	*testing.T
	*probe.Result
	frames bool // the path is a link, with frames of our own
}

func newExchange(t *testing.T) *exchange {
	r := &probe.Result{Target: "example.com:80", Host: "example.com", Port: 80, Seq: 1, Time: noon, Start: at(0)}
	return &exchange{t, r, true}
}

// at is a time after the start, in microseconds, by the kernel's clock. The process's is 20 µs late.
func at(us int) stamp.Stamp {
	t := noon.Add(time.Duration(us) * time.Microsecond)
	return stamp.Stamp{User: t.Add(20 * time.Microsecond), Kernel: t}
}

func (s *exchange) event(e probe.Event) *probe.Event {
	s.Events = append(s.Events, e)
	return &s.Events[len(s.Events)-1]
}

// query is a question for the address of example.com, answer the answer.
var (
	query = []byte("\x4a\x1f\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x07example\x03com\x00\x00\x01\x00\x01")
	reply = []byte("\x4a\x1f\x81\x80\x00\x01\x00\x01\x00\x00\x00\x00\x07example\x03com\x00\x00\x01\x00\x01" +
		"\xc0\x0c\x00\x01\x00\x01\x00\x00\x0e\x10\x00\x04\xc0\x00\x02\x50")
)

// resolved asks the DNS server and gets the answer.
func (s *exchange) resolved(transport string) {
	m := probe.DNSMessage{Server: server, Local: asker, Transport: transport, Name: "example.com", Attempt: 1}
	s.event(probe.Event{Kind: probe.EventDNSQuery, At: at(0), Octets: query, DNS: &m})
	n := m
	n.RCode, n.Addresses, n.TTL = "NOERROR", []netip.Addr{remote.Addr()}, 3600
	s.event(probe.Event{Kind: probe.EventDNSAnswer, At: at(1912), Step: 1912 * time.Microsecond, Octets: reply, DNS: &n})
	s.DNS = &probe.DNS{
		Source: "dns", Server: server, Name: "example.com", RCode: "NOERROR", Addresses: n.Addresses, Attempts: 1,
		Duration: 1912 * time.Microsecond, Clock: stamp.Kernel,
	}
}

// routed finds the way: through an interface with frames, or through one without.
func (s *exchange) routed(name string) {
	s.Route = &probe.Route{Interface: name, Source: local.Addr(), NextHop: gateway, MTU: 1500}
	s.event(probe.Event{Kind: probe.EventRouteFound, At: at(1930), Route: s.Route})
}

// foundGateway asks for the MAC of the gateway and gets it.
func (s *exchange) foundGateway() {
	request := arp.Packet{Operation: arp.Request, SenderHA: ourMAC, SenderPA: local.Addr(), TargetPA: gateway}
	answer := arp.Packet{Operation: arp.Reply, SenderHA: gatewayMAC, SenderPA: gateway, TargetHA: ourMAC, TargetPA: local.Addr()}
	s.event(probe.Event{
		Kind: probe.EventNeighborRequest, At: at(1951), Octets: s.packet(request), Frame: &probe.Frame{Source: ourMAC, Destination: arp.Broadcast},
		Neighbor: &probe.NeighborPacket{Interface: "eth0", Address: gateway, Sender: local.Addr(), Attempt: 1, Attempts: 3},
	})
	s.event(probe.Event{
		Kind: probe.EventNeighborReply, At: at(2240), Step: 289 * time.Microsecond, Octets: s.packet(answer),
		Frame:    &probe.Frame{Source: gatewayMAC, Destination: ourMAC},
		Neighbor: &probe.NeighborPacket{Interface: "eth0", Address: gateway, Sender: local.Addr(), MAC: gatewayMAC},
	})
	s.NextHop = &probe.NextHop{Source: "arp", Address: gateway, MAC: gatewayMAC, Attempts: 1, Duration: 289 * time.Microsecond}
}

func (s *exchange) packet(p arp.Packet) []byte {
	b, err := p.Append(nil)
	if err != nil {
		s.Fatal(err)
	}
	return b
}

// out sends a segment, in receives one.
func (s *exchange) out(us int, flags tcphdr.Flags, seq, ack tcphdr.SeqNum, o tcphdr.Options) *probe.Event {
	h := tcphdr.Header{SrcPort: local.Port(), DstPort: remote.Port(), Seq: seq, Ack: ack, Flags: flags, Window: 64240, Options: o}
	return s.segment(probe.EventSegmentSent, us, h, local.Addr(), remote.Addr())
}

func (s *exchange) in(us int, flags tcphdr.Flags, seq, ack tcphdr.SeqNum, o tcphdr.Options, v probe.Verdict) *probe.Event {
	h := tcphdr.Header{SrcPort: remote.Port(), DstPort: local.Port(), Seq: seq, Ack: ack, Flags: flags, Window: 65160, Options: o}
	e := s.segment(probe.EventSegmentReceived, us, h, remote.Addr(), local.Addr())
	e.Segment.Verdict = v
	return e
}

func (s *exchange) segment(kind probe.EventKind, us int, h tcphdr.Header, src, dst netip.Addr) *probe.Event {
	segment, err := h.Append(nil, src, dst, nil)
	if err != nil {
		s.Fatal(err)
	}
	e := s.event(probe.Event{
		Kind: kind, At: at(us), Octets: s.datagram(rawip.ProtocolTCP, src, dst, segment),
		Segment: &probe.Segment{Header: h, TTL: 64, Size: 20 + len(segment), Checksum: checksum.Valid},
	})
	s.framed(e)
	return e
}

func (s *exchange) datagram(protocol uint8, src, dst netip.Addr, payload []byte) []byte {
	b, err := rawip.Header{ID: 7238, DontFragment: true, TTL: 64, Protocol: protocol, Src: src, Dst: dst}.Append(nil, payload)
	if err != nil {
		s.Fatal(err)
	}
	return b
}

// framed gives an event the header of its frame, if there are frames.
func (s *exchange) framed(e *probe.Event) {
	switch {
	case !s.frames:
	case e.Kind == probe.EventSegmentSent:
		e.Frame = &probe.Frame{Source: ourMAC, Destination: gatewayMAC}
	default:
		e.Frame = &probe.Frame{Source: gatewayMAC, Destination: ourMAC}
	}
}

// rejected receives an ICMP error that quotes the last segment.
func (s *exchange) rejected(us int) {
	quote := s.Events[len(s.Events)-1].Octets[:28]
	message := icmp.Message{Type: icmp.DestinationUnreachable, Code: icmp.AdministrativelyProhibited, Body: quote}.Append(nil)
	m := &probe.ICMP{
		From: router, Target: remote.Addr(), Type: 3, Code: 13, Name: "administratively prohibited", TTL: 62, QuotedTTL: 62, SentTTL: 64, At: at(us),
	}
	s.framed(s.event(probe.Event{
		Kind: probe.EventICMPReceived, At: m.At, Step: 5819 * time.Microsecond, ICMP: m,
		Octets: s.datagram(1, router, local.Addr(), message),
	}))
	s.Outcome, s.ICMP = probe.OutcomeUnreachable, []*probe.ICMP{m}
	s.TCP = &probe.TCP{Local: local, Remote: remote, SYNSent: 1, Answered: true, RTT: 5819 * time.Microsecond}
}

// secondSYN is a handshake of which the first SYN is lost.
func secondSYN(t *testing.T) *exchange {
	s := newExchange(t)
	s.resolved("udp")
	s.routed("eth0")
	s.foundGateway()
	s.handshake()
	return s
}

// handshake sends two SYNs, gets one answer, and closes.
func (s *exchange) handshake() {
	mss := tcphdr.AppendMSS(nil, 1460)
	s.out(2301, tcphdr.SYN, iss, 0, mss).Segment.Tries = 2
	again := s.out(1002644, tcphdr.SYN, iss, 0, mss).Segment
	again.Tries, again.Again, again.After = 2, 1, 1000343*time.Microsecond
	e := s.in(1014285, tcphdr.SYN|tcphdr.ACK, irs, iss+1, tcphdr.AppendMSS(nil, 1400), probe.VerdictOpened)
	e.Step, e.Segment.Answers = 11641*time.Microsecond, 2
	s.out(1014313, tcphdr.ACK, iss+1, irs+1, nil).Step = 28 * time.Microsecond
	dup := s.in(2014900, tcphdr.SYN|tcphdr.ACK, irs, iss+1, nil, probe.VerdictDuplicate)
	dup.Segment.Checksum = checksum.Partial
	s.out(2014950, tcphdr.RST, iss+1, 0, nil).At.Kernel = time.Time{}
	s.Outcome = probe.OutcomeEstablished
	s.Findings = []probe.Finding{probe.FindingSYNRetransmitted, probe.FindingDuplicateSYNACK}
	s.TCP = &probe.TCP{
		Local: local, Remote: remote, Send: "link", SYNSent: 2, AnsweredSYN: 2, Answered: true, RTT: e.Step, Clock: stamp.Kernel,
		Connected: true, Connect: 1012012 * time.Microsecond,
	}
}

// rejectedSYN is a SYN through the kernel's IP that a router rejects.
func rejectedSYN(t *testing.T) *exchange {
	s := newExchange(t)
	s.frames = false
	s.resolved("udp")
	s.routed("tun0")
	s.out(2301, tcphdr.SYN, iss, 0, nil)
	s.rejected(8120)
	return s
}
