package rawip

import (
	"bytes"
	"context"
	"errors"
	"net/netip"
	"time"

	"golang.org/x/net/bpf"

	"tcpprobe/internal/socket"
	"tcpprobe/internal/stamp"
)

// maxPacket is room for what the kernel may hand up at once: datagrams that it joined are longer than any link's MTU,
// but all that a handshake wants of them is their headers.
const maxPacket = 65536

// WireOptions say what a Wire is to be able to do.
type WireOptions struct {
	Link      bool   // to send and receive on links
	IP        bool   // to send and receive by the kernel's IP
	Interface string // by which the kernel's IP is to send; empty for the one it chooses
	Mark      uint32 // of the datagrams that the kernel's IP sends (SO_MARK); 0 for none
}

// Wire carries datagrams to the network and back, for one goroutine.
type Wire struct {
	clock  *stamp.Clock
	link   *socket.Packet // nil unless asked for
	ip     *ipSockets     // nil unless asked for
	links  *linkMonitor
	waiter *socket.Waiter
	locals []netip.AddrPort
	buffer [maxPacket]byte
	frame  socket.Frame

	// The frame before, to know it again when another interface shows it too.
	last   []byte
	lastAt time.Time
}

// OpenWire returns a Wire that sees nothing yet: see Watch. Its waits end with the context. Without CAP_NET_RAW the error is
// os.ErrPermission.
func OpenWire(ctx context.Context, o WireOptions) (*Wire, error) {
	w := &Wire{clock: stamp.NewClock(stamp.System)}
	if err := w.open(ctx, o); err != nil {
		w.Close()
		return nil, err
	}
	return w, nil
}

func (w *Wire) open(ctx context.Context, o WireOptions) (err error) {
	nothing, err := bpf.Assemble(Filter(nil))
	if err != nil {
		return err
	}
	var fds []int
	if o.Link {
		if w.link, err = socket.OpenPacket(nothing, w.clock); err != nil {
			return err
		}
		fds = append(fds, w.link.FD())
	}
	if o.IP {
		if w.ip, err = openIP(nothing, w.clock, o.Interface, o.Mark); err != nil {
			return err
		}
		fds = append(fds, w.ip.tcp, w.ip.icmp)
	}
	if w.links, err = openLinkMonitor(); err != nil {
		return err
	}
	w.waiter, err = socket.NewWaiter(ctx, append(fds, w.links.fd)...)
	return err
}

// Watch makes the Wire see the connections from these local addresses and ports, and no others.
func (w *Wire) Watch(locals ...netip.AddrPort) error {
	filter, err := bpf.Assemble(Filter(locals))
	if err != nil {
		return err
	}
	w.locals = locals
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
	var errs []error
	if w.waiter != nil {
		errs = append(errs, w.waiter.Close())
	}
	if w.links != nil {
		errs = append(errs, w.links.close())
	}
	if w.ip != nil {
		errs = append(errs, w.ip.close())
	}
	if w.link != nil {
		errs = append(errs, w.link.Close())
	}
	return errors.Join(errs...)
}
