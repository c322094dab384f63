package explain

import (
	"fmt"

	"tcpprobe/internal/text"
	"tcpprobe/ndp"
	"tcpprobe/probe"
	"tcpprobe/rawip"
)

// neighborRequest explains a request of ARP, or a solicitation of NDP.
func (l *Lesson) neighborRequest(r *probe.Result, e *probe.Event) {
	p := orZero(e.Neighbor)
	l.page.headline(r, e, p.Protocol(), text.Out, fmt.Sprintf("who has %v? %s", p.Address, text.Count(l.framed(e), "octet")))
	again, source := "", "RFC 1122 2.3.2.1"
	if p.Address.Is6() {
		source = "RFC 4861 7.2.2"
	}
	if p.Attempt > 1 {
		again = fmt.Sprintf("Nobody answered before: this is request %d of %d (%s).", p.Attempt, p.Attempts, source)
	}
	unknown := fmt.Sprintf("A frame needs the address of the station that takes it next, and of that we know only %v.", p.Address)
	if p.Address.Is6() {
		l.page.prose(unknown,
			fmt.Sprintf("So a Neighbor Solicitation goes to %v, the group of those whose address ends in the same 24 bits,", ndp.SolicitedNode(p.Address)),
			"which hardly anybody else hears (RFC 4861 7.2.2). Whoever has the address must answer us alone, at the station that the",
			"option names. Hop Limit 255 shows that no router has forwarded it (RFC 4861 7.1.1).",
			again)
	} else {
		l.page.prose(unknown,
			"So all on the link are asked, and whoever has the address must answer us alone:",
			fmt.Sprintf("opcode 2, SenderPA %v, and its own address in SenderHA (RFC 826).", p.Address),
			again)
	}
	l.neighborPacket(e, p)
}

// neighborReply explains a reply of ARP, or an advertisement of NDP.
func (l *Lesson) neighborReply(r *probe.Result, e *probe.Event) {
	p := orZero(e.Neighbor)
	l.page.headline(r, e, p.Protocol(), text.In, fmt.Sprintf("%v is at %s, %s", p.Address, mac(p.MAC[:]), text.Count(l.framed(e), "octet")))
	field, protocol, source := "SenderPA", "ARP", "RFC 826"
	if p.Address.Is6() {
		field, protocol, source = "The target", "NDP", "RFC 4861 11.1"
	}
	means := fmt.Sprintf("%s is the address that was asked for: frames for %v go to %s from now on.", field, p.Address, mac(p.MAC[:]))
	if p.Note != "" {
		means = fmt.Sprintf("It was not used: %s.", l.page.Printable(p.Note))
	}
	l.page.prose(means, fmt.Sprintf("Anyone on the link can claim an address: nothing in %s proves it (%s).", protocol, source))
	l.neighborPacket(e, p)
}

// neighborSilence explains that nobody answered.
func (l *Lesson) neighborSilence(r *probe.Result, e *probe.Event) {
	p := orZero(e.Neighbor)
	l.page.headline(r, e, p.Protocol(), text.Silence, "nobody answered on "+l.page.Printable(p.Interface))
	source := "RFC 1122 2.3.2"
	if p.Address.Is6() {
		source = "RFC 4861 7.2.2"
	}
	l.page.prose(
		fmt.Sprintf("Nobody on the link says that it has %v: the station is down, or not on this link, or its address is another.", p.Address),
		fmt.Sprintf("Without its address no frame can be sent, so that no segment left (%s).", source))
}

// framed returns the size of an event's packet with the header of its frame.
func (l *Lesson) framed(e *probe.Event) int {
	if e.Frame != nil {
		return etherHeaderLen + len(e.Octets)
	}
	return len(e.Octets)
}

// neighborPacket adds the table of a packet.
func (l *Lesson) neighborPacket(e *probe.Event, p *probe.NeighborPacket) {
	if p.Address.Is6() || rawip.Is6(e.Octets) {
		t := l.newTable(e, etherTypeIPv6, "cut off here: the rest of the message is missing")
		t.ours = e.Kind == probe.EventNeighborRequest
		if len(e.Octets) > 0 {
			t.datagram(false)
		}
		l.page.table(t)
		return
	}
	t := l.newTable(e, etherTypeARP, "cut off here: an ARP packet has 28 octets")
	if len(e.Octets) > 0 {
		t.arp()
	}
	l.page.table(t)
}
