package rawip

import (
	"crypto/rand"
	"encoding/binary"
	"fmt"
	"net"
	"net/netip"
	"os"

	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"

	"tcpprobe/internal/socket"
)

// Guard reserves a local address and port against everyone else on this host, and keeps the kernel from answering what
// arrives there: without it, the kernel would reset every connection that a Wire opens.
//
// It is a TCP socket that listens, with a filter that drops every segment. The kernel finds the socket, and so sends no
// RST; the filter eats the segment, and so nothing else happens either. It needs no privilege, changes nothing outside
// of this process and is gone with it.
type Guard struct {
	fd    int
	local netip.AddrPort
}

// NewGuard reserves a port at a local address. The error unwraps to unix.EADDRINUSE if another socket has it, and to
// unix.EADDRNOTAVAIL if the address is not one of this host's.
func NewGuard(local netip.AddrPort) (*Guard, error) {
	failed := func(err error) (*Guard, error) {
		return nil, &net.OpError{Op: "reserve", Net: "tcp", Addr: net.TCPAddrFromAddrPort(local), Err: err}
	}
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return failed(os.NewSyscallError("socket", err))
	}
	// The filter comes first: there must be no moment in which the kernel accepts a connection.
	nothing, err := bpf.Assemble([]bpf.Instruction{bpf.RetConstant{Val: 0}})
	if err == nil {
		err = socket.AttachFilter(fd, nothing)
	}
	if err == nil {
		err = os.NewSyscallError("bind", unix.Bind(fd, &unix.SockaddrInet4{Port: int(local.Port()), Addr: local.Addr().As4()}))
	}
	if err == nil {
		err = os.NewSyscallError("listen", unix.Listen(fd, 1))
	}
	if err != nil {
		unix.Close(fd)
		return failed(err)
	}
	return &Guard{fd: fd, local: local}, nil
}

// Local returns the address and port that are reserved.
func (g *Guard) Local() netip.AddrPort { return g.local }

// Close gives the port up. From then on the kernel answers what arrives there, with RST.
func (g *Guard) Close() error { return os.NewSyscallError("close", unix.Close(g.fd)) }

// EphemeralPort returns a port drawn at random from those that the kernel uses for outgoing connections (RFC 6056 3.3.1).
// Whether it is free, NewGuard will tell.
func EphemeralPort() uint16 {
	low, high := ephemeralPorts()
	var random [4]byte
	rand.Read(random[:]) // it never fails
	return uint16(low + int(binary.BigEndian.Uint32(random[:]))%(high-low+1))
}

// ephemeralPorts returns the range of ports that the kernel takes for outgoing connections, or where it cannot be read,
// the one that it is by default.
func ephemeralPorts() (low, high int) {
	text, err := os.ReadFile("/proc/sys/net/ipv4/ip_local_port_range")
	if err == nil {
		if _, err = fmt.Sscan(string(text), &low, &high); err == nil && 0 < low && low <= high && high <= 65535 {
			return low, high
		}
	}
	return 32768, 60999
}
