package rawip

import (
	"crypto/rand"
	"errors"
	"net/netip"
	"os"

	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"

	"tcpprobe/internal/socket"
)

// Guard reserves a local address and port against everyone else on this host, and keeps the kernel from answering what
// arrives there: without it, the kernel would reset every connection that a Wire opens.
//
// It is a TCP socket that listens, and is made to drop every segment. The kernel finds the socket, and so sends no RST;
// the segment is dropped before it is looked at, and so nothing else happens either. It needs no privilege, changes
// nothing outside of this process and is gone with it.
type Guard struct {
	fd    int
	local netip.AddrPort
}

// NewGuard reserves a port at a local address. The error unwraps to unix.EADDRINUSE if another socket has it, and to
// unix.EADDRNOTAVAIL if the address is not one of this host's.
func NewGuard(local netip.AddrPort) (*Guard, error) {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return nil, reserveError(local, os.NewSyscallError("socket", err))
	}
	// It drops before it listens: there must be no moment in which the kernel answers.
	err = dropAll(fd)
	if err == nil {
		err = os.NewSyscallError("bind", unix.Bind(fd, &unix.SockaddrInet4{Port: int(local.Port()), Addr: local.Addr().As4()}))
	}
	if err == nil {
		err = os.NewSyscallError("listen", unix.Listen(fd, 1))
	}
	if err != nil {
		unix.Close(fd)
		return nil, reserveError(local, err)
	}
	return &Guard{fd: fd, local: local}, nil
}

// dropAll makes a TCP socket drop every segment that it gets, with a filter where that is allowed. Since 2026 kernels
// want CAP_NET_ADMIN for the filter of a TCP socket; without, two older options do the same together.
func dropAll(fd int) error {
	filter, err := bpf.Assemble([]bpf.Instruction{drop})
	if err != nil {
		return err
	}
	if err := socket.AttachFilter(fd, filter); !errors.Is(err, unix.EPERM) {
		return err
	}
	// Whatever has crossed a router has a TTL of less than 255, and is dropped for it (RFC 5082 3)…
	if err := unix.SetsockoptInt(fd, unix.SOL_IP, unix.IP_MINTTL, 255); err != nil {
		return os.NewSyscallError("setsockopt IP_MINTTL", err)
	}
	// … and what comes from a neighbour, because it is not signed with a key that nobody has (RFC 2385 2.0). A kernel
	// built without signatures resets a neighbour that sends with a TTL of 255: no handshake with that one.
	key := unix.TCPMD5Sig{Addr: unix.SockaddrStorage{Family: unix.AF_INET}, Flags: unix.TCP_MD5SIG_FLAG_PREFIX, Keylen: 16}
	rand.Read(key.Key[:key.Keylen]) // it never fails
	if err := unix.SetsockoptTCPMD5Sig(fd, unix.SOL_TCP, unix.TCP_MD5SIG_EXT, &key); err != unix.ENOPROTOOPT {
		return os.NewSyscallError("setsockopt TCP_MD5SIG_EXT", err)
	}
	return nil
}

// Local returns the address and port that are reserved.
func (g *Guard) Local() netip.AddrPort { return g.local }

// Close gives the port up. From then on the kernel answers what arrives there, with RST.
func (g *Guard) Close() error { return os.NewSyscallError("close", unix.Close(g.fd)) }
