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
	next := fmt.Sprintf("The next hop is %v, a router: the destination is on another network (RFC 1122 3.3.1.1).", way.NextHop)
	switch {
	case way.NextHop == way.Source:
		next = "The destination is this host itself."
	case way.OnLink:
		next = fmt.Sprintf("The destination %v is on the link itself, so that no router is needed (RFC 1122 3.3.1.1).", way.NextHop)
	}
	l.page.prose(
		fmt.Sprintf("Our segments leave through %s, from %v.", l.page.Printable(way.Interface), way.Source), next,
		fmt.Sprintf("A datagram may have %d octets on this link; without two headers of 20 octets, %d are left for data (RFC 9293 3.7.1).",
			way.MTU, max(way.MTU-ipv4HeaderLen-tcpHeaderLen, 0)))
}
