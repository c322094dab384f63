package report_test

import (
	"fmt"
	"net/netip"
	"time"

	"golang.org/x/net/dns/dnsmessage"

	"tcpprobe/icmp"
	"tcpprobe/internal/checksum"
	"tcpprobe/internal/stamp"
	"tcpprobe/probe"
	"tcpprobe/rawip"
	"tcpprobe/tcphdr"
)

// The hosts of the examples (RFC 5737).
var (
	local   = netip.MustParseAddr("198.51.100.15")
	gateway = netip.MustParseAddr("198.51.100.1")
	remote  = netip.MustParseAddr("192.0.2.80")
	router  = netip.MustParseAddr("203.0.113.9")
	dns     = netip.MustParseAddrPort("203.0.113.53:53")

	gatewayMAC = [6]byte{0x02, 0, 0, 0, 0, 0x01}
)

const (
	localPort = 48211
	iss       = tcphdr.SeqNum(2871324873)
	irs       = tcphdr.SeqNum(523925458)
)

// exchange makes a result by hand, event by event, out of real octets.
type exchange struct {
	*probe.Result
	user bool   // the kernel gave no stamps
	id   uint16 // of the last datagram that was sent
	sent time.Duration
}

var noon = time.Date(2026, 11, 22, 12, 0, 0, 123456789, time.UTC)

// newExchange begins an exchange with a target.
func newExchange(host string, port uint16, target string) *exchange {
	return &exchange{Result: &probe.Result{
		Target: target, Host: host, Port: port, Seq: 1, Time: noon, Start: stamp.Stamp{User: noon, Kernel: noon},
	}, id: 7237}
}

func (j *exchange) at(t float64) stamp.Stamp {
	at := noon.Add(time.Duration(t*1e6 + 0.5))
	if j.user {
		return stamp.Stamp{User: at}
	}
	return stamp.Stamp{User: at.Add(20 * time.Microsecond), Kernel: at}
}

func milliseconds(t float64) time.Duration { return time.Duration(t*1e6 + 0.5) }

func (j *exchange) event(e probe.Event) *probe.Event {
	j.Events = append(j.Events, e)
	return &j.Events[len(j.Events)-1]
}

// asked is a DNS query.
func (j *exchange) asked(t float64, name string, attempt int) {
	if j.DNS == nil {
		j.DNS = &probe.DNS{Source: "dns", Server: dns, Name: name, Clock: stamp.Kernel}
	}
	j.DNS.Attempts = attempt
	j.event(probe.Event{Kind: probe.EventDNSQuery, At: j.at(t), Octets: query(), DNS: &probe.DNSMessage{
		Server: dns, Local: netip.MustParseAddrPort("198.51.100.15:35117"), Transport: "udp", Name: name, Attempt: attempt,
	}})
}

// query is the octets of a query for example.com.
func query() []byte {
	b := dnsmessage.NewBuilder(nil, dnsmessage.Header{ID: 18975, RecursionDesired: true})
	b.StartQuestions()
	b.Question(dnsmessage.Question{
		Name: dnsmessage.MustNewName("example.com."), Type: dnsmessage.TypeA, Class: dnsmessage.ClassINET,
	})
	octets, err := b.Finish()
	if err != nil {
		panic(err)
	}
	return octets
}

// resolved is a DNS answer.
func (j *exchange) resolved(t, took float64, rcode string, cname []string, addresses ...netip.Addr) {
	j.DNS.RCode, j.DNS.Addresses, j.DNS.CNAME, j.DNS.Duration = rcode, addresses, cname, milliseconds(took)
	j.event(probe.Event{Kind: probe.EventDNSAnswer, At: j.at(t), Step: milliseconds(took), Octets: query(), DNS: &probe.DNSMessage{
		Server: dns, Local: netip.MustParseAddrPort("198.51.100.15:35117"), Transport: "udp", Name: j.DNS.Name, RCode: rcode, Addresses: addresses,
		CNAME: cname, TTL: 3600, Attempt: j.DNS.Attempts,
	}})
}

func (j *exchange) routed(t float64, r *probe.Route) {
	j.Route = r
	switch {
	case j.Address.IsValid():
	case r.OnLink:
		j.Address = r.NextHop
	default:
		j.Address = remote
	}
	j.event(probe.Event{Kind: probe.EventRouteFound, At: j.at(t), Route: r})
}

func (j *exchange) arpAsked(t float64, attempt int) {
	if j.NextHop == nil {
		j.NextHop = &probe.NextHop{Source: "arp", Address: j.Route.NextHop, Clock: stamp.Kernel}
	}
	j.NextHop.Attempts = attempt
	j.event(probe.Event{Kind: probe.EventNeighborRequest, At: j.at(t), Neighbor: &probe.NeighborPacket{
		Interface: j.Route.Interface, Address: j.Route.NextHop, Sender: j.Route.Source, Attempt: attempt, Attempts: 3,
	}})
}

