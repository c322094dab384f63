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
	address, err := sockaddr(local)
	if err != nil {
		return nil, reserveError(local, err)
	}
	fd, err := openGuard(local.Addr().Is6())
	if err != nil {
		return nil, reserveError(local, err)
	}
	// It drops before it listens: there must be no moment in which the kernel answers.
	err = dropAll(fd, local.Addr().Is6())
	if err == nil {
		err = os.NewSyscallError("bind", unix.Bind(fd, address))
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

// openGuard opens a TCP socket of the family. One for IPv6 has no part in IPv4: each address has a guard of its own.
func openGuard(v6 bool) (fd int, err error) {
	domain := unix.AF_INET
	if v6 {
		domain = unix.AF_INET6
	}
	fd, err = unix.Socket(domain, unix.SOCK_STREAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return -1, os.NewSyscallError("socket", err)
	}
	if v6 {
		if err := unix.SetsockoptInt(fd, unix.SOL_IPV6, unix.IPV6_V6ONLY, 1); err != nil {
			unix.Close(fd)
			return -1, os.NewSyscallError("setsockopt IPV6_V6ONLY", err)
		}
	}
	return fd, nil
}

// ipv6MinHopCount is IPV6_MINHOPCOUNT of linux/in6.h.
const ipv6MinHopCount = 73

// dropAll makes a TCP socket drop every segment that it gets, with a filter where that is allowed. Since 2026 kernels
// want CAP_NET_ADMIN for the filter of a TCP socket; without, two older options do the same together.
func dropAll(fd int, v6 bool) error {
	filter, err := bpf.Assemble([]bpf.Instruction{drop})
	if err != nil {
		return err
	}
	if err := socket.AttachFilter(fd, filter); !errors.Is(err, unix.EPERM) {
		return err
	}
	// Whatever has crossed a router has a TTL, or hop limit, of less than 255, and is dropped for it (RFC 5082 3)…
	name, level, option, family := "IP_MINTTL", unix.SOL_IP, unix.IP_MINTTL, uint16(unix.AF_INET)
	if v6 {
		name, level, option, family = "IPV6_MINHOPCOUNT", unix.SOL_IPV6, ipv6MinHopCount, unix.AF_INET6
	}
	if err := unix.SetsockoptInt(fd, level, option, 255); err != nil {
		return os.NewSyscallError("setsockopt "+name, err)
	}
	// … and what comes from a neighbour, because it is not signed with a key that nobody has (RFC 2385 2.0). A kernel
	// built without signatures resets a neighbour that sends with a TTL of 255: no handshake with that one.
	key := unix.TCPMD5Sig{Addr: unix.SockaddrStorage{Family: family}, Flags: unix.TCP_MD5SIG_FLAG_PREFIX, Keylen: 16}
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
