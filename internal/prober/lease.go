package prober

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"time"

	"golang.org/x/sys/unix"

	"tcpprobe/internal/port"
	"tcpprobe/internal/route"
)

// lease asks for the route of the series' next handshake, and leases a port for it.
func (w *worker) lease(s *series, label uint32, now time.Time) (route.Route, port.Lease, error) {
	var way route.Route
	l, err := w.ports.Lease(port.Request{
		Remote: s.remote,
		Port:   s.request.Spec.SourcePort,
		Shared: s.request.Spec.SharePort,
		Source: func(from uint16) (_ netip.Addr, err error) {
			way, err = w.routeFrom(from, label, s, now)
			return way.Source.WithZone(way.Zone), err
		},
	}, now)
	return way, l, err
}

// ofPort says of a source port that was not to be had which right it takes: one below net.ipv4.ip_unprivileged_port_start.
func ofPort(err error, from uint16) error {
	if call, ok := errors.AsType[*os.SyscallError](err); ok && from != 0 && call.Syscall == "bind" && call.Err == unix.EACCES {
		return fmt.Errorf("port %d takes CAP_NET_BIND_SERVICE (%w)", from, call)
	}
	return err
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
