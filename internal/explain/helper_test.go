package explain_test

import (
	"net/netip"
	"time"

	"golang.org/x/net/dns/dnsmessage"

	"tcpprobe/arp"
	"tcpprobe/icmp"
	"tcpprobe/internal/checksum"
	"tcpprobe/internal/stamp"
	"tcpprobe/probe"
	"tcpprobe/rawip"
	"tcpprobe/tcphdr"
)

// The hosts of the lessons (RFC 5737).
var (
	local   = netip.MustParseAddr("198.51.100.15")
	gateway = netip.MustParseAddr("198.51.100.1")
	remote  = netip.MustParseAddr("192.0.2.80")
	router  = netip.MustParseAddr("203.0.113.9")
	server  = netip.MustParseAddrPort("203.0.113.53:53")

	localMAC   = [6]byte{0x02, 0, 0, 0, 0, 0x0f}
	gatewayMAC = [6]byte{0x02, 0, 0, 0, 0, 0x01}
)

const (
	localPort = 48211
	iss       = tcphdr.SeqNum(2871324873)
	irs       = tcphdr.SeqNum(523925458)

	serverTTL = 57
)

var noon = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

// exchange makes a result out of real octets, event by event. Times are in milliseconds since its start.
type exchange struct {
	*probe.Result
	link bool  // frames of our own
	ttl  uint8 // of our segments
	id   uint16
}

// newExchange begins an exchange with a port of example.com.
func newExchange(port uint16) *exchange {
	return &exchange{link: true, ttl: 64, id: 7237, Result: &probe.Result{
		Target: "example.com:80", Host: "example.com", Port: port, Seq: 1, Time: noon, Start: stamp.Stamp{User: noon, Kernel: noon},
	}}
}

func at(t float64) stamp.Stamp {
	moment := noon.Add(time.Duration(t*1e6 + 0.5))
	return stamp.Stamp{User: moment, Kernel: moment}
}

