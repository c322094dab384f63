package socket

import (
	"os"

	"golang.org/x/sys/unix"
)

// Stamping keeps the kernel's stamping of received packets switched on.
type Stamping struct{ fd int }

// StartStamping switches the kernel's stamping of received packets on, for every socket that asks for stamps. The
// kernel does it with a delay: what arrives or leaves in the moment before has none.
func StartStamping() (*Stamping, error) {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, os.NewSyscallError("socket", err)
	}
	if err := StampReceived(fd); err != nil {
		unix.Close(fd)
		return nil, err
	}
	return &Stamping{fd}, nil
}

// Close lets the kernel stop, unless another socket wants its stamps.
func (s *Stamping) Close() error { return os.NewSyscallError("close", unix.Close(s.fd)) }
