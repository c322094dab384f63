package rawip

import (
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
type ipSockets struct {
	tcp, icmp int // file descriptors; what is sent goes out by the first
	clock     *stamp.Clock
	receiver  socket.Receiver
	sends     uint32 // datagrams sent since stamping them began: the number of the next
	recent    [64]sentDatagram
}

// sentDatagram is a datagram that a stamp may still come for.
type sentDatagram struct {
	number uint32
	octets []byte
}

// openIP opens the sockets, with a filter. What came before the filter is thrown away.
func openIP(filter []bpf.RawInstruction, clock *stamp.Clock, o WireOptions) (*ipSockets, error) {
	s := &ipSockets{tcp: -1, icmp: -1, clock: clock}
	if err := s.open(filter, o); err != nil {
		s.close()
		return nil, &net.OpError{Op: "open", Net: "ip4", Err: err}
	}
	return s, nil
}

func (s *ipSockets) open(filter []bpf.RawInstruction, o WireOptions) (err error) {
	nothing, err := bpf.Assemble([]bpf.Instruction{drop})
	if err != nil {
		return err
	}
	for _, sock := range []struct {
		fd       *int
		protocol int
	}{{&s.tcp, ProtocolTCP}, {&s.icmp, ProtocolICMP}} {
		*sock.fd, err = unix.Socket(unix.AF_INET, unix.SOCK_RAW|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, sock.protocol)
		if err != nil {
			return os.NewSyscallError("socket", err)
		}
		if err := socket.AttachFilter(*sock.fd, nothing); err != nil {
			return err
		}
		if err := socket.StampReceived(*sock.fd); err != nil {
			return err
		}
	}
	if err := os.NewSyscallError("setsockopt IP_HDRINCL", unix.SetsockoptInt(s.tcp, unix.SOL_IP, unix.IP_HDRINCL, 1)); err != nil {
		return err
	}
	if o.Interface != "" {
		if err := os.NewSyscallError("setsockopt SO_BINDTODEVICE", unix.BindToDevice(s.tcp, o.Interface)); err != nil {
			return err
		}
	}
	if o.Mark != 0 {
		if err := os.NewSyscallError("setsockopt SO_MARK", unix.SetsockoptInt(s.tcp, unix.SOL_SOCKET, unix.SO_MARK, int(o.Mark))); err != nil {
			return err
		}
	}
	for _, fd := range []int{s.tcp, s.icmp} {
		s.drain(fd)
	}
	if err := s.setFilter(filter); err != nil {
		return err
	}
	return s.stampSent()
}

// drain throws away what arrived before the filter was there.
func (s *ipSockets) drain(fd int) {
	var b [1]byte
	for {
		if _, _, err := unix.Recvfrom(fd, b[:], unix.MSG_DONTWAIT); err != nil && err != unix.EINTR {
			return
		}
	}
}

// stampSent has the kernel stamp what is sent, counting from 0 from now on.
func (s *ipSockets) stampSent() error {
	s.sends = 0
	s.recent = [64]sentDatagram{}
	return socket.StampSentAnew(s.tcp)
}

func (s *ipSockets) setFilter(filter []bpf.RawInstruction) error {
	return errors.Join(socket.AttachFilter(s.tcp, filter), socket.AttachFilter(s.icmp, filter))
}

// send sends a datagram with its header.
func (s *ipSockets) send(datagram []byte) error {
	to := unix.SockaddrInet4{Addr: [4]byte(datagram[offDst:])}
	for {
		err := unix.Sendto(s.tcp, datagram, 0, &to)
		switch err {
		case nil:
			r := &s.recent[s.sends%uint32(len(s.recent))]
			r.number = s.sends
			r.octets = append(r.octets[:0], datagram...)
			s.sends++
			return nil
		case unix.EINTR:
			continue
		}
		// Whether the kernel has counted a datagram that it did not send depends on how far it got.
		return &net.OpError{Op: "send", Net: "ip4", Err: errors.Join(os.NewSyscallError("sendto", err), s.stampSent())}
	}
}

// receive returns the next of: a datagram of ours as it left, a segment, an ICMP error.
func (s *ipSockets) receive(b []byte) (Packet, bool, error) {
	if p, ok, err := s.receiveSent(); ok || err != nil {
		return p, ok, err
	}
	for _, fd := range []int{s.tcp, s.icmp} {
		before := s.clock.Before()
		n, control, err := s.receiver.Receive(fd, b, 0)
		switch {
		case err == 0:
			return Packet{Octets: b[:n], At: s.clock.Stamp(socket.Stamp(control), before)}, true, nil
		case err != unix.EAGAIN:
			return Packet{}, false, &net.OpError{Op: "receive", Net: "ip4", Err: os.NewSyscallError("recvmsg", err)}
		}
	}
	s.clock.Drained()
	return Packet{}, false, nil
}

// receiveSent returns a datagram of ours whose stamp has come.
func (s *ipSockets) receiveSent() (Packet, bool, error) {
	for {
		before := s.clock.Before()
		_, control, err := s.receiver.Receive(s.tcp, nil, unix.MSG_ERRQUEUE)
		switch err {
		case 0:
		case unix.EAGAIN:
			return Packet{}, false, nil
		default:
			return Packet{}, false, &net.OpError{Op: "receive", Net: "ip4", Err: os.NewSyscallError("recvmsg MSG_ERRQUEUE", err)}
		}
		number, ok := socket.SentNumber(control)
		if !ok {
			continue
		}
		if r := &s.recent[number%uint32(len(s.recent))]; r.number == number && len(r.octets) > 0 {
			return Packet{Sent: true, Octets: r.octets, At: s.clock.Stamp(socket.Stamp(control), before)}, true, nil
		}
	}
}

func (s *ipSockets) close() error {
	var errs []error
	for _, fd := range []int{s.tcp, s.icmp} {
		if fd >= 0 {
			errs = append(errs, os.NewSyscallError("close", unix.Close(fd)))
		}
	}
	return errors.Join(errs...)
}
