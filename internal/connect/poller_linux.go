package connect

import (
	"errors"
	"net"
	"os"

	"golang.org/x/sys/unix"
)

// Poller watches over connections, for one goroutine.
type Poller struct {
	epoll  int
	conns  map[int32]*Conn // by their descriptors
	events [64]unix.EpollEvent
	ready  []*Conn
}

// Open returns a Poller without connections.
func Open() (*Poller, error) {
	epoll, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return nil, os.NewSyscallError("epoll_create1", err)
	}
	return &Poller{epoll: epoll, conns: make(map[int32]*Conn)}, nil
}

// FD returns a descriptor that is readable while Ready has something to return.
func (p *Poller) FD() int { return p.epoll }

// Ready returns connections of which Status may have something new to say, without waiting; none if there are no more. They
// hold until the next call.
func (p *Poller) Ready() ([]*Conn, error) {
	n, err := unix.EpollWait(p.epoll, p.events[:], 0)
	for err == unix.EINTR {
		n, err = unix.EpollWait(p.epoll, p.events[:], 0)
	}
	if err != nil {
		return nil, os.NewSyscallError("epoll_wait", err)
	}
	p.ready = p.ready[:0]
	for _, e := range p.events[:n] {
		if c := p.conns[e.Fd]; c != nil {
			p.ready = append(p.ready, c)
		}
	}
	return p.ready, nil
}

// Connect begins a handshake, and does not wait for its end. An error is a *net.OpError around an *os.SyscallError, the Syscall
// of which is "connect" if it was connect(2) that refused, and no segment has left then.
func (p *Poller) Connect(o Options) (*Conn, error) {
	family := unix.AF_INET
	if o.Remote.Addr().Is6() {
		family = unix.AF_INET6
	}
	fd, err := unix.Socket(family, unix.SOCK_STREAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, unix.IPPROTO_TCP)
	if err != nil {
		return nil, failed(os.NewSyscallError("socket", err))
	}
	c := &Conn{poller: p, fd: fd, v6: family == unix.AF_INET6}
	if err := c.begin(o); err != nil {
		return nil, failed(errors.Join(err, unix.Close(fd)))
	}
	p.conns[int32(fd)] = c
	return c, nil
}

func failed(err error) error { return &net.OpError{Op: "connect", Net: "tcp", Err: err} }

// Close closes the Poller, and every connection of it.
func (p *Poller) Close() error {
	var errs []error
	for _, c := range p.conns {
		errs = append(errs, c.Close(false))
	}
	return errors.Join(append(errs, os.NewSyscallError("close", unix.Close(p.epoll)))...)
}
