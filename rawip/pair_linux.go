package rawip

import (
	"errors"
	"slices"

	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"

	"tcpprobe/internal/socket"
)

// pairLimit is how many sockets receive TCP. The kernel compares each segment that arrives at this host with every one of them.
const pairLimit = 8

// pair is a local and a remote address.
type pair struct{ local, remote [4]byte }

// pairSockets receive TCP, each between two addresses; the last one is for when there are more pairs, and receives all.
type pairSockets struct {
	filter  []bpf.RawInstruction
	sockets []int // file descriptors
	pairs   []pair
	all     bool
}

// open opens the sockets while this process may; where it may have no more descriptors, fewer.
func (s *pairSockets) open() error {
	for range pairLimit {
		fd, err := openRaw(unix.IPPROTO_TCP)
		if errors.Is(err, unix.EMFILE) && len(s.sockets) > 0 {
			return nil
		}
		if err != nil {
			return err
		}
		s.sockets = append(s.sockets, fd)
		if err := park(fd); err != nil {
			return err
		}
	}
	return nil
}

// watch makes a socket receive what is sent between two addresses.
func (s *pairSockets) watch(local, remote [4]byte) error {
	p := pair{local, remote}
	if s.all || slices.Contains(s.pairs, p) {
		return nil
	}
	if len(s.pairs) == len(s.sockets)-1 {
		return s.watchAll()
	}
	fd := s.sockets[len(s.pairs)]
	if err := bind(fd, local); err != nil {
		return err
	}
	// Where the kernel has no route of its own for the pair, as with --interface, bound must do.
	_ = unix.Connect(fd, &unix.SockaddrInet4{Addr: remote})
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
	return errors.Join(bind(s.sockets[last], [4]byte{}), socket.AttachFilter(s.sockets[last], s.filter))
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
	fd     int
	filter []bpf.RawInstruction
	local  [4]byte // 0.0.0.0 for all
	bound  bool    // otherwise nothing is received
}

func (s *icmpSocket) open() (err error) {
	if s.fd, err = openRaw(unix.IPPROTO_ICMP); err != nil {
		return err
	}
	return park(s.fd)
}

// watch makes the socket receive what is sent to an address.
func (s *icmpSocket) watch(local [4]byte) error {
	all := [4]byte{}
	switch {
	case s.bound && (s.local == local || s.local == all):
		return nil
	case s.bound:
		local = all
	}
	if err := bind(s.fd, local); err != nil {
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
