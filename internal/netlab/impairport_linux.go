package netlab

import (
	"errors"
	"fmt"
	"net"
	"os"

	"golang.org/x/sys/unix"

	"tcpprobe/internal/socket"
)

// ethernetHeader is how many octets stand in front of what a frame carries.
const ethernetHeader = 14

// maxFrame is more than the longest frame that the kernel hands up: 65535 octets of IP behind an Ethernet header.
const maxFrame = 1 << 17

// A port is one of the two interfaces of an Impairer. A packet socket is not shown what it sends itself. So a port has two:
// one sends, and the other hears the frames of both directions, with the kernel's stamps.
type port struct {
	in, out int // file descriptors
	buffer  [maxFrame]byte
	control [socket.ControlSpace]byte
}

// A heard is a frame that passed a port.
type heard struct {
	frame    []byte // it holds until the next one is heard
	outgoing bool
	at       int64 // nanoseconds since 1970
}

// openPort opens the sockets. It runs inside of the namespace.
func openPort(ifname string) (*port, error) {
	ifi, err := net.InterfaceByName(ifname)
	if err != nil {
		return nil, err
	}
	p := &port{in: -1, out: -1}
	if err := p.open(ifi.Index); err != nil {
		return nil, errors.Join(err, p.close())
	}
	return p, nil
}

func (p *port) open(index int) (err error) {
	for _, fd := range []*int{&p.in, &p.out} {
		// Protocol 0 hears nothing, until bind.
		*fd, err = unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
		if err != nil {
			return os.NewSyscallError("socket", err)
		}
	}
	if err := socket.StampReceived(p.in); err != nil {
		return err
	}
	if err := bindPacket(p.out, 0, index); err != nil {
		return err
	}
	return bindPacket(p.in, unix.ETH_P_ALL, index)
}

func bindPacket(fd int, protocol uint16, index int) error {
	return os.NewSyscallError("bind", unix.Bind(fd, &unix.SockaddrLinklayer{Protocol: socket.NetworkOrder(protocol), Ifindex: index}))
}

// hear returns the next frame, without waiting.
func (p *port) hear() (h heard, ok bool, err error) {
	for {
		n, controls, _, from, err := unix.Recvmsg(p.in, p.buffer[:], p.control[:], unix.MSG_DONTWAIT)
		switch err {
		case nil:
			link, ok := from.(*unix.SockaddrLinklayer)
			outgoing := ok && link.Pkttype == unix.PACKET_OUTGOING
			return heard{p.buffer[:n], outgoing, socket.Stamp(p.control[:controls])}, true, nil
		case unix.EAGAIN:
			return heard{}, false, nil
		case unix.EINTR, unix.ENETDOWN: // the interface went down: it may come up again
		default:
			return heard{}, false, os.NewSyscallError("recvmsg", err)
		}
	}
}

// send writes a frame out.
func (p *port) send(frame []byte) error {
	for {
		if _, err := unix.Write(p.out, frame); err != unix.EINTR {
			return os.NewSyscallError("write", err)
		}
	}
}

// checkDrops returns an error if there was no room for a frame.
func (p *port) checkDrops() error {
	stats, err := unix.GetsockoptTpacketStats(p.in, unix.SOL_PACKET, unix.PACKET_STATISTICS)
	if err != nil {
		return os.NewSyscallError("getsockopt", err)
	}
	if stats.Drops != 0 {
		return fmt.Errorf("%d frames lost", stats.Drops)
	}
	return nil
}

func (p *port) close() error {
	var errs []error
	for _, fd := range []int{p.in, p.out} {
		if fd >= 0 {
			errs = append(errs, os.NewSyscallError("close", unix.Close(fd)))
		}
	}
	return errors.Join(errs...)
}
