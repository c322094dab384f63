package rawip

import (
	"os"

	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"

	"tcpprobe/internal/socket"
)

// nothing is a filter that passes nothing.
var nothing = []bpf.RawInstruction{{Op: unix.BPF_RET | unix.BPF_K}}

// openRaw opens a raw socket that passes nothing up, and by which no ICMP error changes the MTU of a route.
func openRaw(protocol int) (fd int, err error) {
	fd, err = unix.Socket(unix.AF_INET, unix.SOCK_RAW|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, protocol)
	if err != nil {
		return -1, os.NewSyscallError("socket", err)
	}
	err = socket.AttachFilter(fd, nothing)
	for _, o := range []struct {
		name          string
		option, value int
	}{
		{"IP_MTU_DISCOVER", unix.IP_MTU_DISCOVER, unix.IP_PMTUDISC_INTERFACE},
		{"IP_FREEBIND", unix.IP_FREEBIND, 1}, // an address may come and go
		{"IP_PKTINFO", unix.IP_PKTINFO, 1},
	} {
		if err == nil {
			err = os.NewSyscallError("setsockopt "+o.name, unix.SetsockoptInt(fd, unix.SOL_IP, o.option, o.value))
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
func park(fd int) error { return bind(fd, [4]byte{255, 255, 255, 255}) }

// bind binds a raw socket that is not connected, also one that was bound before; to 0.0.0.0 for all addresses.
func bind(fd int, local [4]byte) error {
	return os.NewSyscallError("bind", unix.Bind(fd, &unix.SockaddrInet4{Addr: local}))
}
