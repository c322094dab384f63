package arp

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"slices"
	"time"

	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"

	"tcpprobe/internal/socket"
	"tcpprobe/internal/stamp"
)

// Link is the interface to ask on.
type Link struct {
	Index        int
	Name         string
	HardwareAddr MAC
}

// Event is one packet, sent or received.
type Event struct {
	Link   Link
	Out    bool // sent by the Client
	Packet Packet
	At     stamp.Stamp
	Sent   stamp.Stamp // of a packet received: when the last request before it left
	// EtherSource is the source address of the frame that brought the packet. Where it is not SenderHA too, the
	// packet was sent on behalf of another station, or is a forgery.
	EtherSource MAC
	Verdict     Verdict // of a packet received
}

// Result is what a lookup found, or the way it got without finding anything.
type Result struct {
	MAC      MAC             // of the first answer
	Attempts int             // requests made
	Duration time.Duration   // from the first request to the answer
	Clock    stamp.Source    // the clock of Duration
	Answers  []MAC           // all that answered so far: more than one is a conflict
	Ignored  map[Verdict]int // how many packets in the target's name were not believed, by reason
	Events   []Event         // the requests, and the packets about the target's address or our own
}

// ErrTimeout is the cause of an Error when every request was left without an answer.
var ErrTimeout = errors.New("no answer")

// Error says why a lookup has no MAC.
type Error struct {
	Target    netip.Addr
	Interface string // name
	// Err is ErrTimeout, the error of the context, or that of the socket: it is ENETDOWN or ENXIO if the interface
	// is down or gone.
	Err error
}

// Error returns the reason as a clause for a person.
func (e *Error) Error() string {
	if errors.Is(e.Err, ErrTimeout) {
		return fmt.Sprintf("nobody answered for %v on %s", e.Target, e.Interface)
	}
	return fmt.Sprintf("ARP for %v on %s: %v", e.Target, e.Interface, e.Err)
}

// Unwrap returns Err.
func (e *Error) Unwrap() error { return e.Err }

// What a Client keeps is bounded, whatever the stations on the link send.
const (
	maxLookups = 256  // lookups watched for late answers
	maxEvents  = 64   // events of a lookup, and late ones
	maxBurst   = 1024 // packets read before looking at the time again
)

// Client looks up MACs on any interface over one packet socket. It is for one goroutine.
type Client struct {
	clock   *stamp.Clock
	socket  *socket.Packet
	lookups []*lookup // the most recent one last
	late    []Event   // conflicts that came after their lookups
	own     []MAC     // of this host's interfaces, once needed
	buffer  [size]byte
}

// lookup is a Query on its link.
type lookup struct {
	query    *Query
	link     Link
	source   netip.Addr
	target   netip.Addr
	underWay bool    // nobody has been told the result yet
	events   []Event // while it is under way
	request  int     // which event is the last request
	observed int     // events passed on so far
	ignored  map[Verdict]int
}

func newLookup(link Link, source, target netip.Addr) *lookup {
	return &lookup{
		query:    NewQuery(QueryConfig{SenderHA: link.HardwareAddr, SenderPA: source, TargetPA: target}),
		link:     link,
		source:   source,
		target:   target,
		underWay: true,
		ignored:  make(map[Verdict]int),
	}
}

// Open returns a Client that stamps packets with the clock, which has to be its own. Open it some time before the
// first Lookup, so that the kernel has begun to stamp packets by then. Without CAP_NET_RAW the error is
// os.ErrPermission.
func Open(clock *stamp.Clock) (*Client, error) {
	filter, err := bpf.Assemble(Filter())
	if err != nil {
		return nil, err
	}
	s, err := socket.OpenPacket(filter, clock)
	if err != nil {
		return nil, err
	}
	return &Client{clock: clock, socket: s}, nil
}

// Lookup asks for the MAC of target, an address on the link, in the name of source, our own address there. It returns
// with the first answer, and the error is an *Error if there is none; the Result is filled in so far in any case.
// observe, if not nil, is called with each Event as it comes.
func (c *Client) Lookup(ctx context.Context, link Link, source, target netip.Addr, observe func(Event)) (Result, error) {
	l := newLookup(link, source, target)
	return l.end(c.run(ctx, l, observe))
}

// end returns what a lookup has found, now that it is over.
func (l *lookup) end(err error) (Result, error) {
	l.underWay = false
	result := l.result()
	if err != nil {
		return result, &Error{Target: l.target, Interface: l.link.Name, Err: err}
	}
	return result, nil
}

