package probe

import (
	"context"
	"errors"
	"net/netip"
	"time"

	"tcpprobe/internal/deadline"
	"tcpprobe/rawip"
)

// Wire carries datagrams to the network and back: rawip.Wire, or in tests a network that is not there.
type Wire interface {
	// Now returns the time on the clock of the stamps.
	Now() time.Time
	// Send sends a datagram, header and all.
	Send(p rawip.Path, datagram []byte) error
	// Receive returns the next datagram, without waiting. A *rawip.LinkError is no reason not to go on.
	Receive() (p rawip.Packet, ok bool, err error)
	// Wait returns when there may be something to receive, when the time has come, or when the run is to end. A
	// *rawip.LinkError is no reason not to go on here either.
	Wait(until time.Time) error
}

// Flow is a handshake for the engine to make.
//
// Several may be under way with the same addresses and ports, such as those whose SYNs differ in their TTL: then each
// segment and each quote belongs to the one whose sequence numbers it names, and each datagram of ours to the one whose
// Identifications it has. Those must be further apart than the segments that a handshake sends.
type Flow struct {
	Local, Remote netip.AddrPort // of one family; link-local addresses with their zone
	Path          rawip.Path
	TTL, TOS      uint8  // IPv6 calls them hop limit and traffic class
	ID            uint16 // Identification of the first datagram; each has one more than the one before. For IPv4 alone
	FlowLabel     uint32 // of the first SYN, 20 bits, from outside (RFC 6437 3); 0 for none. For IPv6 alone
	Relabel       bool   // each repetition of the SYN has a flow label of its own, and what follows has that of the last
	Handshake     Config

	// Result is what the flow's result is written into: Outcome, Err, TCP, ICMP, Findings and Events.
	Result *Result
	// Record is whether the events are wanted.
	Record bool
	// Observe is told of every event, soon after it happened; nil if nobody wants to know.
	Observe func(*Event)
	// NextHop returns the MAC for a SYN that is sent again in a frame, since the next hop may have moved; nil if it cannot.
	NextHop func() [6]byte
	// Done is told when the flow has ended.
	Done func()
}

// Engine makes any number of handshakes side by side, in one goroutine.
type Engine struct {
	wire    Wire
	flows   map[flowKey]*flow
	waiting deadline.Queue[*flow]
	ended   []*flow // whose results are still to be written
	free    []*flow // of handshakes that are over, for those to come
	over    lingering
	segment []byte // what is being written
	buffer  []byte

	received rawip.Datagram // what is being looked at
}

// flowKey is what tells connections apart: what their segments say, which have no zones. Those of two links with the same
// link-local addresses are siblings.
type flowKey struct{ local, remote netip.AddrPort }

// key returns what tells the flow's connection apart.
func (f *Flow) key() flowKey {
	if f.Local.Addr().Is4() {
		return flowKey{f.Local, f.Remote}
	}
	return flowKey{withoutZone(f.Local), withoutZone(f.Remote)}
}

// withoutZone returns an address and port as a segment has them.
func withoutZone(a netip.AddrPort) netip.AddrPort {
	return netip.AddrPortFrom(a.Addr().WithZone(""), a.Port())
}

// flow is a handshake under way.
type flow struct {
	*Flow
	h              Handshake
	deadline.Timer      // when to look after it
	ended          bool // nothing more is to be done for it

	strays  strays
	past    *Flow // the Flow, once its owner has it back
	sibling *flow // another with the same addresses and ports, or nil

	unsent []byte    // a datagram that the system had no room for
	again  time.Time // when to try it again
	failed int       // how often that failed

	arrived  int    // index of the interface that the answer came by
	observed int    // how many of the result's events were observed
	sentAs   []int  // where among the events the sent segments are, by number
	marks    []mark // of the sent segments, by number; of IPv6 alone
	written  mark   // of the segment that was written last
}

// listens reports whether a packet came the way that the flow uses. Where frames and the kernel's IP are both listened to,
// everything comes twice.
func (f *flow) listens(p rawip.Packet) bool {
	return f.Path.Link != p.ByIP
}

// NewEngine returns an engine without flows.
func NewEngine(w Wire) *Engine {
	return &Engine{wire: w, flows: make(map[flowKey]*flow)}
}

// Run makes handshakes until there are none left, or until the context ends: then it breaks off those under way.
//
// It asks next which to start: a flow to start now, or nil and when to ask again at the latest. With more false there is
// none after it. The error is of the wire, on which nothing more can be done.
func (e *Engine) Run(ctx context.Context, next func(now time.Time) (f *Flow, again time.Time, more bool)) error {
	more := true
	var ask time.Time
	for {
		now := e.wire.Now()
		// What has arrived comes first: it may be the answer whose absence a timer is about to note.
		busy, err := e.receive()
		if err != nil {
			return err
		}
		e.finish()
		for f, ok := e.waiting.First(); ok && !now.Before(f.Due); f, ok = e.waiting.First() {
			e.work(f)
		}
		for started := 0; more; started++ {
			if started == startAtOnce {
				busy = true
				break
			}
			var f *Flow
			f, ask, more = next(now)
			if f == nil {
				break
			}
			e.start(f)
		}
		if !more && len(e.flows) == 0 {
			return nil
		}
		if ctx.Err() != nil {
			e.interrupt()
			return nil
		}
		if busy || len(e.ended) > 0 {
			continue
		}
		err = e.wire.Wait(e.until(ask, more))
		if lost, is := errors.AsType[*rawip.LinkError](err); is {
			e.loseLink(lost)
		} else if err != nil {
			return err
		}
	}
}

