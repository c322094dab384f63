//go:build linux

package cli

import (
	"errors"
	"net/netip"

	"tcpprobe/arp"
	"tcpprobe/internal/stamp"
	"tcpprobe/probe"
	"tcpprobe/resolver"
)

// newResolver returns a resolver as the flags want it, which reads the files.
func newResolver(o options, files *resolver.Files) *resolver.Resolver {
	return resolver.New(resolver.Options{Files: files, Server: o.dns, Timeout: o.dnsTimeout, Tries: o.dnsTries})
}

// isConfiguration reports whether a name did not resolve because resolv.conf cannot be read.
func isConfiguration(err error) bool {
	var e *resolver.Error
	return errors.As(err, &e) && e.Kind == resolver.BadConfig
}

// dnsResult returns what the resolver found, as a result says it.
func dnsResult(r resolver.Result) *probe.DNS {
	return &probe.DNS{
		Source: r.Source.String(), Server: r.Server, Name: r.Name, RCode: r.RCode,
		Addresses: r.Addresses, CNAME: r.CNAME, Attempts: r.Attempts, Duration: r.Duration, Clock: r.Clock,
	}
}

// dnsEvent returns what happened in the resolver, as a result says it.
func dnsEvent(e resolver.Event) probe.Event {
	m := &probe.DNSMessage{
		Server: e.Server, Local: e.Local, Transport: e.Transport.String(), Name: e.Name, RCode: e.RCode,
		Addresses: e.Addresses, CNAME: e.CNAME, TTL: e.TTL, Attempt: e.Attempt, Note: e.Reason,
	}
	event := probe.Event{At: e.Stamp, Octets: e.Octets, DNS: m}
	switch e.Kind {
	case resolver.QuerySent:
		event.Kind = probe.EventDNSQuery
		return event
	case resolver.AnswerReceived, resolver.AnswerIgnored, resolver.AnswerConflict:
		event.Kind = probe.EventDNSAnswer
	default:
		event.Kind = probe.EventDNSSilence
	}
	if !e.Sent.IsZero() {
		event.Step, _ = stamp.Between(e.Sent, e.Stamp)
	}
	return event
}

// nextHop returns what ARP found, as a result says it.
func nextHop(address netip.Addr, r arp.Result) probe.NextHop {
	n := probe.NextHop{
		Source: "arp", Address: address, MAC: r.MAC, Attempts: r.Attempts, Duration: r.Duration, Clock: r.Clock,
	}
	for _, answer := range r.Answers {
		n.Answers = append(n.Answers, answer)
	}
	return n
}

// arpEvent returns an ARP packet as a result says it; request is the number of the request that was sent last.
func arpEvent(e arp.Event, request int) probe.Event {
	p := &probe.ARPPacket{Interface: e.Link.Name, Attempt: request, Attempts: arp.Tries}
	if e.Out {
		p.Address, p.Sender = e.Packet.TargetPA, e.Packet.SenderPA
		frame := &probe.Frame{Source: e.Link.HardwareAddr, Destination: arp.Broadcast}
		return probe.Event{Kind: probe.EventARPRequest, At: e.At, Octets: packet(e.Packet), Frame: frame, ARP: p}
	}
	p.Address, p.Sender, p.MAC = e.Packet.SenderPA, e.Packet.TargetPA, e.Packet.SenderHA
	frame := &probe.Frame{Source: e.EtherSource, Destination: e.Link.HardwareAddr}
	event := probe.Event{Kind: probe.EventARPReply, At: e.At, Octets: packet(e.Packet), Frame: frame, ARP: p}
	if e.Verdict != arp.Accepted {
		p.Note = e.Verdict.String()
	} else {
		event.Step, _ = stamp.Between(e.Sent, e.At)
	}
	return event
}

// packet returns the octets of an ARP packet.
func packet(p arp.Packet) []byte {
	b, err := p.Append(nil)
	if err != nil {
		return nil // an operation that we would not send
	}
	return b
}
