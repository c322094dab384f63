package prober

import (
	"net/netip"
	"time"

	"tcpprobe/internal/target"
	"tcpprobe/probe"
)

// Request asks for handshakes with a target.
type Request struct {
	Target   target.Target
	Spec     *Spec
	Observer Observer

	// Delay is how long after it was taken on the request begins: many that go on for ever are spread by it. It is 0 with Spec.All.
	Delay time.Duration

	// Ready, if it is not nil, is given each attempt when everything is known that its handshake takes, which then does not
	// begin: whoever holds it has to release it. It is called as the methods of the Observer are.
	Ready func(*Held)

	// Permit, if it is not nil, says of the address of each attempt whether a handshake with it may be made. It is asked for the very
	// address that segments would go to, and nothing was sent there before. An attempt that is not permitted ends as a
	// *NotPermittedError. It is asked once more, with own, if the kernel's route leads to this host itself. Permit is called as the
	// methods of the Observer are.
	Permit func(a netip.Addr, own bool) error

	// Handle, if it is not nil, is by which the request may be ended before its time.
	Handle *Handle
}

// Spec says which handshakes are made with a target. Requests may share one, which nobody changes as long as they do.
type Spec struct {
	Count int // for each address; 0: until the run ends
	// UntilEstablished is for one handshake after the other, until one is established. Count is 0 then, and All false.
	UntilEstablished bool

	// Reuse is for observers that copy what they keep of a result: its memory is used again, with that of its events.
	Reuse bool

	Interval   time.Duration // between the beginnings of two handshakes with one address; more than 0
	All        bool          // every address of the name, not only the first
	Stagger    time.Duration // with All: between the first attempts with two addresses, the families by turns (RFC 8305 4, 5)
	Family     Family        // of the addresses of a name
	Source     netip.Addr    // not valid for the one that the kernel chooses
	SourcePort uint16        // 0 for one that is free
	SharePort  bool          // SourcePort may be that of other handshakes with the server, which their holder keeps apart
	Send       Send
	TTL, TOS   uint8

	// PinFlowLabel has every SYN of IPv6 carry FlowLabel, of 20 bits, instead of one of its own.
	PinFlowLabel bool
	FlowLabel    uint32

	// Handshake is what the machine is told. Ports and random numbers are filled in, and an MSS of 0 becomes what the
	// interface has room for.
	Handshake probe.Config
}

// Send is the way by which segments leave.
type Send string

const (
	SendAuto    Send = "auto"    // in frames where the link has addresses, else by the kernel's IP
	SendLink    Send = "link"    // in frames of our own
	SendIP      Send = "ip"      // by the kernel's IP: its routing, firewall and translation
	SendConnect Send = "connect" // by the kernel's TCP: it makes the handshake, as for any application
)

// Observer is told what becomes of a target. Its methods are called by the goroutine of a worker, one after the other for
// one target, between handshakes that others wait for: none of them may block.
type Observer interface {
	// Event tells what has just happened in an attempt. It is not called where nobody records events.
	Event(r *probe.Result, e *probe.Event)
	// Result tells how an attempt has ended. Where nobody records events, or with Spec.Reuse, the memory of r is used again afterwards.
	Result(r *probe.Result)
	// Over tells that no more attempts follow.
	Over()
}

// Source has requests to give, such as the lines of a file. It may be asked by several goroutines.
type Source interface {
	// Next returns the next request, if there is one left.
	Next() (Request, bool)
}

// one is a source of a single request.
type one chan Request

// One returns a source of a single request.
func One(r Request) Source {
	source := make(one, 1)
	source <- r
	close(source)
	return source
}

// Next returns the request, the first time.
func (o one) Next() (Request, bool) {
	r, ok := <-o
	return r, ok
}
