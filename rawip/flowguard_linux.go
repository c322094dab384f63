package rawip

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"

	"golang.org/x/sys/unix"
)

const (
	tcpFastOpenNoCookie = 34 // TCP_FASTOPEN_NO_COOKIE of linux/tcp.h
	ipLocalPortRange    = 51 // IP_LOCAL_PORT_RANGE of linux/in.h
)

// NewFlowGuard reserves a port for one connection alone, from a local address and port to a remote one. Other sockets of
// this host may have connections from the same port with other servers: it is to be had wherever connect(2) would get it,
// and NewGuard does not, since listening wants a port for itself. Port 0 has the kernel choose one.
//
// It is a TCP socket that connects, with the SYN put off until there is data to go with it, which never comes (TCP Fast
// Open, RFC 7413 4.2.1, without a cookie), and is made to drop every segment as that of NewGuard is. The port must be in the
// kernel's range.
//
// The error unwraps to unix.EADDRINUSE if the port is another socket's, or if there is none left where the kernel chooses.
// It is errors.ErrUnsupported where this kernel cannot put off a SYN, or cannot be told which port to take.
func NewFlowGuard(local, remote netip.AddrPort) (*Guard, error) {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return nil, reserveError(local, os.NewSyscallError("socket", err))
	}
	g := &Guard{fd: fd}
	err = dropAll(fd)
	if err == nil {
		err = putOff(fd, local)
	}
	if err == nil {
		g.local, err = connectLater(fd, local, remote)
	}
	if err != nil {
		unix.Close(fd)
		return nil, reserveError(local, err)
	}
	return g, nil
}

// putOff makes a socket one whose connect(2) sends nothing, from a local address, and from its port if there is one.
func putOff(fd int, local netip.AddrPort) error {
	for _, option := range []struct {
		name              string
		level, opt, value int
		wanted            bool
	}{
		{"TCP_FASTOPEN_CONNECT", unix.SOL_TCP, unix.TCP_FASTOPEN_CONNECT, 1, true},
		{"TCP_FASTOPEN_NO_COOKIE", unix.SOL_TCP, tcpFastOpenNoCookie, 1, true},
		{"IP_BIND_ADDRESS_NO_PORT", unix.SOL_IP, unix.IP_BIND_ADDRESS_NO_PORT, 1, true},
		{"IP_LOCAL_PORT_RANGE", unix.SOL_IP, ipLocalPortRange, int(local.Port()) | int(local.Port())<<16, local.Port() != 0},
	} {
		if !option.wanted {
			continue
		}
		err := unix.SetsockoptInt(fd, option.level, option.opt, option.value)
		switch err {
		case nil:
		case unix.ENOPROTOOPT, unix.EOPNOTSUPP:
			return errors.Join(errors.ErrUnsupported, os.NewSyscallError("setsockopt "+option.name, err))
		default:
			return os.NewSyscallError("setsockopt "+option.name, err)
		}
	}
	return os.NewSyscallError("bind", unix.Bind(fd, &unix.SockaddrInet4{Addr: local.Addr().As4()}))
}

// connectLater begins a connection whose SYN is put off, and returns its local end.
func connectLater(fd int, local, remote netip.AddrPort) (netip.AddrPort, error) {
	switch err := unix.Connect(fd, &unix.SockaddrInet4{Port: int(remote.Port()), Addr: remote.Addr().As4()}); err {
	case nil:
	case unix.EADDRNOTAVAIL:
		return netip.AddrPort{}, errors.Join(unix.EADDRINUSE, os.NewSyscallError("connect", err))
	case unix.EINPROGRESS:
		// The kernel has sent a SYN all the same: it found Fast Open to be blocked on the way.
		return netip.AddrPort{}, errors.Join(errors.ErrUnsupported, os.NewSyscallError("connect", err))
	default:
		return netip.AddrPort{}, os.NewSyscallError("connect", err)
	}
	to, err := peerName(fd)
	if err != nil {
		return netip.AddrPort{}, err
	}
	name, err := unix.Getsockname(fd)
	if err != nil {
		return netip.AddrPort{}, os.NewSyscallError("getsockname", err)
	}
	us := name.(*unix.SockaddrInet4) // which is what it was made as
	got := netip.AddrPortFrom(netip.AddrFrom4(us.Addr), uint16(us.Port))
	if to != remote || got.Addr() != local.Addr() || local.Port() != 0 && got.Port() != local.Port() {
		// A program of the administrator's translates the addresses of connections (BPF_CGROUP_INET4_CONNECT), or the
		// port is not in the kernel's range, which then takes precedence.
		return netip.AddrPort{}, fmt.Errorf("%w: connect(2) goes from %v to %v", errors.ErrUnsupported, got, to)
	}
	return got, nil
}

// peerName returns the remote end of a socket that has begun to connect, which getpeername(2) does not.
func peerName(fd int) (netip.AddrPort, error) {
	// Of all that unix reads an ip_mreqn is what a sockaddr_in fits into: family and port, then the address.
	b, err := unix.GetsockoptIPMreqn(fd, unix.SOL_SOCKET, unix.SO_PEERNAME)
	if err != nil {
		return netip.AddrPort{}, os.NewSyscallError("getsockopt SO_PEERNAME", err)
	}
	return netip.AddrPortFrom(netip.AddrFrom4(b.Address), binary.BigEndian.Uint16(b.Multiaddr[2:])), nil
}

// reserveError is the error of a Guard that could not be had.
func reserveError(local netip.AddrPort, err error) error {
	return &net.OpError{Op: "reserve", Net: "tcp", Addr: net.TCPAddrFromAddrPort(local), Err: err}
}
