package rawip

import (
	"bytes"
	"context"
	"errors"
	"net/netip"
	"slices"
	"time"

	"golang.org/x/net/bpf"

	"tcpprobe/internal/socket"
	"tcpprobe/internal/stamp"
)

// maxPacket is room for what the kernel may hand up at once: datagrams that it joined are longer than any link's MTU,
// but all that a handshake wants of them is their headers.
const maxPacket = 65536

// WireOptions say how the kernel's IP is to send.
type WireOptions struct {
	Interface string // by which; empty for the one that it chooses
	Mark      uint32 // with which mark (SO_MARK); 0 for none
}

// Wire carries datagrams to the network and back, for one goroutine.
type Wire struct {
	options WireOptions
	clock   *stamp.Clock
	links   *linkMonitor
	link    *socket.Packet // nil until prepared for
	ip      *ipSockets     // nil until prepared for
	waiter  *socket.Waiter
	filter  []bpf.RawInstruction
	buffer  [maxPacket]byte
	frame   socket.Frame

	// The frame before, to know it again when another interface shows it too.
	last   []byte
	lastAt time.Time
}

// OpenWire returns a Wire, whose waits end with the context.
func OpenWire(ctx context.Context, o WireOptions) (*Wire, error) {
	nothing, err := bpf.Assemble(Filter(nil))
	if err != nil {
		return nil, err
	}
	links, err := openLinkMonitor()
	if err != nil {
		return nil, err
	}
	waiter, err := socket.NewWaiter(ctx, links.fd)
	if err != nil {
		return nil, errors.Join(err, links.close())
	}
	return &Wire{options: o, clock: stamp.NewClock(stamp.System), links: links, waiter: waiter, filter: nothing}, nil
}

// Prepare makes the Wire able to send along the path, and to receive what comes back. Without CAP_NET_RAW the error is
// os.ErrPermission.
func (w *Wire) Prepare(p Path) (err error) {
	switch {
	case p.Link && w.link == nil:
		w.link, err = socket.OpenPacket(w.filter, w.clock)
	case !p.Link && w.ip == nil:
		w.ip, err = openIP(w.filter, w.clock, w.options)
	default:
		return nil
	}
	if err != nil {
		return err
	}
	if p.Link {
		w.waiter.Add(w.link.FD())
	} else {
		w.waiter.Add(w.ip.tcp, w.ip.icmp)
	}
	return nil
}

// Watch makes the Wire see the connections from these local addresses and ports, and as few others as Filter says.
func (w *Wire) Watch(locals ...netip.AddrPort) error {
	filter, err := bpf.Assemble(Filter(locals))
	if err != nil || slices.Equal(filter, w.filter) {
		return err
	}
	w.filter = filter
	if w.link != nil {
		if err := w.link.SetFilter(filter); err != nil {
			return err
		}
	}
	if w.ip != nil {
		return w.ip.setFilter(filter)
	}
	return nil
}

// Now returns the time, on the clock of the stamps.
func (w *Wire) Now() time.Time { return w.clock.Now() }

// Send sends a datagram, header and all. The error says what the system had against it.
func (w *Wire) Send(p Path, datagram []byte) error {
	if p.Link {
		return w.link.Send(p.Interface, etherTypeIPv4, p.NextHop, datagram)
	}
	return w.ip.send(datagram)
}

// Receive returns the next datagram, without waiting: where there is none, ok is false. A *LinkError says that an
// interface was lost, and is no reason not to go on.
func (w *Wire) Receive() (p Packet, ok bool, err error) {
	if w.link != nil {
		for {
			octets, ok, err := w.link.Receive(w.buffer[:], &w.frame)
			if err != nil {
				return Packet{}, false, err
			}
			if !ok {
				break
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
	if w.ip != nil {
		if p, ok, err := w.ip.receive(w.buffer[:]); ok || err != nil {
			return p, ok, err
		}
	}
	return Packet{}, false, w.links.lost()
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
// context has ended.
func (w *Wire) Wait(until time.Time) error { return w.waiter.Wait(until) }

// Drops returns how many packets were lost because they were not received in time, since the last call.
func (w *Wire) Drops() (int, error) {
	if w.link == nil {
		return 0, nil
	}
	return w.link.Drops()
}

// Close closes the sockets. For a Wire on links that takes milliseconds.
func (w *Wire) Close() error {
	errs := []error{w.waiter.Close(), w.links.close()}
	if w.ip != nil {
		errs = append(errs, w.ip.close())
	}
	if w.link != nil {
		errs = append(errs, w.link.Close())
	}
	return errors.Join(errs...)
}
