package rawip

import (
	"net"
	"os"

	"golang.org/x/sys/unix"
)

// Permitted returns nil if this process may open the sockets of a Wire, and an error that is os.ErrPermission if it
// lacks CAP_NET_RAW.
func Permitted() error {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, ProtocolTCP)
	if err != nil {
		return &net.OpError{Op: "open", Net: "ip4", Err: os.NewSyscallError("socket", err)}
	}
	return os.NewSyscallError("close", unix.Close(fd))
}
