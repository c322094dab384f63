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
		if w.link, err = w.openLink(); err == nil {
			w.waiter.Add(w.link.FD())
		}
	case !p.Link && w.ip == nil:
		if w.ip, err = openIP(w.filter, w.clock, w.options); err == nil {
			w.waiter.Add(w.ip.fds()...)
		}
	}
	return err
}

// openLink returns an open packet socket. With an error the link is nil, and no pointer that is.
func (w *Wire) openLink() (link, error) {
	if w.options.Mass {
		ring, err := socket.OpenRing(w.filter, w.clock)
		if err != nil {
			return nil, err
		}
		return ring, nil
	}
	packet, err := socket.OpenPacket(w.filter, w.clock)
	if err != nil {
		return nil, err
	}
	return packet, nil
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

// WaitFor makes Wait return too when another descriptor has something to read, which whoever has it reads.
func (w *Wire) WaitFor(fd int) { w.waiter.Add(fd) }

// Now returns the time, on the clock of the stamps.
func (w *Wire) Now() time.Time { return w.clock.Now() }

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