// run drives the lookup's Query until it is done.
func (c *Client) run(ctx context.Context, l *lookup, observe func(Event)) error {
	if err := c.watch(l); err != nil {
		return err
	}
	waiter, err := socket.NewWaiter(ctx, c.socket.FD())
	if err != nil {
		return err
	}
	defer waiter.Close()
	for {
		err := c.receive()
		l.tell(observe)
		if err != nil {
			return err
		}
		if l.query.Done() {
			break
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		if request, ok := l.query.Next(c.clock.Now()); ok {
			if err := c.send(l, request); err != nil {
				return err
			}
			continue // for its stamp, which is there already
		}
		if deadline, ok := l.query.Deadline(); ok {
			if err := waiter.Wait(deadline); err != nil {
				return err
			}
		}
	}
	if len(l.query.Answers()) == 0 {
		return silence(l.link)
	}
	return nil
}

// silence says why nobody answered on the link: a socket for all interfaces is not told when one of them goes down.
func silence(link Link) error {
	interfaces, err := net.Interfaces()
	if err != nil {
		return err
	}
	cause := unix.ENXIO
	for _, i := range interfaces {
		switch {
		case i.Index != link.Index:
		case i.Flags&net.FlagUp != 0:
			return ErrTimeout
		default:
			cause = unix.ENETDOWN
		}
	}
	return &net.OpError{Op: "receive", Net: "packet", Err: os.NewSyscallError("recvmsg", cause)}
}

// Conflicts returns what has come in since the lookups returned and makes their results doubtful: a Conflict or an
// AddressConflict. It does not wait. Only the most recent 256 lookups are watched, and of events the first 64 kept.
func (c *Client) Conflicts() ([]Event, error) {
	err := c.receive()
	late := c.late
	c.late = nil
	return late, err
}

// Close closes the socket, which takes milliseconds.
func (c *Client) Close() error { return c.socket.Close() }

// watch makes the lookup the most recent one, in the place of an earlier one for the same address.
func (c *Client) watch(l *lookup) error {
	c.lookups = slices.DeleteFunc(c.lookups, func(earlier *lookup) bool {
		return earlier.link.Index == l.link.Index && earlier.source == l.source && earlier.target == l.target
	})
	if len(c.lookups) == maxLookups {
		c.lookups = slices.Delete(c.lookups, 0, 1)
	}
	c.lookups = append(c.lookups, l)
	var senders []netip.Addr
	for _, l := range c.lookups {
		if !slices.Contains(senders, l.source) {
			senders = append(senders, l.source)
		}
		senders = append(senders, l.target)
	}
	filter, err := bpf.Assemble(Filter(senders...))
	if err != nil {
		return err
	}
	return c.socket.SetFilter(filter)
}

// send broadcasts a request.
func (c *Client) send(l *lookup, request Packet) error {
	octets, err := request.Append(nil)
	if err != nil {
		return err
	}
	at := stamp.Stamp{User: c.clock.Now()}
	if err := c.socket.Send(l.link.Index, etherType, Broadcast, octets); err != nil {
		return err
	}
	l.query.Sent(at)
	l.request = len(l.events)
	l.events = append(l.events, Event{Link: l.link, Out: true, Packet: request, At: at, EtherSource: l.link.HardwareAddr})
	return nil
}

// receive reads the packets that are there.
func (c *Client) receive() error {
	for range maxBurst {
		var frame socket.Frame
		octets, ok, err := c.socket.Receive(c.buffer[:], &frame)
		if err != nil || !ok {
			return err
		}
		packet, err := Parse(octets)
		if err != nil {
			continue
		}
		switch frame.Type {
		case socket.FromHost:
			c.left(packet, frame)
		case socket.ToHost, socket.ToBroadcast: // link-local addresses are answered by broadcast (RFC 3927 2.5)
			c.handle(packet, frame)
		}
	}
	return nil
}

// handle shows a packet to the lookups on its link.
func (c *Client) handle(packet Packet, frame socket.Frame) {
	for _, l := range slices.Backward(c.lookups) {
		if l.link.Index != frame.Interface {
			continue
		}
		verdict := l.query.HandlePacket(packet, frame.Stamp)
		if verdict == Unrelated || verdict == AddressConflict && c.isOwn(packet.SenderHA) {
			continue
		}
		event := Event{Link: l.link, Packet: packet, At: frame.Stamp, EtherSource: frame.Source, Verdict: verdict}
		switch {
		case l.underWay:
			if l.query.Attempts() > 0 {
				event.Sent = l.events[l.request].At
			}
			l.add(event)
		case verdict == Conflict || verdict == AddressConflict:
			if len(c.late) < maxEvents {
				c.late = append(c.late, event)
			}
		}
		if verdict == AddressConflict {
			return // it is about our address, and told once for all lookups in its name
		}
	}
}

// isOwn reports whether the MAC is that of any interface of this host: with two of them on one link, the packets of
// one come in on the other, with the addresses of both.
func (c *Client) isOwn(mac MAC) bool {
	if c.own == nil {
		interfaces, err := net.Interfaces()
		if err != nil {
			return false
		}
		for _, i := range interfaces {
			if len(i.HardwareAddr) == len(mac) {
				c.own = append(c.own, MAC(i.HardwareAddr))
			}
		}
	}
	return slices.Contains(c.own, mac)
}

// left takes note of when the kernel saw a request leave.
func (c *Client) left(p Packet, frame socket.Frame) {
	for _, l := range c.lookups {
		if l.underWay {
			l.left(p, frame)
		}
	}
}

// left is that for the last request of a lookup. What was stamped before its making is an earlier one.
func (l *lookup) left(p Packet, frame socket.Frame) {
	if frame.Interface != l.link.Index || l.query.Attempts() == 0 {
		return
	}
	request := &l.events[l.request]
	if p == request.Packet && !frame.Stamp.Kernel.Before(request.At.User) {
		request.At.Kernel = frame.Stamp.Kernel
		l.query.Sent(request.At)
	}
}

// add takes note of a packet received.
func (l *lookup) add(e Event) {
	if e.Verdict.Ignored() {
		l.ignored[e.Verdict]++
	}
	if len(l.events) < maxEvents || e.Verdict == Accepted {
		l.events = append(l.events, e)
	}
}

// tell passes on the events that are new.
func (l *lookup) tell(observe func(Event)) {
	if observe == nil {
		return
	}
	for ; l.observed < len(l.events); l.observed++ {
		observe(l.events[l.observed])
	}
}

// result is what the lookup has found.
func (l *lookup) result() Result {
	r := Result{
		Attempts: l.query.Attempts(),
		Answers:  l.query.Answers(),
		Ignored:  l.ignored,
		Events:   l.events,
	}
	r.Duration, r.Clock = l.query.Duration()
	if len(r.Answers) > 0 {
		r.MAC = r.Answers[0]
	}
	return r
}
