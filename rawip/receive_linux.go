package rawip

import (
	"bytes"
	"time"

	"tcpprobe/internal/socket"
)

// Receive returns the next datagram, without waiting: where there is none, ok is false. A *LinkError says that an
// interface was lost, and is no reason not to go on.
func (w *Wire) Receive() (p Packet, ok bool, err error) {
	if w.link != nil {
		p, ok, err := w.receiveFrame()
		if !ok && err == nil {
			// Nothing is left to do but to send; on a short path the answers are there at once.
			var sent int
			if sent, err = w.flush(); sent > 0 && err == nil {
				p, ok, err = w.receiveFrame()
			}
		}
		if ok || err != nil {
			return p, ok, err
		}
	}
	for _, sockets := range [...]*ipSockets{w.ip, w.ip6} {
		if sockets == nil {
			continue
		}
		if p, ok, err := sockets.receive(w.buffer[:]); ok || err != nil {
			return p, ok, err
		}
	}
	return Packet{}, false, w.links.lost()
}

// receiveFrame returns the datagram of the next frame.
func (w *Wire) receiveFrame() (Packet, bool, error) {
	for {
		octets, ok, err := w.link.Receive(w.buffer[:], &w.frame)
		if err != nil || !ok {
			return Packet{}, false, err
		}
		p := Packet{
			Sent:       w.frame.Type == socket.FromHost,
			Octets:     octets,
			Interface:  w.frame.Interface,
			Source:     w.frame.Source,
			At:         w.frame.Stamp,
			NoChecksum: w.frame.NoChecksum,
		}
		if !w.again(p) {
			return p, true, nil
		}
	}
}

// again reports whether a received packet is the one before, seen on another interface: a bridge and its port, say, or
// a VLAN and the interface below. The kernel has stamped it only once.
func (w *Wire) again(p Packet) bool {
	if p.Sent || p.At.Kernel.IsZero() {
		return false
	}
	again := p.At.Kernel.Equal(w.lastAt) && bytes.Equal(p.Octets, w.last)
	w.lastAt = p.At.Kernel
	w.last = append(w.last[:0], p.Octets...)
	return again
}

// Wait returns when there may be something to receive, when the time has come (the zero Time never does), or when the
// context has ended. For the mass, a *LinkError says that an interface was lost by which something was to leave.
func (w *Wire) Wait(until time.Time) error {
	if _, err := w.flush(); err != nil {
		return err
	}
	if w.waiting {
		const pause = time.Millisecond
		if soon := time.Now().Add(pause); until.IsZero() || soon.Before(until) {
			until = soon
		}
	}
	return w.waiter.Wait(until)
}

// Wake ends a wait, now or when it begins. It may be called from another goroutine.
func (w *Wire) Wake() { w.waiter.Wake() }

// Drops returns how many packets were lost because they were not received in time, since the last call.
func (w *Wire) Drops() (int, error) {
	if w.link == nil {
		return 0, nil
	}
	return w.link.Drops()
}