func (j *exchange) arpAnswered(t, took float64) {
	j.NextHop.MAC, j.NextHop.Answers, j.NextHop.Duration = gatewayMAC, [][6]byte{gatewayMAC}, milliseconds(took)
	j.event(probe.Event{Kind: probe.EventNeighborReply, At: j.at(t), Step: milliseconds(took), Neighbor: &probe.NeighborPacket{
		Interface: j.Route.Interface, Address: j.Route.NextHop, MAC: gatewayMAC,
	}})
}

// viaGateway is the usual way.
func viaGateway() *probe.Route {
	return &probe.Route{Interface: "eth0", Source: local, NextHop: gateway, MTU: 1500}
}

// arrived goes all the way to the first SYN, as in the examples.
func arrived(port uint16) *exchange {
	j := newExchange("example.com", port, fmt.Sprintf("example.com:%d", port))
	j.toNextHop()
	return j
}

func (j *exchange) toNextHop() {
	j.asked(0, "example.com", 1)
	j.resolved(1.912, 1.912, "NOERROR", nil, remote)
	j.routed(1.930, viaGateway())
	j.arpAsked(1.951, 1)
	j.arpAnswered(2.240, 0.289)
	j.begin()
}

// remote is the address of the target.
func (j *exchange) remote() netip.Addr {
	if j.Address.IsValid() {
		return j.Address
	}
	return remote
}

// begin makes the TCP part of the result.
func (j *exchange) begin() {
	j.Address = j.remote()
	j.TCP = &probe.TCP{
		Local: netip.AddrPortFrom(j.Route.Source, localPort), Remote: netip.AddrPortFrom(j.remote(), j.Port),
		Send: "link", State: probe.StateSYNSent, Clock: stamp.Kernel,
	}
}

func linuxOptions(mss uint16, shift uint8, val, ecr uint32) tcphdr.Options {
	o := tcphdr.AppendMSS(nil, mss)
	o = tcphdr.AppendSACKPermitted(o)
	o = tcphdr.AppendTimestamps(o, val, ecr)
	return tcphdr.AppendWindowScale(tcphdr.AppendNoOperation(o), shift)
}

func laterOptions(val, ecr uint32) tcphdr.Options {
	return tcphdr.AppendTimestamps(tcphdr.AppendNoOperation(tcphdr.AppendNoOperation(nil)), val, ecr)
}

// entered notes a state.
func (j *exchange) entered(s probe.State, t float64) {
	j.TCP.State = s
	j.TCP.States = append(j.TCP.States, probe.StateChange{State: s, At: j.at(t)})
}

// out sends a segment.
func (j *exchange) out(t float64, flags tcphdr.Flags, seq, ack tcphdr.SeqNum, o tcphdr.Options) *probe.Event {
	j.id++
	h := tcphdr.Header{
		SrcPort: localPort, DstPort: j.Port, Seq: seq, Ack: ack, Flags: flags, Window: 64240, Options: o,
	}
	return j.segment(probe.EventSegmentSent, t, h, 64, j.id, j.Route.Source, j.TCP.Remote.Addr(), 0)
}

// in receives a segment.
func (j *exchange) in(t float64, flags tcphdr.Flags, seq, ack tcphdr.SeqNum, o tcphdr.Options, data int, v probe.Verdict) *probe.Event {
	h := tcphdr.Header{
		SrcPort: j.Port, DstPort: localPort, Seq: seq, Ack: ack, Flags: flags, Window: 65160, Options: o,
	}
	e := j.segment(probe.EventSegmentReceived, t, h, 57, 0, j.TCP.Remote.Addr(), j.Route.Source, data)
	e.Segment.Verdict = v
	return e
}

func (j *exchange) segment(kind probe.EventKind, t float64, h tcphdr.Header, ttl uint8, id uint16, src, dst netip.Addr, data int) *probe.Event {
	segment, err := h.Append(nil, src, dst, make([]byte, data))
	if err != nil && len(h.Options) > 0 {
		// Malformed options cannot be sent by our own codec: they are patched in.
		whole := h
		whole.Options = make([]byte, len(h.Options))
		segment, err = whole.Append(nil, src, dst, make([]byte, data))
		copy(segment[20:], h.Options)
	}
	if err != nil {
		panic(err)
	}
	var datagram []byte
	if src.Is6() {
		datagram, err = rawip.Header6{FlowLabel: 0x54321, HopLimit: ttl, Protocol: rawip.ProtocolTCP, Src: src, Dst: dst}.Append(nil, segment)
	} else {
		datagram, err = rawip.Header{
			ID: id, DontFragment: true, TTL: ttl, Protocol: rawip.ProtocolTCP, Src: src, Dst: dst,
		}.Append(nil, segment)
	}
	if err != nil {
		panic(err)
	}
	h, _, err = tcphdr.Parse(segment)
	if err != nil {
		panic(err)
	}
	return j.event(probe.Event{Kind: kind, At: j.at(t), Octets: datagram, Segment: &probe.Segment{
		Header: h, Length: data, TTL: ttl, ID: id, Size: len(datagram), Checksum: checksum.Valid, State: j.TCP.State,
	}})
}

