package resolver

import (
	"encoding/binary"
	"net"
	"net/netip"
	"os"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"tcpprobe/internal/socket"
	"tcpprobe/internal/stamp"
)

// maxErrors is how many messages of an error queue are read at once. A query makes two, its time stamp and an ICMP error.
const maxErrors = 16

// prepareUDP asks for the kernel's stamps of both directions, and for ICMP errors with their senders. Where it has none of
// that, the process's clock and the bare error number have to do.
func prepareUDP(network, _ string, raw syscall.RawConn) error {
	if !strings.HasPrefix(network, "udp") {
		return nil
	}
	return raw.Control(func(fd uintptr) {
		socket.StampReceived(int(fd))
		socket.StampSent(int(fd))
		if network == "udp6" {
			unix.SetsockoptInt(int(fd), unix.IPPROTO_IPV6, unix.IPV6_RECVERR, 1)
		} else {
			unix.SetsockoptInt(int(fd), unix.IPPROTO_IP, unix.IP_RECVERR, 1)
		}
	})
}

// receive reads the next message, which is valid until the next call. Without wait the error is EAGAIN if there is
// none yet.
func (r *Resolver) receive(raw syscall.RawConn, wait bool) (message []byte, at stamp.Stamp, err error) {
	var errno error
	err = raw.Read(func(fd uintptr) bool {
		before := r.options.Clock.Before()
		n, control, e := r.recvmsg(int(fd), r.buffer, 0)
		if e == unix.EAGAIN && wait {
			return false
		}
		message, errno = r.buffer[:n], e
		at = r.options.Clock.Stamp(socket.Stamp(control), before)
		return true
	})
	if err == nil && errno != nil {
		err = &net.OpError{Op: "read", Net: "udp", Err: os.NewSyscallError("recvmsg", errno)}
	}
	return message, at, err
}

// readErrors reads the error queue: it gives the kernel's stamp of the query, which is the first and only message that
// the socket sent, to the machine, and returns the ICMP error that the query drew, or nil.
func (r *Resolver) readErrors(raw syscall.RawConn, q *Query) (drawn *ICMPError) {
	raw.Control(func(fd uintptr) {
		for range maxErrors {
			before := r.options.Clock.Before()
			_, control, err := r.recvmsg(int(fd), nil, unix.MSG_ERRQUEUE)
			if err != nil {
				return
			}
			data := socket.ControlMessage(control, unix.SOL_IP, unix.IP_RECVERR)
			if data == nil {
				data = socket.ControlMessage(control, unix.SOL_IPV6, unix.IPV6_RECVERR)
			}
			e, ok := parseExtendedError(data)
			switch {
			case !ok:
			case e.origin == unix.SO_EE_ORIGIN_TIMESTAMPING && e.data == 0: // the number of the message
				if at := r.options.Clock.Stamp(socket.Stamp(control), before); at.Source() == stamp.Kernel {
					q.Stamped(at.Kernel)
				}
			case (e.origin == unix.SO_EE_ORIGIN_ICMP || e.origin == unix.SO_EE_ORIGIN_ICMP6) && drawn == nil:
				drawn = &ICMPError{From: e.offender, Type: e.icmpType, Code: e.icmpCode, Err: e.errno}
			}
		}
	})
	return drawn
}

// extendedError is a struct sock_extended_err (ip(7), IP_RECVERR) with the address behind it.
type extendedError struct {
	errno              syscall.Errno
	origin             uint8
	icmpType, icmpCode uint8
	data               uint32
	offender           netip.Addr
}

// parseExtendedError reads the data of an IP_RECVERR or IPV6_RECVERR control message: errno, origin, type, code, pad, info
// and data in 16 octets, and a struct sockaddr_in or sockaddr_in6. They are alike on all machines.
func parseExtendedError(b []byte) (extendedError, bool) {
	if len(b) < 16 {
		return extendedError{}, false
	}
	e := extendedError{
		errno:  syscall.Errno(binary.NativeEndian.Uint32(b)),
		origin: b[4], icmpType: b[5], icmpCode: b[6],
		data: binary.NativeEndian.Uint32(b[12:]),
	}
	if address := b[16:]; len(address) >= 8 {
		switch family := binary.NativeEndian.Uint16(address); {
		case family == unix.AF_INET:
			e.offender = netip.AddrFrom4([4]byte(address[4:8]))
		case family == unix.AF_INET6 && len(address) >= 24:
			e.offender = netip.AddrFrom16([16]byte(address[8:24]))
		}
	}
	return e, true
}

// recvmsg is recvmsg(2) that does not wait and is not disturbed by signals.
func (r *Resolver) recvmsg(fd int, b []byte, flags int) (int, []byte, error) {
	for {
		n, control, _, _, err := unix.Recvmsg(fd, b, r.control, flags|unix.MSG_DONTWAIT)
		if err != unix.EINTR {
			return max(n, 0), r.control[:control], err
		}
	}
}
