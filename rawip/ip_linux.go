package rawip

import (
	"encoding/binary"
	"errors"
	"net"
	"net/netip"
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
	v6       bool
	out      int    // sends
	device   string // by which it still has to be bound to leave; "" for none
	tcp      pairSockets
	icmp     icmpSocket
	control  sendControl
	control6 sendControl6
	sent     sentDatagrams
	clock    *stamp.Clock
	receiver socket.Receiver
}

// openIP opens the sockets of a family, with filters of segments and of ICMP errors. What came before the filters is thrown away.
func openIP(v6 bool, segments, errs []bpf.RawInstruction, clock *stamp.Clock, o WireOptions) (*ipSockets, error) {
	s := &ipSockets{v6: v6, out: -1, device: o.Interface, tcp: pairSockets{v6: v6, filter: segments, limit: pairLimit}, icmp: icmpSocket{v6: v6, fd: -1, filter: errs}, clock: clock}
	if o.Single {
		s.tcp.limit = singleLimit
	}
	if err := s.open(o); err != nil {
		s.close()
		return nil, &net.OpError{Op: "open", Net: s.network(), Err: err}
	}
	return s, nil
}

// network names the family in errors.
func (s *ipSockets) network() string {
	if s.v6 {
		return "ip6"
	}
	return "ip4"
}

