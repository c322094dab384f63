package rawip

import (
	"errors"
	"net/netip"
	"slices"

	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"

	"tcpprobe/internal/socket"
)

// pairLimit is how many sockets receive TCP. The kernel compares each segment that arrives at this host with every one of them.
const pairLimit = 8

// singleLimit is how many there are for a single target, which seldom has more than one pair of addresses.
const singleLimit = 4

// pair is a local and a remote address, and the index of the interface whose link they are of, if they are link-local.
type pair struct {
	local, remote netip.Addr
	scope         int
}

// pairSockets receive TCP, each between two addresses; the last one is for when there are more pairs, and receives all.
type pairSockets struct {
	v6      bool
	filter  []bpf.RawInstruction
	limit   int   // of the sockets
	sockets []int // file descriptors
	pairs   []pair
	all     bool
	looks   int // how often receiving was asked for
}

// othersEvery is how often the sockets that receive nothing any more are looked at: they are connected, and of an ICMP error they
// keep a mark, by which a wait would end at once until it is read.
const othersEvery = 64

// receiving returns the sockets that there may be something to read from. Each look costs a system call.
func (s *pairSockets) receiving() []int {
	if !s.all {
		return s.sockets[:len(s.pairs)]
	}
	if s.looks++; s.looks%othersEvery == 0 {
		return s.sockets
	}
	return s.sockets[len(s.sockets)-1:]
}

// open opens the sockets while this process may; where it may have no more descriptors, fewer.
func (s *pairSockets) open() error {
	for range s.limit {
		fd, err := openRaw(s.v6, unix.IPPROTO_TCP)
		if errors.Is(err, unix.EMFILE) && len(s.sockets) > 0 {
			return nil
		}
		if err != nil {
			return err
		}
		s.sockets = append(s.sockets, fd)
		if err := park(fd, s.v6); err != nil {
			return err
		}
	}
	return nil
}

// watch makes a socket receive what is sent between two addresses.
func (s *pairSockets) watch(p pair) error {
	if s.v6 {
		// A connected one would make the kernel believe what an ICMPv6 error quotes (rawv6_err), and MTU_DISCOVER does not
		// prevent that; one that is bound does not.
		p.remote = netip.Addr{}
	}
	if s.all || slices.Contains(s.pairs, p) {
		return nil
	}
	if len(s.pairs) == len(s.sockets)-1 {
		return s.watchAll()
	}
	fd := s.sockets[len(s.pairs)]
	if err := bind(fd, p.local, p.scope); err != nil {
		return err
	}
	if p.remote.IsValid() {
		// Where the kernel has no route of its own for the pair, as with --interface, bound must do.
		_ = unix.Connect(fd, rawSockaddr(p.remote, p.scope))
	}
	s.pairs = append(s.pairs, p)
	return socket.AttachFilter(fd, s.filter)
}

// watchAll makes the last socket receive all, and the others nothing.
func (s *pairSockets) watchAll() error {
	last := len(s.sockets) - 1
	s.all, s.pairs = true, nil
	for _, fd := range s.sockets[:last] {
		if err := socket.AttachFilter(fd, nothing); err != nil {
			return err
		}
	}
	return errors.Join(bind(s.sockets[last], unspecified(s.v6), 0), socket.AttachFilter(s.sockets[last], s.filter))
}

// setFilter sets the filter of those that receive.
func (s *pairSockets) setFilter(filter []bpf.RawInstruction) error {
	s.filter = filter
	receiving := s.sockets[:len(s.pairs)]
	if s.all {
		receiving = s.sockets[len(s.sockets)-1:]
	}
	for _, fd := range receiving {
		if err := socket.AttachFilter(fd, filter); err != nil {
			return err
		}
	}
	return nil
}

// icmpSocket receives ICMP errors to one local address, or if there are more of them, to all.
type icmpSocket struct {
	v6     bool
	fd     int
	filter []bpf.RawInstruction
	local  netip.Addr // the unspecified one for all
	bound  bool       // otherwise nothing is received
}

func (s *icmpSocket) open() (err error) {
	protocol := ProtocolICMP
	if s.v6 {
		protocol = ProtocolICMPv6
	}
	if s.fd, err = openRaw(s.v6, protocol); err != nil {
		return err
	}
	return park(s.fd, s.v6)
}

// watch makes the socket receive what is sent to an address.
func (s *icmpSocket) watch(local netip.Addr) error {
	all := unspecified(s.v6)
	switch {
	case s.bound && (s.local == local || s.local == all):
		return nil
	case s.bound, local.Is6() && local.IsLinkLocalUnicast(): // by a link-local address it would be bound to an interface for good
		local = all
	}
	if err := bind(s.fd, local, 0); err != nil {
		return err
	}
	s.bound, s.local = true, local
	return socket.AttachFilter(s.fd, s.filter)
}

func (s *icmpSocket) setFilter(filter []bpf.RawInstruction) error {
	s.filter = filter
	if !s.bound {
		return nil
	}
	return socket.AttachFilter(s.fd, filter)
}
