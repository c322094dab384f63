package rawip

import (
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

// WireOptions say how the kernel's IP is to send, and how much there is to do.
type WireOptions struct {
	Interface string // by which; empty for the one that it chooses
	Mark      uint32 // with which mark (SO_MARK); 0 for none

	// Mass is for very many connections on links: datagrams are handed to the kernel by the batch, and no more than the
	// first 432 octets of what arrives are received.
	Mass bool

	// NoLinks is for those who send nothing by the Wire, and need not hear what becomes of interfaces.
	NoLinks bool

	// Often is for waits that are short and many; see socket.Waiter.
	Often bool

	// Single is for a single target: fewer sockets will do.
	Single bool

	// Brief is for those who do not want to see the segments leave that end a connection, FIN and RST.
	Brief bool
}

// filters are those of the sockets of a Wire, for the same connections.
type filters struct {
	link               []bpf.RawInstruction // of frames, and of datagrams of IPv4
	segments6, errors6 []bpf.RawInstruction // of raw sockets for IPv6
}

// filtersFor returns the filters for connections from these local addresses and ports.
func (o WireOptions) filtersFor(locals []netip.AddrPort) (f filters, err error) {
	program := Filter
	if o.Brief {
		program = BriefFilter
	}
	if f.link, err = bpf.Assemble(program(locals)); err != nil {
		return f, err
	}
	if f.segments6, err = bpf.Assemble(rawFilter6(locals)); err != nil {
		return f, err
	}
	f.errors6, err = bpf.Assemble(rawErrors6(locals))
	return f, err
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
	ip      *ipSockets // of IPv4; nil until prepared for
	ip6     *ipSockets // of IPv6; nil until prepared for
	waiter  *socket.Waiter
	filters filters
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
	nothing, err := o.filtersFor(nil)
	if err != nil {
		return nil, err
	}
	links, err := openLinkMonitor(o.NoLinks)
	if err != nil {
		return nil, err
	}
	waiter, err := socket.NewWaiter(ctx, links.fds()...)
	if err != nil {
		return nil, errors.Join(err, links.close())
	}
	waiter.Often = o.Often
	return &Wire{options: o, clock: stamp.NewClock(stamp.System), links: links, waiter: waiter, filters: nothing}, nil
}

// Prepare makes the Wire able to send along the path, and to receive what comes back. Without CAP_NET_RAW the error is
// os.ErrPermission.
func (w *Wire) Prepare(p Path) (err error) {
	switch {
	case p.Link && w.link == nil:
		if w.link, err = w.openLink(); err == nil {
			w.waiter.Add(w.link.FD())
		}
	case !p.Link && p.V6 && w.ip6 == nil:
		if w.ip6, err = openIP(true, w.filters.segments6, w.filters.errors6, w.clock, w.options); err == nil {
			w.waiter.Add(w.ip6.fds()...)
		}
	case !p.Link && !p.V6 && w.ip == nil:
		if w.ip, err = openIP(false, w.filters.link, w.filters.link, w.clock, w.options); err == nil {
			w.waiter.Add(w.ip.fds()...)
		}
	}
	return err
}

// openLink returns an open packet socket. With an error the link is nil, and no pointer that is.
func (w *Wire) openLink() (link, error) {
	if w.options.Mass {
		ring, err := socket.OpenRing(w.filters.link, w.clock)
		if err != nil {
			return nil, err
		}
		return ring, nil
	}
	packet, err := socket.OpenPacket(w.filters.link, w.clock)
	if err != nil {
		return nil, err
	}
	return packet, nil
}

// Watch makes the Wire see the connections from these local addresses and ports, and as few others as Filter says.
func (w *Wire) Watch(locals ...netip.AddrPort) error {
	f, err := w.options.filtersFor(locals)
	if err != nil || slices.Equal(f.link, w.filters.link) {
		return err
	}
	w.filters = f
	if w.link != nil {
		if err := w.link.SetFilter(f.link); err != nil {
			return err
		}
	}
	if w.ip != nil {
		if err := w.ip.setFilter(f.link, f.link); err != nil {
			return err
		}
	}
	if w.ip6 != nil {
		return w.ip6.setFilter(f.segments6, f.errors6)
	}
	return nil
}

// WaitFor makes Wait return too when another descriptor has something to read, which whoever has it reads.
func (w *Wire) WaitFor(fd int) { w.waiter.Add(fd) }

// Now returns the time, on the clock of the stamps.
func (w *Wire) Now() time.Time { return w.clock.Now() }

// Close closes the sockets. For a Wire on links that takes milliseconds.
func (w *Wire) Close() error {
	errs := []error{w.waiter.Close(), w.links.close()}
	for _, sockets := range []*ipSockets{w.ip, w.ip6} {
		if sockets != nil {
			errs = append(errs, sockets.close())
		}
	}
	if w.link != nil {
		errs = append(errs, w.link.Close())
	}
	return errors.Join(errs...)
}
