package rawip

import (
	"encoding/binary"
	"fmt"
	"net"
	"net/netip"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// linkMonitor is told by the kernel when an interface goes down or away, or loses its carrier or an address. A packet socket for all interfaces is not.
type linkMonitor struct {
	fd      int
	buffer  [16384]byte
	pending []*LinkError
}

// openLinkMonitor returns a linkMonitor, or nil if none is wanted, which tells of nothing.
func openLinkMonitor(none bool) (*linkMonitor, error) {
	if none {
		return nil, nil
	}
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, unix.NETLINK_ROUTE)
	if err != nil {
		return nil, &net.OpError{Op: "open", Net: "netlink", Err: os.NewSyscallError("socket", err)}
	}
	if err := unix.Bind(fd, &unix.SockaddrNetlink{Family: unix.AF_NETLINK, Groups: unix.RTMGRP_LINK | unix.RTMGRP_IPV4_IFADDR | unix.RTMGRP_IPV6_IFADDR}); err != nil {
		unix.Close(fd)
		return nil, &net.OpError{Op: "open", Net: "netlink", Err: os.NewSyscallError("bind", err)}
	}
	return &linkMonitor{fd: fd}, nil
}

// lost returns a *LinkError for the next interface that was lost, or nil. Of news that did not fit into the socket's
// buffer (ENOBUFS) nobody hears: then the failure shows at the next send.
func (m *linkMonitor) lost() error {
	if m == nil {
		return nil
	}
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
		var lost *LinkError
		switch message.Header.Type {
		case unix.RTM_NEWLINK, unix.RTM_DELLINK:
			lost, err = lostLink(message)
		case unix.RTM_DELADDR:
			lost, err = lostAddress(message)
		}
		if err != nil {
			return err
		}
		if lost != nil {
			m.pending = append(m.pending, lost)
		}
	}
	return nil
}

// lostLink returns what was lost by a change of an interface, or nil.
func lostLink(message syscall.NetlinkMessage) (*LinkError, error) {
	// struct ifinfomsg: family, pad, type, index, flags, change. Of the bridge's family are the ports that leave it.
	if len(message.Data) < unix.SizeofIfInfomsg || message.Data[0] != unix.AF_UNSPEC {
		return nil, nil
	}
	lost := &LinkError{Interface: int(binary.NativeEndian.Uint32(message.Data[4:]))}
	flags := binary.NativeEndian.Uint32(message.Data[8:])
	switch {
	case message.Header.Type == unix.RTM_DELLINK:
		lost.Err = unix.ENODEV
	case flags&unix.IFF_UP == 0:
		lost.Err = unix.ENETDOWN
	case flags&unix.IFF_LOWER_UP == 0:
		lost.Err = ErrNoCarrier
	default:
		return nil, nil
	}
	attributes, err := syscall.ParseNetlinkRouteAttr(&message)
	for _, a := range attributes {
		if a.Attr.Type == unix.IFLA_IFNAME {
			lost.Name = unix.ByteSliceToString(a.Value)
		}
	}
	return lost, err
}

// lostAddress returns that an interface lost an address, or nil.
func lostAddress(message syscall.NetlinkMessage) (*LinkError, error) {
	// struct ifaddrmsg: family, prefix length, flags, scope, index.
	if len(message.Data) < unix.SizeofIfAddrmsg {
		return nil, nil
	}
	// Of IPv6 this one is there unless the link has two ends: then it is that of the other.
	attribute := uint16(unix.IFA_LOCAL)
	if message.Data[0] == unix.AF_INET6 {
		attribute = unix.IFA_ADDRESS
	}
	attributes, err := syscall.ParseNetlinkRouteAttr(&message)
	var lost netip.Addr
	for _, a := range attributes {
		if a.Attr.Type == attribute || a.Attr.Type == unix.IFA_LOCAL {
			lost, _ = netip.AddrFromSlice(a.Value)
		}
		if a.Attr.Type == unix.IFA_LOCAL {
			break
		}
	}
	if !lost.IsValid() {
		return nil, err
	}
	return &LinkError{Interface: int(binary.NativeEndian.Uint32(message.Data[4:])), Address: lost, Err: unix.EADDRNOTAVAIL}, nil
}

// fds returns the descriptors that are readable when there is news.
func (m *linkMonitor) fds() []int {
	if m == nil {
		return nil
	}
	return []int{m.fd}
}

func (m *linkMonitor) close() error {
	if m == nil {
		return nil
	}
	return os.NewSyscallError("close", unix.Close(m.fd))
}
