package socket

import (
	"encoding/binary"
	"errors"
	"net"
	"os"

	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"

	"tcpprobe/internal/stamp"
)

// FrameType says whom the link layer addressed a frame to: the packet types of packet(7).
type FrameType uint8

const (
	ToHost      FrameType = unix.PACKET_HOST
	ToBroadcast FrameType = unix.PACKET_BROADCAST
	ToMulticast FrameType = unix.PACKET_MULTICAST
	ToOther     FrameType = unix.PACKET_OTHERHOST
	FromHost    FrameType = unix.PACKET_OUTGOING // sent by this host
)

// Frame is what the kernel says of a frame beside the octets that it carried.
type Frame struct {
	Interface  int    // index
	Protocol   uint16 // EtherType
	Type       FrameType
	Source     [6]byte // the sender's MAC; zero where the link has none
	Stamp      stamp.Stamp
	Wall       int64  // what the kernel stamped, in nanoseconds since 1970; of a Ring alone
	Tag        uint16 // of the VLAN, where Tagged is set; of a Ring alone
	Tagged     bool
	NoChecksum bool // the sender's offload has not filled in the transport checksum (TP_STATUS_CSUMNOTREADY)
	Length     int  // octets of the packet, more than were read if it did not fit into the buffer
}

// Packet is a packet socket: it sends and receives what frames carry, on any interface. The kernel puts the link
// header in front, and takes it off (SOCK_DGRAM of packet(7)), so that links with and without one look alike.
type Packet struct {
	fd       int // receives
	out      int // sends: the kernel does not show a socket the frames that it sent itself
	clock    *stamp.Clock
	receiver Receiver
}

// OpenPacket returns a socket that receives the frames of every interface, in both directions, that the filter lets
// pass. The filter sees packets from the network header on, and is there before the first frame could be queued.
// Without CAP_NET_RAW the error is os.ErrPermission.
func OpenPacket(filter []bpf.RawInstruction, clock *stamp.Clock) (*Packet, error) {
	// Protocol 0 receives nothing, until bind.
	fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return nil, &net.OpError{Op: "open", Net: "packet", Err: os.NewSyscallError("socket", err)}
	}
	p := &Packet{fd: fd, out: -1, clock: clock}
	if err := p.prepare(filter); err != nil {
		p.Close()
		return nil, &net.OpError{Op: "open", Net: "packet", Err: err}
	}
	return p, nil
}

func (p *Packet) prepare(filter []bpf.RawInstruction) (err error) {
	p.out, err = unix.Socket(unix.AF_PACKET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return os.NewSyscallError("socket", err)
	}
	if err := StampReceived(p.fd); err != nil {
		return err
	}
	// A system that does not have it does not offload either.
	if err := unix.SetsockoptInt(p.fd, unix.SOL_PACKET, unix.PACKET_AUXDATA, 1); err != nil && !unsupported(err) {
		return os.NewSyscallError("setsockopt PACKET_AUXDATA", err)
	}
	if err := AttachFilter(p.fd, filter); err != nil {
		return err
	}
	// Only a socket that takes every protocol is shown the frames that leave.
	return os.NewSyscallError("bind", unix.Bind(p.fd, &unix.SockaddrLinklayer{Protocol: NetworkOrder(unix.ETH_P_ALL)}))
}

// FD returns the file descriptor, to wait for.
func (p *Packet) FD() int { return p.fd }

// SetFilter replaces the filter, without losing a frame or letting one through in between.
func (p *Packet) SetFilter(filter []bpf.RawInstruction) error {
	if err := AttachFilter(p.fd, filter); err != nil {
		return &net.OpError{Op: "set filter", Net: "packet", Err: err}
	}
	return nil
}

// Send sends octets in one frame of the EtherType to a MAC on the link of the interface.
func (p *Packet) Send(ifindex int, protocol uint16, to [6]byte, octets []byte) error {
	address := unix.SockaddrLinklayer{Protocol: NetworkOrder(protocol), Ifindex: ifindex, Halen: 6}
	copy(address.Addr[:], to[:])
	for {
		err := unix.Sendto(p.out, octets, 0, &address)
		if err == unix.EINTR {
			continue
		}
		if err != nil {
			return &net.OpError{Op: "send", Net: "packet", Err: os.NewSyscallError("sendto", err)}
		}
		return nil
	}
}

// Receive reads the next frame's packet into b, without waiting: where there is none, ok is false. The error is that
// of the socket, for instance that the interface went down.
func (p *Packet) Receive(b []byte, f *Frame) (octets []byte, ok bool, err error) {
	before := p.clock.Before()
	n, control, errno := p.receiver.Receive(p.fd, b, unix.MSG_TRUNC)
	switch errno {
	case 0:
	case unix.EAGAIN:
		p.clock.Drained()
		return nil, false, nil
	default:
		return nil, false, &net.OpError{Op: "receive", Net: "packet", Err: os.NewSyscallError("recvmsg", errno)}
	}
	from := p.receiver.fromLink()
	*f = Frame{
		Interface: int(from.Ifindex),
		Protocol:  NetworkOrder(from.Protocol),
		Type:      FrameType(from.Pkttype),
		Stamp:     p.clock.Stamp(Stamp(control), before),
		Length:    n,
	}
	if from.Halen == 6 {
		copy(f.Source[:], from.Addr[:])
	}
	if aux := ControlMessage(control, unix.SOL_PACKET, unix.PACKET_AUXDATA); len(aux) >= 4 {
		f.NoChecksum = binary.NativeEndian.Uint32(aux)&unix.TP_STATUS_CSUMNOTREADY != 0
	}
	return b[:min(n, len(b))], true, nil
}

// Drops returns how many frames the filter let pass and the full receive buffer lost, since the last call.
func (p *Packet) Drops() (int, error) { return drops(p.fd) }

// drops returns how many frames a packet socket had no room for, since the last call.
func drops(fd int) (int, error) {
	statistics, err := unix.GetsockoptTpacketStats(fd, unix.SOL_PACKET, unix.PACKET_STATISTICS)
	if err != nil {
		return 0, &net.OpError{Op: "statistics", Net: "packet", Err: os.NewSyscallError("getsockopt", err)}
	}
	return int(statistics.Drops), nil
}

// Flush does nothing: what Send was given has left.
func (p *Packet) Flush() (sent int, err error) { return 0, nil }

// Close closes the socket. The kernel waits for all processors to have left a packet socket's receive path, which takes
// milliseconds.
func (p *Packet) Close() error { return closeBoth(p.fd, p.out) }

// closeBoth closes a socket and the one that sends for it, if there is one. Side by side, the two wait only once.
func closeBoth(fd, out int) error {
	if out < 0 {
		return os.NewSyscallError("close", unix.Close(fd))
	}
	sent := make(chan error, 1)
	go func() { sent <- unix.Close(out) }()
	err := unix.Close(fd)
	return os.NewSyscallError("close", errors.Join(err, <-sent))
}

// NetworkOrder converts a 16-bit number between this host's octet order and the network's.
func NetworkOrder(v uint16) uint16 {
	var b [2]byte
	binary.BigEndian.PutUint16(b[:], v)
	return binary.NativeEndian.Uint16(b[:])
}
