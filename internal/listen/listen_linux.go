package listen

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"time"

	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"

	"tcpprobe/internal/capfile"
	"tcpprobe/internal/socket"
	"tcpprobe/internal/stamp"
	"tcpprobe/rawip"
)

// Listener is shown packets that pass an interface. Next is for one goroutine.
type Listener struct {
	device  net.Interface
	ring    *socket.Ring
	waiter  *socket.Waiter
	stopped <-chan struct{}
	number  int
	lost    uint64 // packets that the kernel had no room for
	buffer  [headerLength + tagLength + packetLength]byte
}

// What a packet consists of here, in octets: a header of LINKTYPE_LINUX_SLL2, the tag of a VLAN, and what the ring keeps of it.
const (
	headerLength = 20
	tagLength    = 4
	packetLength = 512
)

// Open begins to listen on an interface, until the context ends. Everything that takes a right happens here: without CAP_NET_RAW the
// error is os.ErrPermission; it is unix.ENODEV if there is no such interface, and unix.ENETDOWN if it is down. The interface is not switched to promiscuous mode: what is shown is what this host sends and receives.
func Open(ctx context.Context, name string) (*Listener, error) {
	device, err := net.InterfaceByName(name)
	if err != nil {
		return nil, fmt.Errorf("interface %s: %w", name, unix.ENODEV)
	}
	filter, err := bpf.Assemble(rawip.ListenFilter(device.Flags&net.FlagLoopback != 0))
	if err != nil {
		return nil, err
	}
	l := &Listener{device: *device, stopped: ctx.Done()}
	if l.ring, err = socket.OpenListeningRing(filter, device.Index, stamp.NewClock(stamp.System)); err != nil {
		return nil, err
	}
	if l.waiter, err = socket.NewWaiter(ctx, l.ring.FD()); err != nil {
		return nil, errors.Join(err, l.ring.Close())
	}
	if device.Flags&net.FlagUp == 0 {
		return nil, errors.Join(fmt.Errorf("interface %s: %w", name, unix.ENETDOWN), l.Close())
	}
	return l, nil
}

// Interface describes the interface as a capture file would.
func (l *Listener) Interface() capfile.Interface {
	return capfile.Interface{Name: l.device.Name, LinkType: capfile.LinkLinuxSLL2, SnapLength: len(l.buffer)}
}

// Next waits for the next packet. What p holds lasts until the following call.
//
// The error is [io.EOF] once the context has ended, and unix.ENETDOWN if the interface went down.
func (l *Listener) Next(p *capfile.Packet) error {
	var f socket.Frame
	for waited := false; ; waited = true {
		select {
		case <-l.stopped:
			return io.EOF
		default:
		}
		octets, ok, err := l.ring.Receive(nil, &f)
		if err != nil {
			return err
		}
		if ok {
			l.packet(p, octets, &f)
			return nil
		}
		if waited {
			if err := l.ring.Err(); err != nil {
				return err
			}
		}
		if err := l.waiter.Wait(time.Time{}); err != nil {
			return err
		}
	}
}

// packet puts a packet together.
func (l *Listener) packet(p *capfile.Packet, octets []byte, f *socket.Frame) {
	l.number++
	b := append(l.buffer[:0], make([]byte, headerLength)...)
	etherType := f.Protocol
	if f.Tagged {
		b = binary.BigEndian.AppendUint16(b, f.Tag)
		b = binary.BigEndian.AppendUint16(b, etherType)
		etherType = unix.ETH_P_8021Q
	}
	binary.BigEndian.PutUint16(b, etherType)
	binary.BigEndian.PutUint32(b[4:], uint32(f.Interface))
	b[10] = byte(f.Type)
	b[11] = byte(copy(b[12:18], f.Source[:]))
	header := len(b)
	b = append(b, octets...)
	*p = capfile.Packet{
		Number: l.number, Timed: true, Time: f.Wall, LinkType: capfile.LinkLinuxSLL2, Length: header + f.Length, Data: b,
	}
	switch f.Type {
	case socket.FromHost:
		p.Direction = capfile.Outbound
	case socket.ToHost:
		p.Direction = capfile.Inbound
	}
}

// Drops returns how many packets were lost so far because they were not taken in time. It may be called from the goroutine of Next,
// or after it has returned for good.
func (l *Listener) Drops() (uint64, error) {
	n, err := l.ring.Drops()
	if err != nil {
		return l.lost, err
	}
	l.lost += uint64(n)
	return l.lost, nil
}

// Close ends the listening. The kernel takes some milliseconds for it.
func (l *Listener) Close() error {
	return errors.Join(l.waiter.Close(), l.ring.Close())
}
