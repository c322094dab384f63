package neighbor

import (
	"encoding/binary"
	"net"
	"net/netip"
	"os"
	"syscall"

	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"

	"tcpprobe/internal/route"
)

// changes is told by the kernel when an entry of its neighbour table changes (RTNLGRP_NEIGH of rtnetlink(7)).
type changes struct {
	fd     int
	buffer [16384]byte
}

// change is an entry as it is now.
type change struct {
	hop   Hop
	mac   [6]byte // zero if it has none
	state route.NeighborState
}

func openChanges() (*changes, error) {
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, unix.NETLINK_ROUTE)
	if err != nil {
		return nil, &net.OpError{Op: "open", Net: "netlink", Err: os.NewSyscallError("socket", err)}
	}
	if err := unix.Bind(fd, &unix.SockaddrNetlink{Family: unix.AF_NETLINK, Groups: 1 << (unix.RTNLGRP_NEIGH - 1)}); err != nil {
		unix.Close(fd)
		return nil, &net.OpError{Op: "open", Net: "netlink", Err: os.NewSyscallError("bind", err)}
	}
	return &changes{fd: fd}, nil
}

// receive returns the changes that are told of, without waiting; more may follow until there are none. Of those that did not
// fit into the socket's buffer (ENOBUFS) nobody hears: packets and timeouts tell the same, later.
func (c *changes) receive() ([]change, error) {
	for {
		n, _, err := unix.Recvfrom(c.fd, c.buffer[:], unix.MSG_DONTWAIT)
		switch err {
		case nil:
			if told, err := parseChanges(c.buffer[:n]); err != nil || len(told) > 0 {
				return told, err
			}
		case unix.EINTR, unix.ENOBUFS:
		case unix.EAGAIN:
			return nil, nil
		default:
			return nil, &net.OpError{Op: "receive", Net: "netlink", Err: os.NewSyscallError("recvfrom", err)}
		}
	}
}

// parseChanges reads a datagram of the kernel's.
func parseChanges(b []byte) ([]change, error) {
	messages, err := syscall.ParseNetlinkMessage(b)
	if err != nil {
		return nil, &net.OpError{Op: "receive", Net: "netlink", Err: err}
	}
	var told []change
	for _, message := range messages {
		var header unix.NdMsg
		n, err := binary.Decode(message.Data, binary.NativeEndian, &header)
		if err != nil || message.Header.Type != unix.RTM_NEWNEIGH || header.Family != unix.AF_INET && header.Family != unix.AF_INET6 {
			continue
		}
		attributes, err := netlink.NewAttributeDecoder(message.Data[n:])
		if err != nil {
			continue
		}
		c := change{hop: Hop{Index: int(header.Ifindex)}, state: route.NeighborState(header.State)}
		for attributes.Next() {
			switch value := attributes.Bytes(); attributes.Type() {
			case unix.NDA_DST:
				c.hop.Address, _ = netip.AddrFromSlice(value)
			case unix.NDA_LLADDR:
				if len(value) == len(c.mac) {
					c.mac = [6]byte(value)
				}
			}
		}
		told = append(told, c)
	}
	return told, nil
}

func (c *changes) close() error { return os.NewSyscallError("close", unix.Close(c.fd)) }
