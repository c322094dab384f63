package rawip

import (
	"encoding/binary"
	"fmt"
	"net"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// linkMonitor is told by the kernel when an interface goes down or away. A packet socket for all interfaces is not.
type linkMonitor struct {
	fd      int
	buffer  [16384]byte
	pending []*LinkError
}

func openLinkMonitor() (*linkMonitor, error) {
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, unix.NETLINK_ROUTE)
	if err != nil {
		return nil, &net.OpError{Op: "open", Net: "netlink", Err: os.NewSyscallError("socket", err)}
	}
	if err := unix.Bind(fd, &unix.SockaddrNetlink{Family: unix.AF_NETLINK, Groups: unix.RTMGRP_LINK}); err != nil {
		unix.Close(fd)
		return nil, &net.OpError{Op: "open", Net: "netlink", Err: os.NewSyscallError("bind", err)}
	}
	return &linkMonitor{fd: fd}, nil
}

// lost returns a *LinkError for the next interface that was lost, or nil. Of news that did not fit into the socket's
// buffer (ENOBUFS) nobody hears: then the failure shows at the next send.
func (m *linkMonitor) lost() error {
	for len(m.pending) == 0 {
		n, _, err := unix.Recvfrom(m.fd, m.buffer[:], unix.MSG_DONTWAIT)
		switch err {
		case nil:
			if err := m.read(m.buffer[:n]); err != nil {
				return &net.OpError{Op: "receive", Net: "netlink", Err: err}
			}
		case unix.EINTR, unix.ENOBUFS:
		case unix.EAGAIN:
			return nil
		default:
			return &net.OpError{Op: "receive", Net: "netlink", Err: os.NewSyscallError("recvfrom", err)}
		}
	}
	first := m.pending[0]
	m.pending = m.pending[1:]
	return first
}

// read takes the losses from a datagram of the kernel's news.
func (m *linkMonitor) read(b []byte) error {
	messages, err := syscall.ParseNetlinkMessage(b)
	if err != nil {
		return fmt.Errorf("news of %d octets: %w", len(b), err)
	}
	for _, message := range messages {
		// struct ifinfomsg: family, pad, type, index, flags, change. Of the bridge's family are the ports that leave it.
		if len(message.Data) < unix.SizeofIfInfomsg || message.Data[0] != unix.AF_UNSPEC {
			continue
		}
		index := int(binary.NativeEndian.Uint32(message.Data[4:]))
		up := binary.NativeEndian.Uint32(message.Data[8:])&unix.IFF_UP != 0
		switch {
		case message.Header.Type == unix.RTM_DELLINK:
			m.pending = append(m.pending, &LinkError{Interface: index, Err: unix.ENODEV})
		case message.Header.Type == unix.RTM_NEWLINK && !up:
			m.pending = append(m.pending, &LinkError{Interface: index, Err: unix.ENETDOWN})
		}
	}
	return nil
}

func (m *linkMonitor) close() error { return os.NewSyscallError("close", unix.Close(m.fd)) }