// syn sends a SYN, the first or again.
func (j *exchange) syn(t float64) {
	o := linuxOptions(1460, 7, 1000+uint32(t), 0)
	j.TCP.SYNSent++
	if j.TCP.SYNSent == 1 {
		j.entered(probe.StateSYNSent, t)
	}
	e := j.out(t, tcphdr.SYN, iss, 0, o)
	e.Segment.Tries = 2
	if e.Segment.Again = j.TCP.SYNSent - 1; e.Segment.Again > 0 {
		e.Segment.After = milliseconds(t) - j.sent
	}
	j.sent = milliseconds(t)
}

// accepted receives the SYN-ACK of the last SYN, and sends the ACK.
func (j *exchange) accepted(t, rtt float64) {
	j.answered(t, rtt, linuxOptions(1400, 7, 881234, 1000+uint32(t-rtt)))
	j.completed(t)
}

func (j *exchange) answered(t, rtt float64, o tcphdr.Options) *probe.Event {
	j.Outcome = probe.OutcomeEstablished
	j.TCP.Answered, j.TCP.RTT, j.TCP.AnsweredSYN, j.TCP.TTL = true, milliseconds(rtt), j.TCP.SYNSent, 57
	p := &probe.Peer{Window: 65160, SACKPermitted: o.SACKPermitted()}
	p.MSS, p.HasMSS = o.MSS()
	p.WindowScale, p.HasScale = o.WindowScale()
	_, _, p.Timestamps = o.Timestamps()
	j.TCP.Peer = p
	e := j.in(t, tcphdr.SYN|tcphdr.ACK, irs, iss+1, o, 0, probe.VerdictOpened)
	e.Step, e.Segment.Answers = milliseconds(rtt), j.TCP.SYNSent
	return e
}

// completed sends the ACK. As in the engine, the control block has the FIN on its way by then.
func (j *exchange) completed(t float64) {
	j.entered(probe.StateEstablished, t)
	j.entered(probe.StateFINWait1, t+0.020)
	e := j.out(t+0.028, tcphdr.ACK, iss+1, irs+1, laterOptions(1012, 881234))
	e.Step = milliseconds(0.028)
	j.TCP.Connected, j.TCP.Turnaround = true, milliseconds(0.028)
	first, _ := stamp.Between(j.TCP.States[0].At, e.At)
	j.TCP.Connect = first
}

// closed closes the connection in the usual way.
func (j *exchange) closed(t float64) {
	j.out(t+0.057, tcphdr.FIN|tcphdr.ACK, iss+1, irs+1, laterOptions(1012, 881234))
	j.TCP.State = probe.StateTimeWait
	e := j.in(t+11.606, tcphdr.FIN|tcphdr.ACK, irs+1, iss+2, laterOptions(881246, 1012), 0, probe.VerdictFIN)
	e.Step = milliseconds(11.549)
	j.entered(probe.StateFINWait2, t+11.606)
	j.entered(probe.StateTimeWait, t+11.606)
	j.out(t+11.616, tcphdr.ACK, iss+2, irs+2, laterOptions(1024, 881246))
}

// timedOut gives up.
func (j *exchange) timedOut(t float64) {
	j.Outcome = probe.OutcomeTimeout
	j.TCP.State = probe.StateClosed
	j.event(probe.Event{Kind: probe.EventTCPSilence, At: j.at(t)})
}

// rejected receives an ICMP error that quotes the SYN.
func (j *exchange) rejected(t, rtt float64, from netip.Addr, typ icmp.Type, code icmp.Code, quotedTTL uint8, mtu int) {
	j.Outcome = probe.OutcomeUnreachable
	j.TCP.State = probe.StateClosed
	j.TCP.Answered, j.TCP.RTT, j.TCP.AnsweredSYN = true, milliseconds(rtt), 1
	m := &probe.ICMP{
		From: from, Target: remote, Type: uint8(typ), Code: uint8(code), Name: icmp.Name(typ, code), MTU: mtu,
		TTL: 62, QuotedTTL: quotedTTL, SentTTL: 64, At: j.at(t),
	}
	j.Result.ICMP = append(j.Result.ICMP, m)
	octets := icmp.Message{Type: typ, Code: code, Body: j.Events[len(j.Events)-1].Octets[:28]}.Append(nil)
	j.event(probe.Event{Kind: probe.EventICMPReceived, At: m.At, Step: milliseconds(rtt), Octets: octets, ICMP: m})
}
