package port

import (
	"errors"
	"fmt"
	"net/netip"
	"time"

	"golang.org/x/sys/unix"

	"tcpprobe/rawip"
)

// Table is the source ports that are leased: each is reserved by a guard for as long as somebody has a lease of it. It is
// for one goroutine. Several Tables may share Cycles: whoever comes first has a port.
type Table struct {
	cycles *Cycles
	shared bool
	watch  func([]netip.AddrPort) error

	held    map[netip.AddrPort]*held
	current uint16    // which handshakes share at the moment; 0 for none
	full    time.Time // until when no search through the whole range is worth while
	noAlone bool      // this kernel does not reserve a port for one connection
}

// held is a port of a local address that is reserved.
type held struct {
	local   netip.AddrPort
	guard   *rawip.Guard
	leases  int
	remotes map[netip.AddrPort]int // that it is, or was, leased for: how many leases there are now
	alone   bool                   // it is reserved for one connection, and not to be shared
}

// Lease is the right to make one handshake from a port.
type Lease struct {
	Local, Remote netip.AddrPort
	Outside       bool // of the kernel's range, in which nothing was left
	held          *held
}

// Request says what a lease is wanted for.
type Request struct {
	Remote netip.AddrPort
	Port   uint16 // which port; 0 for one that is free
	Shared bool   // Port may be leased for the same server already: whoever asks keeps the handshakes apart
	// Source asks for the route of the connection from a port, and returns its source address.
	Source func(port uint16) (netip.Addr, error)
}

// ErrBusy says that the only port that may be had is leased for a connection with the same server.
var ErrBusy = errors.New("the port is in use with this server")

// mostShared is for how many connections a port is leased before others take their turn: as many as a Table remembers, in one to two
// megaoctets.
const mostShared = 1 << 14

// fullTime is for how long a range in which nothing was left is not searched again.
const fullTime = time.Second

// NewTable returns a Table without leases. Where handshakes share ports, one port serves many servers; else each handshake
// has its own. watch is told of all addresses and ports that are reserved whenever one has come, before it is leased, or
// has gone.
func NewTable(c *Cycles, shared bool, watch func([]netip.AddrPort) error) *Table {
	return &Table{cycles: c, shared: shared, watch: watch, held: make(map[netip.AddrPort]*held)}
}

// Lease leases a port. It is never one that is leased for the same server, nor one that was before as long as there is
// another. A port that other programs use for connections with other servers is had as connect(2) has it. Where nothing of
// the kernel's range is left, it is a port outside of it.
//
// Errors are those of Source; ErrBusy; or of the system: unix.EADDRINUSE if the port that is asked for, or every port, is
// in use by others.
func (t *Table) Lease(r Request, now time.Time) (Lease, error) {
	if r.Port != 0 {
		return t.leaseOnly(r)
	}
	key := r.Remote
	if t.shared {
		key = netip.AddrPort{}
		if l, ok, err := t.leaseCurrent(r); ok || err != nil {
			return l, err
		}
	}
	if now.After(t.full) {
		for range t.cycles.Len() {
			port := t.cycles.Next(key, now)
			l, err := t.try(r, port)
			if !errors.Is(err, errTaken) {
				if err == nil {
					t.turn(port)
				}
				return l, err
			}
		}
		t.full = now.Add(fullTime)
	}
	return t.leaseOutside(r)
}

// errTaken says that a port cannot be had, and another may.
var errTaken = errors.New("taken")

// leaseOnly leases the port that is asked for.
func (t *Table) leaseOnly(r Request) (Lease, error) {
	source, err := r.Source(r.Port)
	if err != nil {
		return Lease{}, err
	}
	local := netip.AddrPortFrom(source, r.Port)
	if local == r.Remote {
		return Lease{}, fmt.Errorf("source and target are both %v", local)
	}
	h := t.held[local]
	if h != nil && h.remotes[r.Remote] > 0 {
		if !r.Shared {
			return Lease{}, ErrBusy
		}
		return h.lease(r.Remote), nil
	}
	if h != nil && h.alone {
		return Lease{}, ErrBusy
	}
	if h == nil {
		if h, err = t.hold(local, r.Remote, false); err != nil {
			return Lease{}, err
		}
	}
	return h.lease(r.Remote), nil
}

