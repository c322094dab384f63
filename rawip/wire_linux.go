package rawip

import (
	"bytes"
	"context"
	"errors"
	"net/netip"
	"slices"
	"time"

	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"

	"tcpprobe/internal/socket"
	"tcpprobe/internal/stamp"
)

// maxPacket is room for what the kernel may hand up at once: datagrams that it joined are longer than any link's MTU,
// but all that a handshake wants of them is their headers.
const maxPacket = 65536

// WireOptions say how the kernel's IP is to send, and how much there is to do.
type WireOptions struct {
	Interface string // by which; empty for the one that it chooses
	Mark      uint32 // with which mark (SO_MARK); 0 for none

	// Mass is for very many connections on links: datagrams are handed to the kernel by the batch, and no more than the
	// first 432 octets of what arrives are received.
	Mass bool

	// Often is for waits that are short and many; see socket.Waiter.
	Often bool

	// Brief is for those who do not want to see the segments leave that end a connection, FIN and RST.
	Brief bool
}

// filterFor returns the filter for connections from these local addresses and ports.
func (o WireOptions) filterFor(locals []netip.AddrPort) ([]bpf.RawInstruction, error) {
	if o.Brief {
		return bpf.Assemble(BriefFilter(locals))
	}
	return bpf.Assemble(Filter(locals))
}

// link is a packet socket: socket.Packet, or for the mass socket.Ring.
type link interface {
	FD() int
	SetFilter([]bpf.RawInstruction) error
	Send(ifindex int, protocol uint16, to [6]byte, octets []byte) error
	Flush() (sent int, err error)
	Receive(b []byte, f *socket.Frame) (octets []byte, ok bool, err error)
	Drops() (int, error)
	Close() error
}

// Wire carries datagrams to the network and back, for one goroutine.
type Wire struct {
	options WireOptions
	clock   *stamp.Clock
	links   *linkMonitor
	link    link       // nil until prepared for
	ip      *ipSockets // nil until prepared for
	waiter  *socket.Waiter
	filter  []bpf.RawInstruction
	buffer  [maxPacket]byte
	frame   socket.Frame

	// The frame before, to know it again when another interface shows it too.
	last   []byte
	lastAt time.Time

	waiting  bool // datagrams wait for room in the system
	refusals int  // how often there was none
	flushed  time.Time
}

// OpenWire returns a Wire, whose waits end with the context.
func OpenWire(ctx context.Context, o WireOptions) (*Wire, error) {
	nothing, err := o.filterFor(nil)
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
	waiter.Often = o.Often
	return &Wire{options: o, clock: stamp.NewClock(stamp.System), links: links, waiter: waiter, filter: nothing}, nil
}

// Prepare makes the Wire able to send along the path, and to receive what comes back. Without CAP_NET_RAW the error is
// os.ErrPermission.
func (w *Wire) Prepare(p Path) (err error) {
	switch {
	case p.Link && w.link == nil:
		w.link, err = w.openLink()
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

func (w *Wire) openLink() (link, error) {
	if w.options.Mass {
		return socket.OpenRing(w.filter, w.clock)
	}
	return socket.OpenPacket(w.filter, w.clock)
}

// Watch makes the Wire see the connections from these local addresses and ports, and as few others as Filter says.
func (w *Wire) Watch(locals ...netip.AddrPort) error {
	filter, err := w.options.filterFor(locals)
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

// Send sends a datagram, header and all. The error says what the system had against it. For the mass, it leaves at the
// latest with the next Receive or Wait.
func (w *Wire) Send(p Path, datagram []byte) error {
	if !p.Link {
		return w.ip.send(datagram)
	}
	err := w.link.Send(p.Interface, etherTypeIPv4, p.NextHop, datagram)
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
	if w.ip != nil {
		if p, ok, err := w.ip.receive(w.buffer[:]); ok || err != nil {
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
