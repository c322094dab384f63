package prober

import (
	"net/netip"

	"tcpprobe/internal/neighbor"
	"tcpprobe/internal/stamp"
	"tcpprobe/probe"
	"tcpprobe/resolver"
)

// dnsResult returns what the resolver found, as a result says it.
func dnsResult(r resolver.Result) *probe.DNS {
	d := &probe.DNS{
		Source: r.Source.String(), Server: r.Server, Name: r.Name, Searched: r.Searched, RCode: r.RCode,
		Addresses: r.Addresses, Omitted: r.Omitted, CNAME: r.CNAME, Attempts: r.Attempts, Duration: r.Duration, Clock: r.Clock,
	}
	for _, q := range r.Queries {
		d.Queries = append(d.Queries, probe.DNSQueries{
			Type: q.Type.String(), RCode: q.RCode, Addresses: q.Addresses, Duration: q.Duration, Clock: q.Clock,
		})
	}
	return d
}

// dnsEvent returns what happened in the resolver, as a result says it.
func dnsEvent(e resolver.Event) probe.Event {
	m := &probe.DNSMessage{
		Server: e.Server, Local: e.Local, Transport: e.Transport.String(), Type: e.Type.String(), Name: e.Name, Searched: e.Searched, RCode: e.RCode,
		Addresses: e.Addresses, Omitted: e.Omitted, CNAME: e.CNAME, TTL: e.TTL, Damaged: e.Damage != nil, Attempt: e.Attempt, Note: e.Reason,
	}
	event := probe.Event{At: e.Stamp, Octets: e.Octets, DNS: m}
	switch e.Kind {
	case resolver.QuerySent:
		event.Kind = probe.EventDNSQuery
		return event
	case resolver.AnswerReceived, resolver.AnswerIgnored, resolver.AnswerConflict:
		event.Kind = probe.EventDNSAnswer
	default:
		event.Kind, m.Failed = probe.EventDNSSilence, e.Kind == resolver.QueryFailed
	}
	if !e.Sent.IsZero() {
		event.Step, _ = stamp.Between(e.Sent, e.Stamp)
	}
	return event
}

// nextHop returns what was found of the next hop, as a result says it.
func nextHop(address netip.Addr, r neighbor.Result) probe.NextHop {
	return probe.NextHop{
		Source: r.Source, Address: address, MAC: r.MAC, Answers: r.Answers, Attempts: r.Attempts, Duration: r.Duration, Clock: r.Clock,
		Router: r.Router, Override: r.Override,
	}
}

// neighborEvent returns a packet about the next hop as a result says it.
func neighborEvent(e neighbor.Event) probe.Event {
	event := probe.Event{
		Kind: probe.EventNeighborRequest, At: e.At, Octets: e.Octets,
		Frame: &probe.Frame{Source: e.EtherSource, Destination: e.EtherDestination},
		Neighbor: &probe.NeighborPacket{
			Interface: e.Link.Name, Address: e.Address, Sender: e.Peer, MAC: e.MAC, Attempt: e.Attempt, Attempts: neighbor.Attempts,
			Router: e.Router, Override: e.Override,
		},
	}
	if e.Out {
		return event
	}
	event.Kind = probe.EventNeighborReply
	if e.Verdict != neighbor.Accepted {
		event.Neighbor.Note = e.Note
	} else {
		event.Step, _ = stamp.Between(e.Sent, e.At)
	}
	return event
}
