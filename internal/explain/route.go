package explain

import (
	"fmt"

	"tcpprobe/internal/text"
	"tcpprobe/probe"
)

// routeFound explains which way segments go.
func (l *Lesson) routeFound(r *probe.Result, e *probe.Event) {
	way := orZero(e.Route)
	l.page.headline(r, e, "IP", text.Nowhere, "the way, as the kernel knows it: no packet")
	if e.Route == nil {
		return
	}
	source := "RFC 1122 3.3.1.1"
	if way.Source.Is6() {
		source = "RFC 4861 5.2"
	}
	next := fmt.Sprintf("The next hop is %v, a router: the destination is on another network (%s).", way.NextHop, source)
	switch {
	case way.NextHop == way.Source:
		next = "The destination is this host itself."
	case way.OnLink:
		next = fmt.Sprintf("The destination %v is on the link itself, so that no router is needed (%s).", way.NextHop, source)
	}
	l.page.prose(
		fmt.Sprintf("Our segments leave through %s, from %v.", l.page.Printable(way.Interface), way.Source), next,
		room(way))
}

// room says how much a segment may hold.
func room(way *probe.Route) string {
	headers, ip := "two headers of 20 octets", ipv4HeaderLen
	if way.Source.Is6() {
		headers, ip = "the headers of IPv6, 40 octets, and TCP, 20", ipv6HeaderLen
	}
	return fmt.Sprintf("A datagram may have %d octets on this link; without %s, %d are left for data (RFC 9293 3.7.1).",
		way.MTU, headers, max(way.MTU-ip-tcpHeaderLen, 0))
}
