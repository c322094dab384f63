package prober

import (
	"fmt"
	"net/netip"

	"golang.org/x/sys/unix"

	"tcpprobe/internal/route"
	"tcpprobe/internal/stamp"
	"tcpprobe/probe"
	"tcpprobe/rawip"
)

// routeFrom asks for the route of a flow from a source port.
func (w *worker) routeFrom(port uint16, remote netip.AddrPort, spec *Spec) (route.Route, error) {
	flow := route.Flow{
		Dst: remote.Addr(), Src: spec.Source, SrcPort: port, DstPort: remote.Port(), Protocol: rawip.ProtocolTCP,
		Interface: w.prober.options.Interface, Mark: w.prober.options.Mark,
	}
	way, err := w.routes.Lookup(flow, w.clock.Now())
	if err != nil {
		return route.Route{}, err
	}
	// RFC 1122 3.2.1.3: such addresses must not appear outside of a host.
	if flow.Dst.IsLoopback() && !way.Loopback {
		reason := fmt.Sprintf("%v is this host itself: nothing for it may leave through %s", flow.Dst, way.Interface)
		return route.Route{}, &route.Error{Flow: flow, Reason: reason, Err: unix.ENETUNREACH}
	}
	return way, nil
}

// goBy makes a route the attempt's, and returns the path that its datagrams take, as yet without the next hop's MAC.
func (w *worker) goBy(a *attempt, way route.Route) rawip.Path {
	a.way = way
	a.result.Route = &probe.Route{
		Interface: way.Interface, MAC: way.HardwareAddr, Source: way.Source,
		NextHop: way.NextHop, OnLink: way.OnLink, MTU: way.MTU, LinkMTU: way.LinkMTU,
	}
	a.happened(probe.Event{Kind: probe.EventRouteFound, At: stamp.Stamp{User: w.clock.Now()}, Route: a.result.Route})
	send := a.series.request.Spec.Send
	return rawip.Path{Interface: way.Index, MAC: way.HardwareAddr, Link: send == SendLink || send == SendAuto && way.UsesARP()}
}

// takesFrames returns an error if a frame of ours would go nowhere on the route's interface.
func takesFrames(way route.Route) error {
	if way.Loopback {
		return fmt.Errorf("it needs --send ip: %s takes no frames from outside of the kernel", way.Interface)
	}
	return nil
}
