package rawip

import (
	"encoding/binary"
	"errors"
	"net"
	"os"

	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"

	"tcpprobe/internal/socket"
	"tcpprobe/internal/stamp"
)

// ipSockets send and receive datagrams by the kernel's IP (raw(7)): after its routing, its firewall and its address
// translation, as connect(2) would.
//
// The kernel acts on an ICMP error if a raw socket could have sent what it quotes, and believes the quote: by a forged one it
// changes the MTU or the gateway of any route, for all programs. So what sends receives nothing and quotes of it cannot
// exist, what receives TCP is bound and connected, and none of them takes part in finding path MTUs.
type ipSockets struct {
	out      int // sends
	tcp      pairSockets
	icmp     icmpSocket
	control  sendControl
	sent     sentDatagrams
	clock    *stamp.Clock
	receiver socket.Receiver
}

// openIP opens the sockets, with a filter. What came before the filter is thrown away.
func openIP(filter []bpf.RawInstruction, clock *stamp.Clock, o WireOptions) (*ipSockets, error) {
	s := &ipSockets{out: -1, tcp: pairSockets{filter: filter}, icmp: icmpSocket{fd: -1, filter: filter}, clock: clock}
	if err := s.open(o); err != nil {
		s.close()
		return nil, &net.OpError{Op: "open", Net: "ip4", Err: err}
	}
	return s, nil
}

func (s *ipSockets) open(o WireOptions) (err error) {
	if s.out, err = openRaw(unix.IPPROTO_RAW); err != nil {
		return err
	}
	if err := park(s.out); err != nil {
		return err
	}
	if o.Interface != "" {
		if err := os.NewSyscallError("setsockopt SO_BINDTODEVICE", unix.BindToDevice(s.out, o.Interface)); err != nil {
			return err
		}
	}
	if o.Mark != 0 {
		if err := os.NewSyscallError("setsockopt SO_MARK", unix.SetsockoptInt(s.out, unix.SOL_SOCKET, unix.SO_MARK, int(o.Mark))); err != nil {
			return err
		}
	}
	if err := s.tcp.open(); err != nil {
		return err
	}
	if err := s.icmp.open(); err != nil {
		return err
	}
	return socket.StampSent(s.out)
}

// send sends a datagram with its header, by the interface of the path and as from its source address.
func (s *ipSockets) send(p Path, datagram []byte) error {
	src, dst := [4]byte(datagram[offSrc:]), [4]byte(datagram[offDst:])
	err := errors.Join(s.tcp.watch(src, dst), s.icmp.watch(src))
	if err == nil {
		err = s.sendBy(p, src, dst, datagram)
	}
	if err != nil {
		return &net.OpError{Op: "send", Net: "ip4", Err: err}
	}
	return nil
}

// loopbackIndex is the index of the loopback interface in every network namespace (LOOPBACK_IFINDEX of net/flow.h).
const loopbackIndex = 1

// sendBy sends a datagram when it is known who receives the answer.
func (s *ipSockets) sendBy(p Path, src, dst [4]byte, datagram []byte) error {
	to := unix.SockaddrInet4{Addr: dst}
	by := p.Interface
	if by == loopbackIndex {
		// An address of this host is that of another interface: told to leave by loopback, the kernel would take it for a
		// stranger's on that link, and answer nothing but what is listened for.
		by = 0
	}
	for {
		_, err := unix.SendmsgN(s.out, datagram, s.control.octets(by, src, datagram[offTOS]), &to, 0)
		switch {
		case err == nil:
			if s.sent.add(p.Interface, datagram) {
				return s.collect()
			}
			return nil
		case err == unix.EINTR:
			continue
		case err == unix.EINVAL && !s.control.withoutProtocol:
			s.control.withoutProtocol = true // Linux has it since version 6.4
			continue
		}
		// Whether the kernel has counted a datagram that it did not send depends on how far it got.
		s.sent = sentDatagrams{}
		return errors.Join(os.NewSyscallError("sendmsg", err), socket.StampSentAnew(s.out))
	}
}

// receive returns the next of: a datagram of ours as it left, a segment, an ICMP error.
func (s *ipSockets) receive(b []byte) (Packet, bool, error) {
	if len(s.sent.stamped) == 0 {
		if err := s.collect(); err != nil {
			return Packet{}, false, err
		}
	}
	if p, ok := s.sent.next(); ok {
		return p, true, nil
	}
	for i := range s.tcp.sockets {
		if p, ok, err := s.receiveFrom(s.tcp.sockets[i], b); ok || err != nil {
			return p, ok, err
		}
	}
	p, ok, err := s.receiveFrom(s.icmp.fd, b)
	if !ok && err == nil {
		s.clock.Drained()
	}
	return p, ok, err
}

// receiveFrom returns the next datagram of a socket.
func (s *ipSockets) receiveFrom(fd int, b []byte) (Packet, bool, error) {
	for {
		before := s.clock.Before()
		n, control, err := s.receiver.Receive(fd, b, 0)
		switch {
		case err == 0:
			p := Packet{Octets: b[:n], ByIP: true, At: s.clock.Stamp(socket.Stamp(control), before)}
			if info := socket.ControlMessage(control, unix.SOL_IP, unix.IP_PKTINFO); len(info) >= unix.SizeofInet4Pktinfo {
				p.Interface = int(binary.NativeEndian.Uint32(info))
			}
			return p, true, nil
		case err == unix.EAGAIN:
			return Packet{}, false, nil
		case !fromICMP(err):
			return Packet{}, false, &net.OpError{Op: "receive", Net: "ip4", Err: os.NewSyscallError("recvmsg", err)}
		}
	}
}

// fromICMP reports whether an error of a connected socket is what the kernel makes of an ICMP error (icmp_err_convert). The
// message itself is received too, and says more.
func fromICMP(err unix.Errno) bool {
	switch err {
	case unix.ENETUNREACH, unix.EHOSTUNREACH, unix.ENOPROTOOPT, unix.ECONNREFUSED, unix.EMSGSIZE, unix.EOPNOTSUPP, unix.EHOSTDOWN,
		unix.ENONET, unix.EPROTO:
		return true
	}
	return false
}

// collect takes the stamps of datagrams of ours that have come.
func (s *ipSockets) collect() error {
	for {
		before := s.clock.Before()
		_, control, err := s.receiver.Receive(s.out, nil, unix.MSG_ERRQUEUE)
		switch err {
		case 0:
		case unix.EAGAIN:
			return nil
		default:
			return &net.OpError{Op: "receive", Net: "ip4", Err: os.NewSyscallError("recvmsg MSG_ERRQUEUE", err)}
		}
		if number, ok := socket.SentNumber(control); ok {
			s.sent.stamp(number, s.clock.Stamp(socket.Stamp(control), before))
		}
	}
}

// setFilter sets the filter of what is received.
func (s *ipSockets) setFilter(filter []bpf.RawInstruction) error {
	return errors.Join(s.tcp.setFilter(filter), s.icmp.setFilter(filter))
}

// fds returns the file descriptors to wait for.
func (s *ipSockets) fds() []int { return append([]int{s.out, s.icmp.fd}, s.tcp.sockets...) }

func (s *ipSockets) close() error {
	var errs []error
	for _, fd := range s.fds() {
		if fd >= 0 {
			errs = append(errs, os.NewSyscallError("close", unix.Close(fd)))
		}
	}
	return errors.Join(errs...)
}
