package prober

import (
	"errors"
	"fmt"
	"net/netip"

	"golang.org/x/sys/unix"

	"tcpprobe/internal/route"
	"tcpprobe/rawip"
)

// ports are the source ports that a worker holds, each reserved by a guard for as long as somebody has a lease.
type ports struct {
	wire    *rawip.Wire
	guards  map[netip.AddrPort]*rawip.Guard
	leases  map[netip.AddrPort]int
	current uint16 // from which handshakes begin at the moment; 0 for none
}

func newPorts(wire *rawip.Wire) ports {
	return ports{wire: wire, guards: make(map[netip.AddrPort]*rawip.Guard), leases: make(map[netip.AddrPort]int)}
}

// lease asks for the route of the series' next handshake, and leases a port for it. Handshakes with different addresses may
// share a port; those with the same one do not, and neither do two of a series that follow each other: a peer might take the
// one for a part of the other.
func (w *worker) lease(s *series) (route.Route, netip.AddrPort, error) {
	const tries = 100
	spec, ports := s.request.Spec, &w.ports
	for i := 1; ; i++ {
		switch {
		case spec.SourcePort != 0:
			ports.current = spec.SourcePort
		case ports.current == 0 || ports.current == s.port || !w.prober.mass:
			ports.turn()
		}
		way, err := w.routeFrom(ports.current, s.remote, spec)
		if err != nil {
			return route.Route{}, netip.AddrPort{}, err
		}
		local := netip.AddrPortFrom(way.Source, ports.current)
		taken := local == s.remote || w.engine.Busy(local, s.remote)
		if taken && spec.SourcePort != 0 {
			return route.Route{}, netip.AddrPort{}, fmt.Errorf("source and target are both %v", local)
		}
		if !taken {
			err = ports.guard(local)
			taken = errors.Is(err, unix.EADDRINUSE) && spec.SourcePort == 0
		}
		switch {
		case taken && i < tries:
			ports.current = 0
			continue
		case err != nil:
			return route.Route{}, netip.AddrPort{}, err
		}
		ports.leases[local]++
		s.port = ports.current
		return way, local, nil
	}
}

// guard reserves a port, unless it is reserved, and makes the wire see the connections from it.
func (p *ports) guard(local netip.AddrPort) error {
	if p.guards[local] != nil {
		return nil
	}
	guard, err := rawip.NewGuard(local)
	if err != nil {
		return err
	}
	p.guards[local] = guard
	if err := p.watch(); err != nil {
		delete(p.guards, local)
		return errors.Join(err, guard.Close())
	}
	return nil
}

// watch makes the wire see the connections from all ports that are reserved.
func (p *ports) watch() error {
	var locals []netip.AddrPort
	for local := range p.guards {
		locals = append(locals, local)
	}
	return p.wire.Watch(locals...)
}

// turn makes the handshakes to come begin from another port, and gives up those that nobody uses.
func (p *ports) turn() {
	p.current = rawip.EphemeralPort()
	for local, users := range p.leases {
		if users == 0 && local.Port() != p.current {
			p.release(local)
		}
	}
}

// giveBack ends a lease. The port stays reserved as long as others may begin from it: next says that they may.
func (p *ports) giveBack(local netip.AddrPort, next bool) {
	p.leases[local]--
	if p.leases[local] == 0 && (local.Port() != p.current || !next) {
		p.release(local)
	}
}

// release gives up a port.
func (p *ports) release(local netip.AddrPort) {
	p.guards[local].Close()
	delete(p.guards, local)
	delete(p.leases, local)
	p.watch()
}

// close gives up all ports.
func (p *ports) close() {
	for _, guard := range p.guards {
		guard.Close()
	}
}

// busy reports whether a handshake with that address from that port is under way.
func (w *worker) busy(port uint16, remote netip.AddrPort) bool {
	for local := range w.ports.leases {
		if local.Port() == port && w.engine.Busy(local, remote) {
			return true
		}
	}
	return false
}
