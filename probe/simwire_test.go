package probe_test

import (
	"container/heap"
	"errors"
	"net/netip"
	"slices"
	"time"

	"tcpprobe/internal/stamp"
	"tcpprobe/probe"
	"tcpprobe/rawip"
)

// The two ends of the simulated network.
var (
	simLocal  = netip.MustParseAddrPort("192.0.2.1:40001")
	simRemote = netip.MustParseAddrPort("198.51.100.80:80")
	simRouter = netip.MustParseAddr("203.0.113.9")
)

const (
	simInterface = 3
	simID        = 0x4001 // Identification of the first datagram
)

// A simWire is a network that is not there, on a clock that stands still but for waits. What the engine sends goes to a
// function; what is delivered arrives when its time has come.
type simWire struct {
	now     time.Time
	oversee func() time.Duration // how much longer than asked a wait takes; nil if it does not
	send    func(p rawip.Path, datagram []byte) error
	stamped bool // the kernel stamps what it delivers

	arrivals arrivals
	waits    int
}

// delivery is a packet, or an error, that is on its way to the engine.
type delivery struct {
	at     time.Time
	order  int
	packet rawip.Packet
	err    error
}

var errSimStuck = errors.New("the engine waits for ever")

func newSimWire() *simWire { return &simWire{now: time.Unix(5_000, 0)} }

func (w *simWire) Now() time.Time { return w.now }

func (w *simWire) Send(p rawip.Path, datagram []byte) error { return w.send(p, datagram) }

func (w *simWire) Receive() (rawip.Packet, bool, error) {
	if len(w.arrivals) == 0 || w.arrivals[0].at.After(w.now) {
		return rawip.Packet{}, false, nil
	}
	d := heap.Pop(&w.arrivals).(delivery)
	if d.err != nil {
		return rawip.Packet{}, false, d.err
	}
	d.packet.At.User = w.now
	return d.packet, true, nil
}

func (w *simWire) Wait(until time.Time) error {
	if w.waits++; w.waits > 100_000 {
		return errSimStuck
	}
	if len(w.arrivals) > 0 && (until.IsZero() || w.arrivals[0].at.Before(until)) {
		until = w.arrivals[0].at
	}
	if until.IsZero() {
		return errSimStuck
	}
	if w.oversee != nil {
		until = until.Add(w.oversee())
	}
	if until.After(w.now) {
		w.now = until
	}
	return nil
}

// deliver has a packet arrive after a while.
func (w *simWire) deliver(after time.Duration, p rawip.Packet) {
	at := w.now.Add(after)
	if w.stamped && p.At.Kernel.IsZero() {
		p.At.Kernel = at
	}
	p.Octets = slices.Clone(p.Octets)
	heap.Push(&w.arrivals, delivery{at: at, order: w.waits<<32 + len(w.arrivals), packet: p})
}

// fail has an error arrive after a while.
func (w *simWire) fail(after time.Duration, err error) {
	heap.Push(&w.arrivals, delivery{at: w.now.Add(after), err: err})
}

// seen has a datagram of ours seen as it leaves.
func (w *simWire) seen(p rawip.Path, datagram []byte, kernel time.Time) {
	w.deliver(0, rawip.Packet{Sent: true, Octets: datagram, Interface: p.Interface, At: stamp.Stamp{Kernel: kernel}})
}

// arrivals is a heap of deliveries, the next in front.
type arrivals []delivery

func (a arrivals) Len() int { return len(a) }
func (a arrivals) Less(i, j int) bool {
	if a[i].at.Equal(a[j].at) {
		return a[i].order < a[j].order
	}
	return a[i].at.Before(a[j].at)
}
func (a arrivals) Swap(i, j int) { a[i], a[j] = a[j], a[i] }
func (a *arrivals) Push(x any)   { *a = append(*a, x.(delivery)) }
func (a *arrivals) Pop() any {
	last := len(*a) - 1
	d := (*a)[last]
	*a = (*a)[:last]
	return d
}

// startAll returns the function that has the engine start these flows, all at once.
func startAll(flows ...*probe.Flow) func(time.Time) (*probe.Flow, time.Time, bool) {
	return func(now time.Time) (*probe.Flow, time.Time, bool) {
		if len(flows) == 0 {
			return nil, time.Time{}, false
		}
		f := flows[0]
		flows = flows[1:]
		return f, now, true
	}
}

// newFlow returns a flow over the link of simInterface.
func newFlow(c probe.Config) *probe.Flow {
	c.LocalPort, c.RemotePort = simLocal.Port(), simRemote.Port()
	return &probe.Flow{
		Local: simLocal, Remote: simRemote, Path: rawip.Path{Interface: simInterface, Link: true, NextHop: [6]byte{2}},
		TTL: 64, ID: simID, Handshake: c, Result: &probe.Result{}, Record: true,
	}
}
