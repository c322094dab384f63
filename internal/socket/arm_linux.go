package socket

import (
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// Stamping keeps the kernel's stamping of received packets switched on.
type Stamping struct {
	fd       int
	receiver Receiver
}

// StartStamping switches the kernel's stamping of received packets on, for every socket that asks for stamps. The
// kernel does it with a delay: what arrives or leaves in the moment before has none. Wait lets that moment pass.
func StartStamping() (*Stamping, error) {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, os.NewSyscallError("socket", err)
	}
	if err := StampReceived(fd); err != nil {
		unix.Close(fd)
		return nil, err
	}
	return &Stamping{fd: fd}, nil
}

// Wait returns once the kernel stamps packets, or when the limit is over, and reports which. It finds out by datagrams that
// the socket sends to itself, by the loopback interface: where that is down, it cannot tell, and does not wait.
func (s *Stamping) Wait(limit time.Duration) bool {
	loopback := unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}
	if err := unix.Bind(s.fd, &loopback); err != nil {
		return false
	}
	self, err := unix.Getsockname(s.fd)
	if err != nil {
		return false
	}
	const pause = 50 * time.Microsecond
	for end := time.Now().Add(limit); time.Now().Before(end); time.Sleep(pause) {
		if err := unix.Sendto(s.fd, nil, unix.MSG_DONTWAIT, self); err != nil {
			return false
		}
		// A datagram that the kernel did not stamp has the time of its reading.
		before := time.Now().UnixNano()
		_, control, errno := s.receiver.Receive(s.fd, nil, 0)
		if stamp := Stamp(control); errno == 0 && 0 < stamp && stamp < before {
			return true
		}
	}
	return false
}

// Close lets the kernel stop, unless another socket wants its stamps.
func (s *Stamping) Close() error { return os.NewSyscallError("close", unix.Close(s.fd)) }
