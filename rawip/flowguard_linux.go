package rawip

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"unsafe"

	"golang.org/x/sys/unix"

	"tcpprobe/internal/socket"
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
	v6 := local.Addr().Is6()
	fd, err := openGuard(v6)
	if err != nil {
		return nil, reserveError(local, err)
	}
	g := &Guard{fd: fd}
	err = dropAll(fd, v6)
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
	address, err := sockaddr(netip.AddrPortFrom(local.Addr(), 0))
	if err != nil {
		return err
	}
	return os.NewSyscallError("bind", unix.Bind(fd, address))
}

// connectLater begins a connection whose SYN is put off, and returns its local end.
func connectLater(fd int, local, remote netip.AddrPort) (netip.AddrPort, error) {
	address, err := sockaddr(remote)
	if err != nil {
		return netip.AddrPort{}, err
	}
	switch err := unix.Connect(fd, address); err {
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
	got := addrPort(name)
	// Zones have more than one name, and are taken as they were given.
	got = netip.AddrPortFrom(got.Addr().WithZone(local.Addr().Zone()), got.Port())
	if to != withoutZone(remote) || got.Addr() != local.Addr() || local.Port() != 0 && got.Port() != local.Port() {
		// A program of the administrator's translates the addresses of connections (BPF_CGROUP_INET4_CONNECT), or the
		// port is not in the kernel's range, which then takes precedence.
		return netip.AddrPort{}, fmt.Errorf("%w: connect(2) goes from %v to %v", errors.ErrUnsupported, got, to)
	}
	return got, nil
}

// peerName returns the remote end of a socket that has begun to connect, which getpeername(2) does not, without a zone.
func peerName(fd int) (netip.AddrPort, error) {
	var name unix.RawSockaddrInet6 // a sockaddr_in fits into it
	length := uint32(unix.SizeofSockaddrInet6)
	domain, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_DOMAIN)
	if err != nil {
		return netip.AddrPort{}, os.NewSyscallError("getsockopt SO_DOMAIN", err)
	}
	if domain == unix.AF_INET {
		length = unix.SizeofSockaddrInet4 // the kernel gives no less than it is asked for
	}
	_, _, errno := unix.Syscall6(unix.SYS_GETSOCKOPT, uintptr(fd), unix.SOL_SOCKET, unix.SO_PEERNAME, uintptr(unsafe.Pointer(&name)), uintptr(unsafe.Pointer(&length)), 0)
	if errno != 0 {
		return netip.AddrPort{}, os.NewSyscallError("getsockopt SO_PEERNAME", errno)
	}
	port := socket.NetworkOrder(name.Port)
	if domain == unix.AF_INET {
		return netip.AddrPortFrom(netip.AddrFrom4((*unix.RawSockaddrInet4)(unsafe.Pointer(&name)).Addr), port), nil
	}
	return netip.AddrPortFrom(netip.AddrFrom16(name.Addr), port), nil
}

// reserveError is the error of a Guard that could not be had.
func reserveError(local netip.AddrPort, err error) error {
	return &net.OpError{Op: "reserve", Net: "tcp", Addr: net.TCPAddrFromAddrPort(local), Err: err}
}
