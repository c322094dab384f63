package explain_test

import (
	"net/netip"

	"tcpprobe/icmp"
	"tcpprobe/internal/checksum"
	"tcpprobe/ndp"
	"tcpprobe/probe"
	"tcpprobe/rawip"
	"tcpprobe/tcphdr"
)

// The hosts of the lessons in IPv6 (RFC 3849).
var (
	local6   = netip.MustParseAddr("2001:db8:1::15")
	gateway6 = netip.MustParseAddr("2001:db8:1::1")
	remote6  = netip.MustParseAddr("2001:db8:3:1234:5678:9abc:def0:1234")
)

const flowLabel = 0xbeef5

// begin6 goes to where the first SYN is due: the gateway is asked for, and answers.
func begin6(port uint16) *exchange {
	tr := newExchange(port)
	tr.Target, tr.Host = "example.com:80", "example.com"
	tr.Route = &probe.Route{Interface: "eth0", MAC: localMAC, Source: local6, NextHop: gateway6, MTU: 1500}
	tr.add(probe.Event{Kind: probe.EventRouteFound, At: at(0), Route: tr.Route})
	group := ndp.SolicitedNode(gateway6)
	asked := ndp.Packet{Src: local6, Dst: group, HopLimit: ndp.HopLimit, Type: ndp.Solicitation, Target: gateway6,
		Options: []ndp.Option{{Type: ndp.SourceMAC, Data: localMAC[:]}}}
	tr.add(probe.Event{Kind: probe.EventNeighborRequest, At: at(0.1), Octets: must(asked.Append(nil)),
		Frame:    &probe.Frame{Source: localMAC, Destination: ndp.GroupMAC(group)},
		Neighbor: &probe.NeighborPacket{Interface: "eth0", Address: gateway6, Sender: local6, Attempt: 1, Attempts: 3},
	})
	answer := ndp.Packet{Src: gateway6, Dst: local6, HopLimit: ndp.HopLimit, Type: ndp.Advertisement, Target: gateway6,
		Flags: ndp.Router | ndp.Solicited | ndp.Override, Options: []ndp.Option{{Type: ndp.TargetMAC, Data: gatewayMAC[:]}, {Type: 14, Data: make([]byte, 6)}}}
	tr.add(probe.Event{Kind: probe.EventNeighborReply, At: at(0.3), Octets: must(answer.Append(nil)),
		Frame: &probe.Frame{Source: gatewayMAC, Destination: localMAC},
		Neighbor: &probe.NeighborPacket{Interface: "eth0", Address: gateway6, Sender: local6, MAC: gatewayMAC, Attempt: 1, Attempts: 3,
			Router: true, Override: true},
	})
	tr.TCP = &probe.TCP{Local: netip.AddrPortFrom(local6, localPort), Remote: netip.AddrPortFrom(remote6, port), State: probe.StateSYNSent}
	return tr
}

// segment6 sends or receives a segment, behind extension headers if there are any.
func (tr *exchange) segment6(t float64, h tcphdr.Header, received bool, v probe.Verdict, state probe.State, extensions ...byte) *probe.Event {
	h.SrcPort, h.DstPort, h.Window = localPort, tr.Port, 64240
	ip := rawip.Header6{FlowLabel: flowLabel, HopLimit: tr.ttl, Src: local6, Dst: remote6, Protocol: rawip.ProtocolTCP}
	kind, frame := probe.EventSegmentSent, probe.Frame{Source: localMAC, Destination: gatewayMAC}
	if received {
		h.SrcPort, h.DstPort = h.DstPort, h.SrcPort
		ip.Src, ip.Dst, ip.HopLimit, ip.FlowLabel = ip.Dst, ip.Src, serverTTL, 0
		kind, frame = probe.EventSegmentReceived, probe.Frame{Source: gatewayMAC, Destination: localMAC}
	}
	octets := must(ip.AppendHeader(nil, len(extensions)+20+len(h.Options)))
	if len(extensions) > 0 {
		octets[6] = rawip.HeaderHopByHop
	}
	octets = must(h.Append(append(octets, extensions...), ip.Src, ip.Dst, nil))
	return tr.segment(kind, t, octets, probe.Segment{Header: h, TTL: ip.HopLimit, FlowLabel: ip.FlowLabel, State: state, Verdict: v, Checksum: checksum.Valid}, frame)
}

// syn6 sends a SYN.
func (tr *exchange) syn6(t float64) {
	tr.segment6(t, tcphdr.Header{Seq: iss, Flags: tcphdr.SYN, Options: linuxOptions(1440, 1000, 0)}, false, 0, probe.StateSYNSent)
	tr.TCP.SYNSent++
}

func established6() *probe.Result {
	tr := begin6(80)
	tr.TCP.Close = probe.CloseRST
	tr.syn6(1)
	tr.Outcome = probe.OutcomeEstablished
	tr.segment6(12, tcphdr.Header{Seq: irs, Ack: iss + 1, Flags: tcphdr.SYN | tcphdr.ACK, Options: linuxOptions(1440, 881234, 1000)},
		true, probe.VerdictOpened, probe.StateEstablished)
	tr.segment6(12.1, tcphdr.Header{Seq: iss + 1, Ack: irs + 1, Flags: tcphdr.ACK, Options: laterOptions(1011, 881234)}, false, 0, probe.StateEstablished)
	tr.segment6(12.2, tcphdr.Header{Seq: iss + 1, Flags: tcphdr.RST}, false, 0, probe.StateClosed)
	return tr.Result
}

// refused6 is refused by a segment behind three extension headers: hop-by-hop options, a whole fragment, and destination
// options.
func refused6() *probe.Result {
	tr := begin6(81)
	tr.syn6(1)
	tr.Outcome = probe.OutcomeRefused
	tr.segment6(12, tcphdr.Header{Ack: iss + 1, Flags: tcphdr.RST | tcphdr.ACK}, true, probe.VerdictRefused, probe.StateClosed,
		44, 0, 1, 4, 0, 0, 0, 0,
		60, 0, 0, 0, 0, 0, 0, 7,
		6, 0, 1, 4, 0, 0, 0, 0)
	return tr.Result
}

// unreachable6 is rejected by the gateway, which got the SYN with another flow label than it left us with.
func unreachable6() *probe.Result {
	tr := begin6(443)
	tr.syn6(1)
	quote := append([]byte(nil), tr.Events[len(tr.Events)-1].Octets...)
	quote[3] ^= 0x0f
	body := icmp.Message{V6: true, Type: icmp.DestinationUnreachable6, Code: icmp.AdminProhibited6, Body: quote}.Append6(nil, gateway6, local6)
	m := &probe.ICMP{From: gateway6, Target: remote6, Type: uint8(icmp.DestinationUnreachable6), Code: uint8(icmp.AdminProhibited6),
		Name: icmp.Name6(icmp.DestinationUnreachable6, icmp.AdminProhibited6), TTL: 64, QuotedTTL: tr.ttl, SentTTL: tr.ttl, At: at(8)}
	tr.Result.ICMP = append(tr.Result.ICMP, m)
	tr.Outcome, tr.TCP.State = probe.OutcomeUnreachable, probe.StateClosed
	tr.add(probe.Event{Kind: probe.EventICMPReceived, At: at(8), ICMP: m,
		Octets: must(rawip.Header6{HopLimit: 64, Protocol: rawip.ProtocolICMPv6, Src: gateway6, Dst: local6}.Append(nil, body)),
		Frame:  &probe.Frame{Source: gatewayMAC, Destination: localMAC},
	})
	return tr.Result
}