// However much there is to do, everything gets its turn: what arrives, what is due and what is to begin.
const (
	receiveAtOnce = 1024 // datagrams: more than a socket's buffer holds by default
	startAtOnce   = 64   // handshakes
)

// until returns when something is to be done even if nothing arrives.
func (e *Engine) until(ask time.Time, more bool) time.Time {
	until := ask
	if f, ok := e.waiting.First(); ok && (!more || f.Due.Before(until)) {
		until = f.Due
	}
	return until
}

// start begins a handshake, with its first SYN.
func (e *Engine) start(f *Flow) {
	key := f.key()
	e.over.forget(key)
	flow := e.newFlow()
	flow.Flow, flow.observed, flow.sibling = f, len(f.Result.Events), e.flows[key]
	flow.h.renew(f.Handshake)
	e.flows[key] = flow
	e.waiting.Add(flow)
	e.work(flow)
}

// newFlow returns a flow without a handshake, with the memory of one that is over if there is any.
func (e *Engine) newFlow() *flow {
	last := len(e.free) - 1
	if last < 0 {
		return new(flow)
	}
	f := e.free[last]
	e.free = e.free[:last]
	*f = flow{h: f.h, past: f.past, unsent: f.unsent[:0], sentAs: f.sentAs[:0], marks: f.marks[:0]}
	return f
}

// work does what a flow asks for: it sends, and sees when to look again, or that it is done. It sends first: every
// microsecond before our ACK leaves is one that we add.
func (e *Engine) work(f *flow) {
	e.send(f)
	f.observe(false)
	if f.h.Done() && len(f.unsent) == 0 {
		e.end(f)
		return
	}
	f.Due, _ = f.h.Deadline()
	if len(f.unsent) > 0 {
		f.Due = f.again
	}
	e.waiting.Moved(f)
}

// loseLink ends the handshakes that would leave by an interface, or from an address, that is lost.
func (e *Engine) loseLink(lost *rawip.LinkError) {
	for _, f := range e.flows {
		for ; f != nil; f = f.sibling {
			if f.Path.Interface == lost.Interface && (!lost.Address.IsValid() || f.Local.Addr().WithZone("") == lost.Address) {
				f.unsent = f.unsent[:0]
				f.h.Fail(lost)
				e.end(f)
			}
		}
	}
}

// Abandon breaks off a handshake that was started, because nobody waits for it any more. What is known of it is its
// result.
func (e *Engine) Abandon(f *Flow) {
	for flow := e.flows[f.key()]; flow != nil; flow = flow.sibling {
		if flow.Flow == f {
			e.breakOff(flow)
		}
	}
}

// interrupt breaks off what is under way.
func (e *Engine) interrupt() {
	for _, f := range e.flows {
		for ; f != nil; f = f.sibling {
			e.breakOff(f)
		}
	}
	e.receive() // the last stamps, if the wire still has them to give
	e.finish()
}

// breakOff ends a handshake before its time.
func (e *Engine) breakOff(f *flow) {
	f.unsent = f.unsent[:0]
	f.h.Interrupt()
	e.send(f)
	e.end(f)
}

// end takes a flow that is done off the schedule. The kernel's stamps of what it sent last are still to be received.
func (e *Engine) end(f *flow) {
	if !f.ended {
		f.ended = true
		e.waiting.Remove(f)
		e.ended = append(e.ended, f)
	}
}

// finish writes the results of the flows that have ended, and forgets the flows.
func (e *Engine) finish() {
	for i := 0; i < len(e.ended); i++ { // of which Done may make more
		f := e.ended[i]
		e.forget(f)
		f.conclude(e.wire.Now())
		if f.Done != nil {
			f.Done()
		}
		if f.h.Lingers() && e.flows[f.key()] == nil {
			f = e.over.keep(f)
		}
		if f != nil {
			e.free = append(e.free, f)
		}
	}
	clear(e.ended)
	e.ended = e.ended[:0]
}

// forget takes a flow out of the table.
func (e *Engine) forget(f *flow) {
	key := f.key()
	first := e.flows[key]
	if first != f {
		for first.sibling != f {
			first = first.sibling
		}
		first.sibling = f.sibling
	} else if f.sibling != nil {
		e.flows[key] = f.sibling
	} else {
		delete(e.flows, key)
	}
}
