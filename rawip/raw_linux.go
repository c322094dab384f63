package rawip

import (
	"net/netip"
	"os"

	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"

	"tcpprobe/internal/socket"
)

// nothing is a filter that passes nothing.
var nothing = []bpf.RawInstruction{{Op: unix.BPF_RET | unix.BPF_K}}

// Options of linux/in6.h.
const (
	ipv6FlowInfo = 11 // IPV6_FLOWINFO
	ipv6FreeBind = 78 // IPV6_FREEBIND
)

// rawOption is a socket option that every raw socket has.
type rawOption struct {
	name          string
	option, value int
}

// Options of raw sockets. No ICMP error changes the MTU of a route by them, and an address may come and go.
var (
	rawOptions4 = []rawOption{
		{"IP_MTU_DISCOVER", unix.IP_MTU_DISCOVER, unix.IP_PMTUDISC_INTERFACE},
		{"IP_FREEBIND", unix.IP_FREEBIND, 1},
		{"IP_PKTINFO", unix.IP_PKTINFO, 1},
	}
	rawOptions6 = []rawOption{
		{"IPV6_MTU_DISCOVER", unix.IPV6_MTU_DISCOVER, unix.IPV6_PMTUDISC_INTERFACE},
		{"IPV6_FREEBIND", ipv6FreeBind, 1},
		{"IPV6_RECVPKTINFO", unix.IPV6_RECVPKTINFO, 1},
		{"IPV6_RECVHOPLIMIT", unix.IPV6_RECVHOPLIMIT, 1},
		{"IPV6_RECVTCLASS", unix.IPV6_RECVTCLASS, 1},
		{"IPV6_FLOWINFO", ipv6FlowInfo, 1},
	}
)

// openRaw opens a raw socket that passes nothing up, and by which no ICMP error changes the MTU of a route.
func openRaw(v6 bool, protocol int) (fd int, err error) {
	domain, level, options := unix.AF_INET, unix.SOL_IP, rawOptions4
	if v6 {
		domain, level, options = unix.AF_INET6, unix.SOL_IPV6, rawOptions6
	}
	fd, err = unix.Socket(domain, unix.SOCK_RAW|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, protocol)
	if err != nil {
		return -1, os.NewSyscallError("socket", err)
	}
	err = socket.AttachFilter(fd, nothing)
	for _, o := range options {
		if err == nil {
			err = os.NewSyscallError("setsockopt "+o.name, unix.SetsockoptInt(fd, level, o.option, o.value))
		}
	}
	if err == nil {
		err = socket.StampReceived(fd)
	}
	if err == nil {
		err = drain(fd)
	}
	if err != nil {
		unix.Close(fd)
		return -1, err
	}
	return fd, nil
}

// drain throws away what arrived before the filter was there.
func drain(fd int) error {
	var b [1]byte
	for {
		switch _, _, err := unix.Recvfrom(fd, b[:], unix.MSG_DONTWAIT); err {
		case nil, unix.EINTR:
		case unix.EAGAIN:
			return nil
		default:
			return os.NewSyscallError("recvfrom", err)
		}
	}
}

// park binds a raw socket to an address that no datagram comes from: a quote with that source has no route to change.
func park(fd int, v6 bool) error {
	if v6 {
		return bind(fd, netip.AddrFrom16([16]byte{0: 0xff, 1: 0x0e}), 0)
	}
	return bind(fd, netip.AddrFrom4([4]byte{255, 255, 255, 255}), 0)
}

// bind binds a raw socket that is not connected, also one that was bound before; to the unspecified address for all. The scope
// is the index of the interface whose link a link-local address is of.
func bind(fd int, local netip.Addr, scope int) error {
	return os.NewSyscallError("bind", unix.Bind(fd, rawSockaddr(local, scope)))
}

// rawSockaddr is an address, whose zone is left out, as the system calls take it.
func rawSockaddr(a netip.Addr, scope int) unix.Sockaddr {
	if a.Is4() {
		return &unix.SockaddrInet4{Addr: a.As4()}
	}
	to := &unix.SockaddrInet6{Addr: a.As16()}
	if a.IsLinkLocalUnicast() {
		to.ZoneId = uint32(scope)
	}
	return to
}

// unspecified is the address of a family that stands for all.
func unspecified(v6 bool) netip.Addr {
	if v6 {
		return netip.IPv6Unspecified()
	}
	return netip.IPv4Unspecified()
}
