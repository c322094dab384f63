package prober

import (
	"time"

	"tcpprobe/internal/route"
	"tcpprobe/internal/stamp"
	"tcpprobe/probe"
	"tcpprobe/rawip"
)

// routeFrom asks for the route of a series' flow from a source port, by a flow label.
func (w *worker) routeFrom(port uint16, label uint32, s *series, now time.Time) (route.Route, error) {
	spec := s.request.Spec
	flow := route.Flow{
		Dst: s.remote.Addr(), Src: spec.Source, SrcPort: port, DstPort: s.remote.Port(), Protocol: rawip.ProtocolTCP,
		TOS: spec.TOS, Interface: w.prober.options.Interface, Mark: w.prober.options.Mark,
	}
	if flow.Dst.Is6() {
		flow.FlowLabel = label
	}
	return w.routes.Lookup(flow, now)
}

// goBy makes a route the attempt's, and returns the path that its datagrams take, as yet without the next hop's MAC.
func (w *worker) goBy(a *attempt, way route.Route, now time.Time) rawip.Path {
	a.way = way
	a.result.Route = &probe.Route{
		Interface: way.Interface, MAC: way.HardwareAddr, Source: way.Source,
		NextHop: way.NextHop, OnLink: way.OnLink, MTU: way.MTU, LinkMTU: way.LinkMTU,
	}
	if way.Source.Is6() && way.Source.IsLinkLocalUnicast() && !a.result.Address.IsLinkLocalUnicast() {
		a.find(probe.FindingLinkLocalSource)
	}
	a.happened(probe.Event{Kind: probe.EventRouteFound, At: stamp.Stamp{User: now}, Route: a.result.Route})
	return rawip.Path{V6: way.Source.Is6(), Interface: way.Index, Scope: way.Scope, MAC: way.HardwareAddr, Link: w.inFrames(a.series.request.Spec.Send, way)}
}

// inFrames reports whether segments leave in frames of our own. By itself that is where the link has addresses and the kernel
// would do no more than frame them; where IPsec policies exist, frames would leave in the clear. Nor are they where there are no sockets for them.
func (w *worker) inFrames(s Send, way route.Route) bool {
	switch s {
	case SendLink:
		return true
	case SendIP:
		return false
	}
	return !w.prober.options.IPOnly && way.AsksForMAC() && way.TakesFrames() == nil && !w.prober.policy.IPsec
}

// judgeWay adds to the result of a handshake what the way that it went has to do with it.
func (w *worker) judgeWay(a *attempt) {
	r := a.result
	if !a.flow.Path.Link {
		return
	}
	r.TCP.Bypassed = w.prober.policy.Bypassed()
	if on := w.arrivedOn(a.way.Index, r.TCP.ArrivedIndex); on != "" {
		r.TCP.ArrivedOn = on
		a.find(probe.FindingAnsweredElsewhere)
	}
}

// arrivedOn returns the name of the interface that an answer came by, if it is another than that of the route, and does not
// lie on it or below it.
func (w *worker) arrivedOn(left, arrived int) string {
	if arrived == 0 || arrived == left {
		return ""
	}
	key := [2]int{left, arrived}
	name, known := w.elsewhere[key]
	if known {
		return name
	}
	stacked, err := w.routes.Stacked(left, arrived)
	if err == nil && !stacked {
		name, err = w.routes.InterfaceName(arrived)
	}
	if err != nil {
		return "" // it is gone by now
	}
	w.elsewhere[key] = name
	return name
}
