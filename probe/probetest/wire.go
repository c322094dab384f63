package probetest

import (
	"container/heap"
	"errors"
	"net/netip"
	"slices"
	"time"

	"tcpprobe/internal/stamp"
	"tcpprobe/rawip"
)

// The two ends of the simulated network, and a router between them, in either family.
var (
	Local  = netip.MustParseAddrPort("192.0.2.1:40001")
	Remote = netip.MustParseAddrPort("198.51.100.80:80")
	Router = netip.MustParseAddr("203.0.113.9")

	Local6  = netip.MustParseAddrPort("[2001:db8:2::1]:40001")
	Remote6 = netip.MustParseAddrPort("[2001:db8:100::80]:80")
	Router6 = netip.MustParseAddr("2001:db8:113::9")
)

const (
	Interface = 3
	ID        = 0x4001  // Identification of the first datagram
	Label     = 0xabcde // flow label of the first SYN
)

// A Wire is a network that is not there, on a clock that stands still but for waits. What the engine sends goes to a
// function; what is delivered arrives when its time has come.
type Wire struct {
	Time      time.Time
	Oversleep func() time.Duration // how much longer than asked a wait takes; nil if it does not
	OnSend    func(p rawip.Path, datagram []byte) error
	Stamped   bool // the kernel stamps what it delivers

	arrivals arrivals
	waits    int
}

// delivery is a packet, or an error, that is on its way to the engine.
type delivery struct {
	at     time.Time
	order  int64
	packet rawip.Packet
	err    error
}

var ErrStuck = errors.New("the engine waits for ever")

func NewWire() *Wire { return &Wire{Time: time.Unix(5_000, 0)} }

func (w *Wire) Now() time.Time { return w.Time }

func (w *Wire) Send(p rawip.Path, datagram []byte) error { return w.OnSend(p, datagram) }

func (w *Wire) Receive() (rawip.Packet, bool, error) {
	if len(w.arrivals) == 0 || w.arrivals[0].at.After(w.Time) {
		return rawip.Packet{}, false, nil
	}
	d := heap.Pop(&w.arrivals).(delivery)
	if d.err != nil {
		return rawip.Packet{}, false, d.err
	}
	d.packet.At.User = w.Time
	return d.packet, true, nil
}

func (w *Wire) Wait(until time.Time) error {
	if w.waits++; w.waits > 100_000 {
		return ErrStuck
	}
	if len(w.arrivals) > 0 && (until.IsZero() || w.arrivals[0].at.Before(until)) {
		until = w.arrivals[0].at
	}
	if until.IsZero() {
		return ErrStuck
	}
	if w.Oversleep != nil {
		until = until.Add(w.Oversleep())
	}
	if until.After(w.Time) {
		w.Time = until
	}
	return nil
}

// Deliver has a packet arrive after a while.
func (w *Wire) Deliver(after time.Duration, p rawip.Packet) {
	at := w.Time.Add(after)
	if w.Stamped && p.At.Kernel.IsZero() {
		p.At.Kernel = at
	}
	p.Octets = slices.Clone(p.Octets)
	heap.Push(&w.arrivals, delivery{at: at, order: int64(w.waits)<<32 + int64(len(w.arrivals)), packet: p})
}

// Fail has an error arrive after a while.
func (w *Wire) Fail(after time.Duration, err error) {
	heap.Push(&w.arrivals, delivery{at: w.Time.Add(after), err: err})
}

// Seen has a datagram of ours seen as it leaves.
func (w *Wire) Seen(p rawip.Path, datagram []byte, kernel time.Time) {
	w.Deliver(0, rawip.Packet{Sent: true, Octets: datagram, Interface: p.Interface, At: stamp.Stamp{Kernel: kernel}})
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
