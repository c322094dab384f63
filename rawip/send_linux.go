package rawip

import (
	"errors"
	"fmt"
	"net"
	"time"

	"golang.org/x/sys/unix"

	"tcpprobe/internal/socket"
)

// Send sends a datagram, header and all. The error says what the system had against it, and is unix.EDESTADDRREQ for a frame
// to a next hop whose MAC is not known, on a link that has MACs. For the mass, it leaves at the latest with the next Receive or
// Wait.
func (w *Wire) Send(p Path, datagram []byte) error {
	etherType := uint16(etherTypeIPv4)
	switch v6 := Is6(datagram); {
	case !p.Link && v6 && w.ip6 == nil:
		return &net.OpError{Op: "send", Net: "ip6", Err: unix.EAFNOSUPPORT}
	case !p.Link && v6:
		return w.ip6.send(p, datagram)
	case !p.Link:
		return w.ip.send(p, datagram)
	case v6:
		etherType = etherTypeIPv6
	}
	if p.NextHop == [6]byte{} && p.MAC != [6]byte{} {
		return &net.OpError{Op: "send", Net: "packet", Err: fmt.Errorf("the next hop's MAC is not known: %w", unix.EDESTADDRREQ)}
	}
	err := w.link.Send(p.Interface, etherType, p.NextHop, datagram)
	if _, others := errors.AsType[*socket.SendError](err); others {
		return w.unsent(err) // it was not about this one
	}
	return err
}

// flush sends what is left to be sent, and returns how many datagrams that were.
func (w *Wire) flush() (int, error) {
	if w.link == nil {
		return 0, nil
	}
	w.waiting = false
	sent, err := w.link.Flush()
	if sent > 0 && err == nil {
		w.flushed = w.clock.Now()
	}
	return sent, w.unsent(err)
}

// Flushed returns when everything that Send was given until then had left, for the mass.
func (w *Wire) Flushed() time.Time { return w.flushed }

// unsent says what is to be done about datagrams that were not sent: nothing for the moment, if the system has no room for
// them.
func (w *Wire) unsent(err error) error {
	e, ok := errors.AsType[*socket.SendError](err)
	switch {
	case !ok:
		return err
	case e.Lost == 0:
		w.waiting = true
		w.refusals++
		return nil
	case errors.Is(err, unix.ENETDOWN), errors.Is(err, unix.ENXIO), errors.Is(err, unix.ENODEV):
		return &LinkError{Interface: e.Interface, Err: err}
	}
	return err
}

// Refusals returns how often the system had no room for a batch of datagrams, since the last call.
func (w *Wire) Refusals() int {
	n := w.refusals
	w.refusals = 0
	return n
}
