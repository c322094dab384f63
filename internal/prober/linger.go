package prober

import (
	"tcpprobe/internal/port"
	"tcpprobe/probe"
)

// mostLingering is how many ports are guarded beyond the ends of their connections. Each is a descriptor, and one more that the
// socket's filter looks at.
const mostLingering = 64

// lingering is the leases of the latest connections in TIME-WAIT. As long as their ports are guarded, a FIN that comes again is
// acknowledged by the engine; without the guard the kernel would reset it too.
type lingering struct {
	leases []port.Lease // as a ring, once there are so many as there may be
	most   int
	oldest int
}

// newLingering returns room for leases, no more than a quarter of so many ports as there are.
func newLingering(ports int) lingering { return lingering{most: min(mostLingering, ports/4)} }

// add keeps a lease, and returns the one that is to be released for it. With ok false there is none.
func (l *lingering) add(lease port.Lease) (out port.Lease, ok bool) {
	switch {
	case l.most == 0:
		return lease, true
	case len(l.leases) < l.most:
		l.leases = append(l.leases, lease)
		return port.Lease{}, false
	}
	out = l.leases[l.oldest]
	l.leases[l.oldest] = lease
	l.oldest = (l.oldest + 1) % l.most
	return out, true
}

// lingers reports whether the port of an attempt that has ended is to stay guarded. One that was asked for is wanted for the next
// attempt, and those that many share stay anyway.
func (w *worker) lingers(a *attempt) bool {
	tcp := a.result.TCP
	return !w.prober.mass && a.series.request.Spec.SourcePort == 0 && tcp != nil && tcp.State == probe.StateTimeWait
}
