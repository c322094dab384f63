package connect

import (
	"fmt"
	"net"
	"net/netip"
	"os"
	"strconv"

	"golang.org/x/sys/unix"
)

// begin sets the socket up, and calls connect(2).
func (c *Conn) begin(o Options) error {
	if err := c.prepare(o); err != nil {
		return err
	}
	remote, err := sockaddr(o.Remote)
	if err != nil {
		return err
	}
	if err := unix.Connect(c.fd, remote); err != nil && err != unix.EINPROGRESS {
		return os.NewSyscallError("connect", err)
	}
	// Only now: a socket that has not connected yet counts as hung up.
	event := unix.EpollEvent{Events: unix.EPOLLOUT, Fd: int32(c.fd)}
	return os.NewSyscallError("epoll_ctl", unix.EpollCtl(c.poller.epoll, unix.EPOLL_CTL_ADD, c.fd, &event))
}

// prepare sets the options of the socket.
func (c *Conn) prepare(o Options) error {
	level, receiveErrors, ttl, tos := unix.SOL_IP, unix.IP_RECVERR, unix.IP_TTL, unix.IP_TOS
	if c.v6 {
		level, receiveErrors, ttl, tos = unix.SOL_IPV6, unix.IPV6_RECVERR, unix.IPV6_UNICAST_HOPS, unix.IPV6_TCLASS
	}
	for _, option := range []struct {
		wanted             bool
		name               string
		level, what, value int
	}{
		{true, "IP_RECVERR", level, receiveErrors, 1},
		{true, "IP_TTL", level, ttl, int(o.TTL)},
		{o.TOS != 0, "IP_TOS", level, tos, int(o.TOS)},
		{o.Mark != 0, "SO_MARK", unix.SOL_SOCKET, unix.SO_MARK, int(o.Mark)},
		{o.MSS != 0, "TCP_MAXSEG", unix.SOL_TCP, unix.TCP_MAXSEG, int(o.MSS)},
		{true, "TCP_SYNCNT", unix.SOL_TCP, unix.TCP_SYNCNT, o.Retries},
		// A port that is asked for may be that of a connection in TIME-WAIT.
		{o.Port != 0, "SO_REUSEADDR", unix.SOL_SOCKET, unix.SO_REUSEADDR, 1},
		{o.Port == 0 && o.Source.IsValid(), "IP_BIND_ADDRESS_NO_PORT", unix.SOL_IP, unix.IP_BIND_ADDRESS_NO_PORT, 1},
	} {
		if !option.wanted {
			continue
		}
		if err := unix.SetsockoptInt(c.fd, option.level, option.what, option.value); err != nil {
			return os.NewSyscallError("setsockopt "+option.name, err)
		}
	}
	if o.Interface != "" {
		if err := unix.BindToDevice(c.fd, o.Interface); err != nil {
			return os.NewSyscallError("setsockopt SO_BINDTODEVICE", err)
		}
	}
	if o.Port == 0 && !o.Source.IsValid() {
		return nil
	}
	source := o.Source
	if !source.IsValid() {
		source = unspecified(c.v6)
	}
	local, err := sockaddr(netip.AddrPortFrom(source, o.Port))
	if err != nil {
		return err
	}
	return os.NewSyscallError("bind", unix.Bind(c.fd, local))
}

func unspecified(v6 bool) netip.Addr {
	if v6 {
		return netip.IPv6Unspecified()
	}
	return netip.IPv4Unspecified()
}

// sockaddr returns an address and port as system calls take them.
func sockaddr(a netip.AddrPort) (unix.Sockaddr, error) {
	if a.Addr().Is4() {
		return &unix.SockaddrInet4{Port: int(a.Port()), Addr: a.Addr().As4()}, nil
	}
	s := &unix.SockaddrInet6{Port: int(a.Port()), Addr: a.Addr().As16()}
	zone := a.Addr().Zone()
	if zone == "" {
		return s, nil
	}
	if index, err := strconv.ParseUint(zone, 10, 32); err == nil {
		s.ZoneId = uint32(index)
		return s, nil
	}
	link, err := net.InterfaceByName(zone)
	if err != nil {
		return nil, fmt.Errorf("the zone of %v: %w", a.Addr(), err)
	}
	s.ZoneId = uint32(link.Index)
	return s, nil
}

// addrPort is the inverse of sockaddr; not valid for an address of another family. It has no zone.
func addrPort(a unix.Sockaddr) netip.AddrPort {
	switch a := a.(type) {
	case *unix.SockaddrInet4:
		return netip.AddrPortFrom(netip.AddrFrom4(a.Addr), uint16(a.Port))
	case *unix.SockaddrInet6:
		return netip.AddrPortFrom(netip.AddrFrom16(a.Addr), uint16(a.Port))
	}
	return netip.AddrPort{}
}
