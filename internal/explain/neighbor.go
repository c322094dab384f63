package explain

import (
	"fmt"

	"tcpprobe/internal/text"
	"tcpprobe/probe"
)

// arpRequest explains a request.
func (l *Lesson) arpRequest(r *probe.Result, e *probe.Event) {
	p := orZero(e.Neighbor)
	l.page.headline(r, e, "ARP", text.Out, fmt.Sprintf("who has %v? %s", p.Address, text.Count(l.framed(e), "octet")))
	again := ""
	if p.Attempt > 1 {
		again = fmt.Sprintf("Nobody answered before: this is request %d of %d (RFC 1122 2.3.2.1).", p.Attempt, p.Attempts)
	}
	l.page.prose(
		fmt.Sprintf("A frame needs the address of the station that takes it next, and of that we know only %v.", p.Address),
		"So all on the link are asked, and whoever has the address must answer us alone:",
		fmt.Sprintf("opcode 2, SenderPA %v, and its own address in SenderHA (RFC 826).", p.Address),
		again)
	l.arpPacket(e)
}

// arpReply explains a reply.
func (l *Lesson) arpReply(r *probe.Result, e *probe.Event) {
	p := orZero(e.Neighbor)
	l.page.headline(r, e, "ARP", text.In, fmt.Sprintf("%v is at %s, %s", p.Address, mac(p.MAC[:]), text.Count(l.framed(e), "octet")))
	means := fmt.Sprintf("SenderPA is the address that was asked for: frames for %v go to %s from now on.", p.Address, mac(p.MAC[:]))
	if p.Note != "" {
		means = fmt.Sprintf("It was not used: %s.", l.page.Printable(p.Note))
	}
	l.page.prose(means, "Anyone on the link can claim an address: nothing in ARP proves it (RFC 826).")
	l.arpPacket(e)
}

// arpSilence explains that nobody answered.
func (l *Lesson) arpSilence(r *probe.Result, e *probe.Event) {
	p := orZero(e.Neighbor)
	l.page.headline(r, e, "ARP", text.Silence, "nobody answered on "+l.page.Printable(p.Interface))
	l.page.prose(
		fmt.Sprintf("Nobody on the link says that it has %v: the station is down, or not on this link, or its address is another.", p.Address),
		"Without its address no frame can be sent, so that no segment left (RFC 1122 2.3.2).")
}

// framed returns the size of an event's packet with the header of its frame.
func (l *Lesson) framed(e *probe.Event) int {
	if e.Frame != nil {
		return etherHeaderLen + len(e.Octets)
	}
	return len(e.Octets)
}

// arpPacket adds the table of an ARP packet.
func (l *Lesson) arpPacket(e *probe.Event) {
	t := l.newTable(e, etherTypeARP, "cut off here: an ARP packet has 28 octets")
	if len(e.Octets) > 0 {
		t.arp()
	}
	l.page.table(t)
}
