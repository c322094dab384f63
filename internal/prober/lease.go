package prober

import (
	"net/netip"

	"tcpprobe/internal/port"
	"tcpprobe/internal/route"
)

// lease asks for the route of the series' next handshake, and leases a port for it.
func (w *worker) lease(s *series) (route.Route, port.Lease, error) {
	var way route.Route
	l, err := w.ports.Lease(port.Request{
		Remote: s.remote,
		Port:   s.request.Spec.SourcePort,
		Source: func(from uint16) (_ netip.Addr, err error) {
			way, err = w.routeFrom(from, s.remote, s.request.Spec)
			return way.Source, err
		},
	}, w.clock.Now())
	return way, l, err
}