// leaseCurrent leases the port that handshakes share at the moment, if it will do.
func (t *Table) leaseCurrent(r Request) (l Lease, ok bool, err error) {
	if t.current == 0 {
		return Lease{}, false, nil
	}
	l, err = t.try(r, t.current)
	if errors.Is(err, errTaken) {
		return Lease{}, false, nil
	}
	return l, err == nil, err
}

// turn makes a port the one that handshakes share, and gives up the one before unless it is leased.
func (t *Table) turn(port uint16) {
	before := t.current
	if !t.shared || before == port {
		return
	}
	t.current = port
	for local, h := range t.held {
		if local.Port() == before && h.leases == 0 {
			t.release(h)
		}
	}
}

// try leases a port, if it can be had.
func (t *Table) try(r Request, port uint16) (Lease, error) {
	source, err := r.Source(port)
	if err != nil {
		return Lease{}, err
	}
	local := netip.AddrPortFrom(source, port)
	if local == r.Remote {
		return Lease{}, errTaken
	}
	if h := t.held[local]; h != nil {
		if _, was := h.remotes[r.Remote]; was || h.alone || !t.shared || len(h.remotes) >= mostShared {
			return Lease{}, errTaken
		}
		return h.lease(r.Remote), nil
	}
	h, err := t.hold(local, r.Remote, t.cycles.Contains(port) && !t.noAlone)
	if errors.Is(err, errors.ErrUnsupported) {
		t.noAlone = true
		return Lease{}, errTaken
	}
	if errors.Is(err, unix.EADDRINUSE) {
		return Lease{}, errTaken
	}
	if err != nil {
		return Lease{}, err
	}
	return h.lease(r.Remote), nil
}

// leaseOutside leases a port that is not in the kernel's range.
func (t *Table) leaseOutside(r Request) (Lease, error) {
	const tries, low, high = 1000, 1024, 65535 // the ports below are for servers
	for range tries {
		port := uint16(low + random(high-low+1))
		if t.cycles.Contains(port) || t.cycles.Reserved(port) {
			continue
		}
		l, err := t.try(r, port)
		if !errors.Is(err, errTaken) {
			l.Outside = err == nil
			return l, err
		}
	}
	return Lease{}, fmt.Errorf("no port is left to reach %v from: %w", r.Remote, unix.EADDRINUSE)
}

// hold reserves a port, if it may be so for one connection alone where others have connections from it.
func (t *Table) hold(local, remote netip.AddrPort, alone bool) (*held, error) {
	h := &held{local: local, remotes: make(map[netip.AddrPort]int)}
	var err error
	h.guard, err = rawip.NewGuard(local)
	if errors.Is(err, unix.EADDRINUSE) && alone {
		h.guard, err = rawip.NewFlowGuard(local, remote)
		h.alone = err == nil
	}
	if err != nil {
		return nil, err
	}
	t.held[local] = h
	if err := t.watch(t.Locals()); err != nil {
		delete(t.held, local)
		return nil, errors.Join(err, h.guard.Close())
	}
	return h, nil
}

func (h *held) lease(remote netip.AddrPort) Lease {
	h.leases++
	h.remotes[remote]++
	return Lease{Local: h.local, Remote: remote, held: h}
}

// Release ends a lease. The port stays reserved as long as others share it.
func (t *Table) Release(l Lease) error {
	h := l.held
	h.leases--
	h.remotes[l.Remote]--
	if h.leases > 0 || t.shared && h.local.Port() == t.current && !h.alone {
		return nil
	}
	return t.release(h)
}

// release gives up a port.
func (t *Table) release(h *held) error {
	delete(t.held, h.local)
	h.remotes = nil // it is the memory of a port, and leases that are over may be kept for longer
	return errors.Join(h.guard.Close(), t.watch(t.Locals()))
}

// Busy reports whether a port is leased for a connection with a server.
func (t *Table) Busy(port uint16, remote netip.AddrPort) bool {
	for local, h := range t.held {
		if local.Port() == port && h.remotes[remote] > 0 {
			return true
		}
	}
	return false
}

// Locals returns all addresses and ports that are reserved.
func (t *Table) Locals() []netip.AddrPort {
	locals := make([]netip.AddrPort, 0, len(t.held))
	for local := range t.held {
		locals = append(locals, local)
	}
	return locals
}

// Close gives up all ports.
func (t *Table) Close() error {
	var errs []error
	for local, h := range t.held {
		errs = append(errs, h.guard.Close())
		delete(t.held, local)
	}
	return errors.Join(errs...)
}