func (s *ipSockets) open(o WireOptions) (err error) {
	if s.out, err = openRaw(s.v6, unix.IPPROTO_RAW); err != nil {
		return err
	}
	if err := park(s.out, s.v6); err != nil {
		return err
	}
	if err := s.bindToDevice(); err != nil && !errors.Is(err, unix.ENODEV) { // it may come by the time that it is needed
		return err
	}
	if o.Mark != 0 {
		if err := os.NewSyscallError("setsockopt SO_MARK", unix.SetsockoptInt(s.out, unix.SOL_SOCKET, unix.SO_MARK, int(o.Mark))); err != nil {
			return err
		}
	}
	if s.v6 {
		if err := os.NewSyscallError("setsockopt IPV6_FLOWINFO_SEND", unix.SetsockoptInt(s.out, unix.SOL_IPV6, ipv6FlowInfoSend, 1)); err != nil {
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

// bindToDevice has all leave by the interface that is asked for. Once, that takes no privilege.
func (s *ipSockets) bindToDevice() error {
	if s.device == "" {
		return nil
	}
	if err := unix.BindToDevice(s.out, s.device); err != nil {
		return os.NewSyscallError("setsockopt SO_BINDTODEVICE", err)
	}
	s.device = ""
	return nil
}

// send sends a datagram with its header, by the interface of the path and as from its source address.
func (s *ipSockets) send(p Path, datagram []byte) error {
	src, dst := addresses(datagram)
	err := errors.Join(s.bindToDevice(), s.tcp.watch(pair{src, dst, p.Scope}), s.icmp.watch(src))
	if err == nil {
		err = s.sendBy(p, src, dst, datagram)
	}
	if err != nil {
		return &net.OpError{Op: "send", Net: s.network(), Err: err}
	}
	return nil
}

// addresses returns the source and the destination of a datagram that is to be sent.
func addresses(datagram []byte) (src, dst netip.Addr) {
	if Is6(datagram) {
		return netip.AddrFrom16([16]byte(datagram[offSrc6:])), netip.AddrFrom16([16]byte(datagram[offDst6:]))
	}
	return netip.AddrFrom4([4]byte(datagram[offSrc:])), netip.AddrFrom4([4]byte(datagram[offDst:]))
}

// loopbackIndex is the index of the loopback interface in every network namespace (LOOPBACK_IFINDEX of net/flow.h).
const loopbackIndex = 1

// sendBy sends a datagram when it is known who receives the answer.
func (s *ipSockets) sendBy(p Path, src, dst netip.Addr, datagram []byte) error {
	by := p.Interface
	if by == loopbackIndex {
		// An address of this host is that of another interface: told to leave by loopback, the kernel would take it for a
		// stranger's on that link, and answer nothing but what is listened for.
		by = 0
	}
	for {
		err := s.sendmsg(by, p.Scope, src, dst, datagram)
		switch {
		case err == nil:
			if s.sent.add(p.Interface, datagram) {
				return s.collect()
			}
			return nil
		case err == unix.EINTR:
			continue
		case err == unix.EINVAL && s.withLess():
			continue
		}
		// Whether the kernel has counted a datagram that it did not send depends on how far it got.
		s.sent = sentDatagrams{}
		return errors.Join(os.NewSyscallError("sendmsg", err), socket.StampSentAnew(s.out))
	}
}

// sendmsg is sendmsg(2), by an interface, 0 for any, and from an address.
func (s *ipSockets) sendmsg(by, scope int, src, dst netip.Addr, datagram []byte) error {
	if s.v6 {
		return s.control6.send(s.out, by, scope, src, dst, datagram)
	}
	_, err := unix.SendmsgN(s.out, datagram, s.control.octets(by, src.As4(), datagram[offTOS]), &unix.SockaddrInet4{Addr: dst.As4()}, 0)
	return err
}

// withLess leaves out what is told to the kernel, and it may not know or not allow. It reports false if that is left out
// already.
func (s *ipSockets) withLess() bool {
	without := &s.control.withoutProtocol // Linux has it since version 6.4
	if s.v6 {
		without = &s.control6.withoutLabel // where somebody has flow labels for himself alone (ipv6-flowlabel(7)), others want a lease
	}
	again := !*without
	*without = true
	return again
}

// receive returns the next of: a datagram of ours as it left, a segment, an ICMP error.
func (s *ipSockets) receive(b []byte) (Packet, bool, error) {
	if len(s.sent.stamped) == 0 && len(s.sent.waiting) > 0 {
		if err := s.collect(); err != nil {
			return Packet{}, false, err
		}
	}
	if p, ok := s.sent.next(); ok {
		return p, true, nil
	}
	for _, fd := range s.tcp.receiving() {
		if p, ok, err := s.receiveFrom(fd, ProtocolTCP, b); ok || err != nil {
			return p, ok, err
		}
	}
	if !s.icmp.bound {
		s.clock.Drained()
		return Packet{}, false, nil
	}
	p, ok, err := s.receiveFrom(s.icmp.fd, ProtocolICMPv6, b)
	if !ok && err == nil {
		s.clock.Drained()
	}
	return p, ok, err
}

// receiveFrom returns the next datagram of a socket for a protocol.
func (s *ipSockets) receiveFrom(fd int, protocol uint8, b []byte) (Packet, bool, error) {
	room := b
	if s.v6 {
		room = b[headerLen6:] // for the header, which the kernel keeps back
	}
	for {
		before := s.clock.Before()
		n, control, err := s.receiver.Receive(fd, room, 0)
		switch {
		case err == 0:
			p := Packet{Octets: room[:n], ByIP: true, At: s.clock.Stamp(socket.Stamp(control), before)}
			if s.v6 {
				return s.restore(p, protocol, control, b)
			}
			if info := socket.ControlMessage(control, unix.SOL_IP, unix.IP_PKTINFO); len(info) >= unix.SizeofInet4Pktinfo {
				p.Interface = int(binary.NativeEndian.Uint32(info))
			}
			return p, true, nil
		case err == unix.EAGAIN:
			return Packet{}, false, nil
		case !fromICMP(err):
			return Packet{}, false, &net.OpError{Op: "receive", Net: s.network(), Err: os.NewSyscallError("recvmsg", err)}
		}
	}
}

// restore puts the IPv6 header in front of what a raw socket received into b: the kernel tells what was in it, but for
// extension headers.
func (s *ipSockets) restore(p Packet, protocol uint8, control, b []byte) (Packet, bool, error) {
	h := Header6{Protocol: protocol, Src: s.receiver.From6()}
	if info := socket.ControlMessage(control, unix.SOL_IPV6, unix.IPV6_PKTINFO); len(info) >= unix.SizeofInet6Pktinfo {
		h.Dst = netip.AddrFrom16([16]byte(info))
		p.Interface = int(binary.NativeEndian.Uint32(info[16:]))
	}
	if limit := socket.ControlMessage(control, unix.SOL_IPV6, unix.IPV6_HOPLIMIT); len(limit) >= 4 {
		h.HopLimit = uint8(binary.NativeEndian.Uint32(limit))
	}
	if class := socket.ControlMessage(control, unix.SOL_IPV6, unix.IPV6_TCLASS); len(class) >= 4 {
		h.TrafficClass = uint8(binary.NativeEndian.Uint32(class))
	}
	if info := socket.ControlMessage(control, unix.SOL_IPV6, ipv6FlowInfo); len(info) >= 4 {
		h.FlowLabel = binary.BigEndian.Uint32(info) & maxFlowLabel
	}
	if _, err := h.AppendHeader(b[:0], len(p.Octets)); err != nil {
		return Packet{}, false, &net.OpError{Op: "receive", Net: s.network(), Err: err}
	}
	p.Octets = b[:headerLen6+len(p.Octets)]
	return p, true, nil
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
			return &net.OpError{Op: "receive", Net: s.network(), Err: os.NewSyscallError("recvmsg MSG_ERRQUEUE", err)}
		}
		if number, ok := socket.SentNumber(control); ok {
			s.sent.stamp(number, s.clock.Stamp(socket.Stamp(control), before))
		}
	}
}

// setFilter sets the filters of what is received.
func (s *ipSockets) setFilter(segments, errs []bpf.RawInstruction) error {
	return errors.Join(s.tcp.setFilter(segments), s.icmp.setFilter(errs))
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
