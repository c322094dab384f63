package explain

import (
	"fmt"
	"strings"

	"tcpprobe/icmp"
	"tcpprobe/internal/report"
	"tcpprobe/internal/text"
	"tcpprobe/probe"
	"tcpprobe/rawip"
	"tcpprobe/tcphdr"
)

// icmpReceived explains an ICMP error.
func (l *Lesson) icmpReceived(r *probe.Result, e *probe.Event) {
	m := orZero(e.ICMP)
	var ip rawip.Datagram
	err := ip.Parse(e.Octets)
	name, source := "unreadable", "RFC 792"
	message, unreadable := parseMessage(&ip)
	if err == nil && unreadable == nil {
		name = fmt.Sprintf("%d/%d %s", message.Type, message.Code, message.Name())
	}
	if ip.Is6() {
		source = "RFC 4443 2.1"
	}
	size := text.Count(len(e.Octets), "octet")
	if e.Frame != nil {
		size = text.Count(etherHeaderLen+len(e.Octets), "octet")
	}
	l.page.headline(r, e, "ICMP", text.In, name+", "+size)
	var original []byte
	if unreadable == nil {
		original = l.quotedDatagram(message)
	}
	from := "A router or host"
	if err == nil {
		from = ip.Src.String()
	}
	l.page.prose(
		fmt.Sprintf("%s reports on a datagram that it could not deliver or forward (%s).", from, source),
		l.meaning(m),
		whose(original),
		crossed(m, r.Route))
	t := l.newTable(e, ofDatagram(e.Octets), "cut off here: the rest of the header is missing")
	t.quoted = original
	t.datagram(false)
	l.page.table(t)
	if l.checksums {
		l.datagramChecksums(e.Octets)
	}
	if !l.alike {
		l.controlBlock(r)
	}
}

// parseMessage reads the message of ICMP or ICMPv6 that a datagram carries.
func parseMessage(ip *rawip.Datagram) (icmp.Message, error) {
	if ip.Is6() {
		return icmp.Parse6(ip.Payload)
	}
	return icmp.Parse(ip.Payload)
}

// quotedDatagram returns our datagram that an ICMP message quotes, as it was sent; nil if there is none. Of several that
// differ in nothing that is quoted for certain, it is the one with the same Identification, or flow label.
func (l *Lesson) quotedDatagram(m icmp.Message) (original []byte) {
	var quote, sent rawip.Datagram
	if err := quote.ParseQuoted(m.Body); err != nil {
		return nil
	}
	segment, err := tcphdr.ParseQuoted(quote.Payload)
	if err != nil {
		return nil
	}
	for _, datagram := range l.talk.datagrams {
		s := segmentOf(&probe.Event{Octets: datagram})
		if s.Header.Seq != segment.Seq || s.Header.SrcPort != segment.SrcPort || s.Header.DstPort != segment.DstPort {
			continue
		}
		if err := sent.Parse(datagram); original == nil || err == nil && sent.ID == quote.ID && sent.FlowLabel == quote.FlowLabel {
			original = datagram
		}
	}
	return original
}

// whose says how we know that the message is about this handshake.
func whose(original []byte) string {
	if original == nil {
		return "It quotes no datagram that is known to be ours."
	}
	s := segmentOf(&probe.Event{Octets: original})
	return fmt.Sprintf(
		"It quotes ours: addresses, ports and sequence number %d are those of our %v, which somebody who never saw it could only guess (RFC 5927 4.1).",
		s.Header.Seq, s.Header.Flags)
}

// crossed says what the quoted Time to Live tells.
func crossed(m *probe.ICMP, route *probe.Route) string {
	doubt, field, source := "", "Time to Live", "RFC 1812 5.3.1"
	if m.Is6() {
		field, source = "Hop Limit", "RFC 8200 3"
	}
	least, most := report.Distance(m, route)
	if least < most {
		doubt = "Whether the one that rejected it had counted it down before is not known."
	}
	switch {
	case least == 0:
		return ""
	case m.SentTTL == m.QuotedTTL:
		return fmt.Sprintf("Its %s is quoted as it left us, %d: no router has forwarded it.", field, m.SentTTL)
	default:
		return strings.TrimSpace(fmt.Sprintf("Its %s was %d as it left us and %d when it was rejected: %s away (%s). %s",
			field, m.SentTTL, m.QuotedTTL, report.HopsText(least, most), source, doubt))
	}
}

// meaning says what a type and code mean for us.
func (l *Lesson) meaning(m *probe.ICMP) string {
	expired, reasons, tooBig := "RFC 1812 5.2.7.3", "RFC 1812 5.2.7.1", "RFC 1191 4"
	protocol, hops := "IPv4", "Time to Live"
	if m.Is6() {
		expired, reasons, tooBig = "RFC 4443 3.3", "RFC 4443 3.1", "RFC 4443 3.2"
		protocol, hops = "IPv6", "hop limit"
	}
	switch m.Meaning() {
	case icmp.MeansHopLimitExceeded:
		if l.alike && int(m.SentTTL) == m.Hops() {
			return fmt.Sprintf("The %s is used up there, as it was meant to be: so the router names itself (%s).", hops, expired)
		}
		return fmt.Sprintf("The %s was used up: the routers pass it in a circle, or it began too small (%s).", hops, expired)
	case icmp.MeansHeaderProblem:
		return fmt.Sprintf("It could make no sense of the %s header that it quotes.", protocol)
	case icmp.MeansQuench:
		return "It asks to send more slowly, which nobody does any more (RFC 6633)."
	case icmp.MeansRedirect:
		return "It has delivered the datagram, and knows a shorter way."
	case icmp.MeansNoRoute:
		return fmt.Sprintf("It knows no way to the network of the destination (%s).", reasons)
	case icmp.MeansAddressUnreachable:
		return fmt.Sprintf("It stands next to the destination, which does not answer on the link (%s), or a route of its own says so.", reasons)
	case icmp.MeansBeyondScope:
		return fmt.Sprintf("Our address is of the link alone, and it sends the datagram no further (%s).", reasons)
	case icmp.MeansProtocolUnreachable:
		return "The destination does not speak TCP, or a firewall says so."
	case icmp.MeansPortUnreachable:
		return "The port is rejected. A host would send a RST (RFC 9293 3.5.2), so this is probably a firewall."
	case icmp.MeansTooBig:
		if m.Is6() {
			return fmt.Sprintf("The datagram is larger than the next link takes (%s).", tooBig)
		}
		return fmt.Sprintf("The datagram is larger than the next link takes, and may not be cut up (%s).", tooBig)
	case icmp.MeansProhibited, icmp.MeansRejectRoute:
		return fmt.Sprintf("A router or firewall refuses this traffic by policy (%s).", reasons)
	case icmp.MeansSourceFailedPolicy:
		return fmt.Sprintf("A router takes no traffic from our address by policy (%s).", reasons)
	}
	return ""
}
