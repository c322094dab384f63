package connect

import (
	"encoding/binary"
	"net/netip"
	"os"

	"golang.org/x/sys/unix"

	"tcpprobe/internal/socket"
)

// icmpErrors takes the ICMP errors out of the socket's error queue (IP_RECVERR, IPV6_RECVERR).
func (c *Conn) icmpErrors() (errors []ICMP, err error) {
	var quoted [64]byte // which begins with the TCP header, and is of no use
	var receiver socket.Receiver
	for {
		_, control, err := receiver.Receive(c.fd, quoted[:], unix.MSG_ERRQUEUE)
		switch {
		case err == unix.EAGAIN:
			return errors, nil
		case err != 0:
			return errors, os.NewSyscallError("recvmsg", err)
		}
		if e, ok := c.extendedError(control); ok {
			errors = append(errors, e)
		}
	}
}

// extendedError reads a struct sock_extended_err (linux/errqueue.h), and the address behind it. It is not ok for an error of
// which this host's own TCP or IP tells, without ICMP.
func (c *Conn) extendedError(control []byte) (ICMP, bool) {
	const size, offErrno, offOrigin, offType, offCode, offInfo = 16, 0, 4, 5, 6, 8
	level, kind, origin := int32(unix.SOL_IP), int32(unix.IP_RECVERR), byte(unix.SO_EE_ORIGIN_ICMP)
	if c.v6 {
		level, kind, origin = unix.SOL_IPV6, unix.IPV6_RECVERR, unix.SO_EE_ORIGIN_ICMP6
	}
	data := socket.ControlMessage(control, level, kind)
	if len(data) < size || data[offOrigin] != origin {
		return ICMP{}, false
	}
	from, ok := offender(data[size:])
	return ICMP{
		From: from, Type: data[offType], Code: data[offCode], MTU: int(binary.NativeEndian.Uint32(data[offInfo:])),
		Err: unix.Errno(binary.NativeEndian.Uint32(data[offErrno:])),
	}, ok
}

// offender reads a struct sockaddr_in or sockaddr_in6.
func offender(b []byte) (netip.Addr, bool) {
	if len(b) < unix.SizeofSockaddrInet4 {
		return netip.Addr{}, false
	}
	switch family := binary.NativeEndian.Uint16(b); {
	case family == unix.AF_INET:
		return netip.AddrFrom4([4]byte(b[4:8])), true
	case family == unix.AF_INET6 && len(b) >= unix.SizeofSockaddrInet6:
		return netip.AddrFrom16([16]byte(b[8:24])), true
	}
	return netip.Addr{}, false
}