func (tr *exchange) add(e probe.Event) *probe.Event {
	tr.Events = append(tr.Events, e)
	return &tr.Events[len(tr.Events)-1]
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// dnsHeader is the question for example.com, and an OPT record at the end.
func dnsBuilder(header dnsmessage.Header) *dnsmessage.Builder {
	b := dnsmessage.NewBuilder(nil, header)
	b.EnableCompression()
	b.StartQuestions()
	b.Question(dnsmessage.Question{Name: dnsmessage.MustNewName("example.com."), Type: dnsmessage.TypeA, Class: dnsmessage.ClassINET})
	return &b
}

func withOPT(b *dnsmessage.Builder) []byte {
	b.StartAdditionals()
	var h dnsmessage.ResourceHeader
	h.SetEDNS0(1232, dnsmessage.RCodeSuccess, false)
	b.OPTResource(h, dnsmessage.OPTResource{})
	return must(b.Finish())
}

func (tr *exchange) message(kind probe.EventKind, t float64, octets []byte) *probe.Event {
	return tr.add(probe.Event{Kind: kind, At: at(t), Octets: octets, DNS: &probe.DNSMessage{
		Server: server, Local: netip.MustParseAddrPort("198.51.100.15:35117"), Transport: "udp", Name: "example.com", Attempt: 1,
	}})
}

// asked is a query.
func (tr *exchange) asked(t float64) *probe.Event {
	return tr.message(probe.EventDNSQuery, t, withOPT(dnsBuilder(dnsmessage.Header{ID: 18975, RecursionDesired: true})))
}

// resolved is an answer: an alias, and its address.
func (tr *exchange) resolved(t float64) {
	b := dnsBuilder(dnsmessage.Header{ID: 18975, Response: true, RecursionDesired: true, RecursionAvailable: true})
	b.StartAnswers()
	alias := dnsmessage.MustNewName("www.example.com.")
	h := dnsmessage.ResourceHeader{Name: dnsmessage.MustNewName("example.com."), Class: dnsmessage.ClassINET, TTL: 3600}
	b.CNAMEResource(h, dnsmessage.CNAMEResource{CNAME: alias})
	h.Name = alias
	b.AResource(h, dnsmessage.AResource{A: remote.As4()})
	m := tr.message(probe.EventDNSAnswer, t, withOPT(b)).DNS
	m.RCode, m.Addresses, m.CNAME, m.TTL = "NOERROR", []netip.Addr{remote}, []string{"www.example.com"}, 3600
}

// routed is the way to the gateway.
func (tr *exchange) routed(t float64) {
	tr.Route = &probe.Route{Interface: "eth0", MAC: localMAC, Source: local, NextHop: gateway, MTU: 1500}
	tr.add(probe.Event{Kind: probe.EventRouteFound, At: at(t), Route: tr.Route})
}

// arpAsked is a request for the gateway.
func (tr *exchange) arpAsked(t float64, attempt int) {
	tr.add(probe.Event{Kind: probe.EventNeighborRequest, At: at(t),
		Octets:   must(arp.Packet{Operation: arp.Request, SenderHA: localMAC, SenderPA: local, TargetPA: gateway}.Append(nil)),
		Frame:    &probe.Frame{Source: localMAC, Destination: arp.Broadcast},
		Neighbor: &probe.NeighborPacket{Interface: "eth0", Address: gateway, Sender: local, Attempt: attempt, Attempts: 3},
	})
}

// arpAnswered is the gateway's reply.
func (tr *exchange) arpAnswered(t float64) *probe.Event {
	reply := arp.Packet{Operation: arp.Reply, SenderHA: gatewayMAC, SenderPA: gateway, TargetHA: localMAC, TargetPA: local}
	return tr.add(probe.Event{Kind: probe.EventNeighborReply, At: at(t), Octets: must(reply.Append(nil)),
		Frame:    &probe.Frame{Source: gatewayMAC, Destination: localMAC},
		Neighbor: &probe.NeighborPacket{Interface: "eth0", Address: gateway, Sender: local, MAC: gatewayMAC, Attempt: 1, Attempts: 3},
	})
}

// arrived goes all the way to where the first SYN is due.
func arrived(port uint16) *exchange {
	tr := newExchange(port)
	tr.asked(0)
	tr.resolved(1.912)
	tr.routed(1.930)
	tr.arpAsked(1.951, 1)
	tr.arpAnswered(2.240)
	tr.begin()
	return tr
}

// literal begins where there is no name and no ARP.
func literal(port uint16) *exchange {
	tr := newExchange(port)
	tr.Target, tr.Host, tr.link = "192.0.2.80:80", "192.0.2.80", false
	tr.begin()
	return tr
}

func (tr *exchange) begin() {
	tr.TCP = &probe.TCP{Local: netip.AddrPortFrom(local, localPort), Remote: netip.AddrPortFrom(remote, tr.Port), State: probe.StateSYNSent}
}

func linuxOptions(mss uint16, val, ecr uint32) tcphdr.Options {
	o := tcphdr.AppendTimestamps(tcphdr.AppendSACKPermitted(tcphdr.AppendMSS(nil, mss)), val, ecr)
	return tcphdr.AppendWindowScale(tcphdr.AppendNoOperation(o), 7)
}

func laterOptions(val, ecr uint32) tcphdr.Options {
	return tcphdr.AppendTimestamps(tcphdr.AppendNoOperation(tcphdr.AppendNoOperation(nil)), val, ecr)
}

// datagram writes a segment and the datagram around it.
func datagram(h tcphdr.Header, ip rawip.Header, data string) []byte {
	ip.DontFragment, ip.Protocol = true, rawip.ProtocolTCP
	return must(ip.Append(nil, must(h.Append(nil, ip.Src, ip.Dst, []byte(data)))))
}

// out sends a segment.
func (tr *exchange) out(t float64, flags tcphdr.Flags, seq, ack tcphdr.SeqNum, o tcphdr.Options, state probe.State) *probe.Event {
	tr.id++
	h := tcphdr.Header{SrcPort: localPort, DstPort: tr.Port, Seq: seq, Ack: ack, Flags: flags, Window: 64240, Options: o}
	if !flags.Has(tcphdr.SYN) {
		h.Window = 502
	}
	octets := datagram(h, rawip.Header{ID: tr.id, TTL: tr.ttl, Src: local, Dst: remote}, "")
	return tr.segment(probe.EventSegmentSent, t, octets, probe.Segment{Header: h, TTL: tr.ttl, ID: tr.id, State: state, Checksum: checksum.Valid},
		probe.Frame{Source: localMAC, Destination: gatewayMAC})
}

// in receives a segment.
func (tr *exchange) in(t float64, flags tcphdr.Flags, seq, ack tcphdr.SeqNum, o tcphdr.Options, v probe.Verdict, state probe.State, data string) *probe.Event {
	h := tcphdr.Header{SrcPort: tr.Port, DstPort: localPort, Seq: seq, Ack: ack, Flags: flags, Window: 65160, Options: o}
	if !flags.Has(tcphdr.SYN) {
		h.Window = 509
	}
	octets := datagram(h, rawip.Header{TTL: serverTTL, Src: remote, Dst: local}, data)
	return tr.segment(probe.EventSegmentReceived, t, octets,
		probe.Segment{Header: h, Length: len(data), TTL: serverTTL, State: state, Verdict: v, Checksum: checksum.Valid},
		probe.Frame{Source: gatewayMAC, Destination: localMAC})
}

func (tr *exchange) segment(kind probe.EventKind, t float64, octets []byte, s probe.Segment, f probe.Frame) *probe.Event {
	s.Size = len(octets)
	e := probe.Event{Kind: kind, At: at(t), Octets: octets, Segment: &s}
	if tr.link {
		e.Frame = &f
	}
	tr.TCP.State = s.State
	return tr.add(e)
}

// syn sends a SYN, the first or again.
func (tr *exchange) syn(t float64) {
	e := tr.out(t, tcphdr.SYN, iss, 0, linuxOptions(1460, 1000+uint32(t), 0), probe.StateSYNSent)
	if tr.TCP.SYNSent > 0 {
		e.Segment.Again, e.Segment.After = tr.TCP.SYNSent, time.Second<<(tr.TCP.SYNSent-1)
	}
	e.Segment.Tries = 2
	tr.TCP.SYNSent++
}

// accepted receives the SYN-ACK. As in the machine, the control block has gone on by then.
func (tr *exchange) accepted(t float64, ahead probe.State) {
	tr.Outcome = probe.OutcomeEstablished
	tr.TCP.RTT = 11573 * time.Microsecond
	tr.in(t, tcphdr.SYN|tcphdr.ACK, irs, iss+1, linuxOptions(1400, 881234, 1002), probe.VerdictOpened, ahead, "")
}

// completed sends the ACK.
func (tr *exchange) completed(t float64, ahead probe.State) {
	tr.TCP.Connected, tr.TCP.Connect = true, 11601*time.Microsecond
	tr.out(t, tcphdr.ACK, iss+1, irs+1, laterOptions(1013, 881234), ahead)
}

// finished closes in the usual way.
func (tr *exchange) finished(t float64) {
	tr.out(t, tcphdr.FIN|tcphdr.ACK, iss+1, irs+1, laterOptions(1013, 881234), probe.StateFINWait1)
	tr.in(t+11.549, tcphdr.FIN|tcphdr.ACK, irs+1, iss+2, laterOptions(881246, 1013), probe.VerdictFIN, probe.StateTimeWait, "")
	tr.out(t+11.559, tcphdr.ACK, iss+2, irs+2, laterOptions(1025, 881246), probe.StateTimeWait)
}

// rejected receives an ICMP error that quotes so many octets of our last datagram as it came there, two
// hops on.
func (tr *exchange) rejected(t float64, from netip.Addr, rest [4]byte, typ icmp.Type, code icmp.Code, octets int, after ...byte) *probe.Event {
	quote := append([]byte(nil), tr.Events[len(tr.Events)-1].Octets...)
	quote[8] -= 2
	quote[10], quote[11] = 0, 0
	sum := ^checksum.Fold(checksum.Sum(0, quote[:20]))
	quote[10], quote[11] = byte(sum>>8), byte(sum)
	message := icmp.Message{Type: typ, Code: code, Rest: rest, Body: append(quote[:octets:octets], after...)}.Append(nil)
	m := &probe.ICMP{From: from, Target: remote, Type: uint8(typ), Code: uint8(code), Name: icmp.Name(typ, code),
		TTL: 62, QuotedTTL: tr.ttl - 2, SentTTL: tr.ttl, At: at(t)}
	tr.Result.ICMP = append(tr.Result.ICMP, m)
	tr.Outcome = probe.OutcomeUnreachable
	tr.TCP.State = probe.StateClosed
	var frame *probe.Frame
	if tr.link {
		frame = &probe.Frame{Source: gatewayMAC, Destination: localMAC}
	}
	return tr.add(probe.Event{Kind: probe.EventICMPReceived, At: at(t), ICMP: m,
		Octets: must(rawip.Header{ID: 4242, TTL: 62, Protocol: rawip.ProtocolICMP, Src: from, Dst: local}.Append(nil, message)),
		Frame:  frame,
	})
}
