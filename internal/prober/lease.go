package prober

import (
	"context"
	"net/netip"
	"time"

	"tcpprobe/internal/port"
	"tcpprobe/internal/route"
)

// lease asks for the route of the series' next handshake, and leases a port for it.
func (w *worker) lease(s *series, label uint32, now time.Time) (route.Route, port.Lease, error) {
	var way route.Route
	l, err := w.ports.Lease(port.Request{
		Remote: s.remote,
		Port:   s.request.Spec.SourcePort,
		Source: func(from uint16) (_ netip.Addr, err error) {
			way, err = w.routeFrom(from, label, s, now)
			return way.Source.WithZone(way.Zone), err
		},
	}, now)
	return way, l, err
}

// unblock has those try again who wait for the one port that their spec allows, once a port was given back.
func (w *worker) unblock(ctx context.Context) {
	if !w.released {
		return
	}
	w.released = false
	blocked := w.blocked
	w.blocked = nil
	for _, a := range blocked {
		if w.busy(a.series) {
			w.blocked = append(w.blocked, a)
		} else if w.prepare(ctx, a) {
			w.ready = append(w.ready, a)
		}
	}
}

// busy reports whether the one port that a series may have is leased for its server.
func (w *worker) busy(s *series) bool {
	from := s.request.Spec.SourcePort
	return from != 0 && (w.ports.Busy(from, s.remote) || w.connects.busy(from, s.remote))
}
