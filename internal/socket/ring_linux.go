package socket

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"os"
	"sync/atomic"
	"unsafe"

	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"

	"tcpprobe/internal/stamp"
)

// Ring is a packet socket for very many small packets: it receives through memory that it shares with the kernel
// (PACKET_RX_RING of packet(7), with headers of version 2), and sends several frames with one system call. Of each packet
// it keeps the first 432 octets.
//
// What Send is given leaves when there are 128 packets, or with the next Flush.
type Ring struct {
	fd    int // receives
	clock *stamp.Clock
	ring  []byte
	slots int  // in the ring
	next  int  // number of the frame that the kernel fills next
	taken bool // the frame before it is still in use

	reading stamp.Reading // of the clocks, which serves for several packets
	read    int           // how many more

	batch sendBatch
}

// The shape of a ring: frames are its slots, and none crosses a block.
const (
	ringFrame  = 512     // octets
	ringBlock  = 1 << 16 // octets
	ringBlocks = 64

	listenBlocks = 256 // of a ring that only listens, and cannot slow down those who send

	// readEvery is for how many packets one reading of the clocks serves. They came at most that much later as it takes to
	// look at them.
	readEvery = 32
)

// Offsets in octets in struct tpacket2_hdr, and of the struct sockaddr_ll behind it (linux/if_packet.h).
const (
	ringStatus   = 0
	ringLength   = 4
	ringCaptured = 8
	ringNetwork  = 14 // of the network header
	ringSeconds  = 16
	ringNanos    = 20
	ringTag      = 24 // of a VLAN, where the status says that there is one
	ringAddress  = 32
)

// OpenRing is OpenPacket for a Ring.
func OpenRing(filter []bpf.RawInstruction, clock *stamp.Clock) (*Ring, error) {
	return openRing(filter, 0, ringBlocks, true, clock)
}

// OpenListeningRing is OpenRing for one interface, by its index, from which nothing is sent.
func OpenListeningRing(filter []bpf.RawInstruction, ifindex int, clock *stamp.Clock) (*Ring, error) {
	return openRing(filter, ifindex, listenBlocks, false, clock)
}

func openRing(filter []bpf.RawInstruction, ifindex, blocks int, sends bool, clock *stamp.Clock) (*Ring, error) {
	// Protocol 0 receives nothing, until bind.
	fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return nil, &net.OpError{Op: "open", Net: "packet", Err: os.NewSyscallError("socket", err)}
	}
	r := &Ring{fd: fd, clock: clock, slots: blocks * ringBlock / ringFrame, batch: sendBatch{fd: -1}}
	if sends {
		err = r.batch.open()
	}
	if err == nil {
		err = r.prepare(filter, ifindex, blocks)
	}
	if err != nil {
		r.Close()
		return nil, &net.OpError{Op: "open", Net: "packet", Err: err}
	}
	return r, nil
}

// prepare makes the socket receive through memory of so many blocks, from one interface or, if its index is 0, from all.
func (r *Ring) prepare(filter []bpf.RawInstruction, ifindex, blocks int) (err error) {
	if err := os.NewSyscallError("setsockopt PACKET_VERSION", unix.SetsockoptInt(r.fd, unix.SOL_PACKET, unix.PACKET_VERSION, unix.TPACKET_V2)); err != nil {
		return err
	}
	shape := unix.TpacketReq{Block_size: ringBlock, Block_nr: uint32(blocks), Frame_size: ringFrame, Frame_nr: uint32(r.slots)}
	if err := os.NewSyscallError("setsockopt PACKET_RX_RING", unix.SetsockoptTpacketReq(r.fd, unix.SOL_PACKET, unix.PACKET_RX_RING, &shape)); err != nil {
		return err
	}
	r.ring, err = unix.Mmap(r.fd, 0, blocks*ringBlock, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	if err != nil {
		return os.NewSyscallError("mmap", err)
	}
	if err := AttachFilter(r.fd, filter); err != nil {
		return err
	}
	// Only a socket that takes every protocol is shown the frames that leave.
	return os.NewSyscallError("bind", unix.Bind(r.fd, &unix.SockaddrLinklayer{Protocol: NetworkOrder(unix.ETH_P_ALL), Ifindex: ifindex}))
}

// FD returns the file descriptor, to wait for.
func (r *Ring) FD() int { return r.fd }

// SetFilter replaces the filter, without losing a frame or letting one through in between.
func (r *Ring) SetFilter(filter []bpf.RawInstruction) error {
	if err := AttachFilter(r.fd, filter); err != nil {
		return &net.OpError{Op: "set filter", Net: "packet", Err: err}
	}
	return nil
}

// Send takes octets to be sent in one frame of the EtherType to a MAC on the link of the interface. The error is a
// *SendError: of packets that were to be sent before this one.
func (r *Ring) Send(ifindex int, protocol uint16, to [6]byte, octets []byte) error {
	return r.batch.add(ifindex, protocol, to, octets)
}

// Flush sends what Send was given, and returns how many packets that were. The error is a *SendError.
func (r *Ring) Flush() (sent int, err error) { return r.batch.flush() }

// Receive returns the next frame's packet, without waiting: where there is none, ok is false. It lies in the ring, until
// the next call.
func (r *Ring) Receive(_ []byte, f *Frame) (octets []byte, ok bool, err error) {
	r.giveBack()
	frame := r.frame(r.next)
	status := atomic.LoadUint32(statusOf(frame))
	if status&unix.TP_STATUS_USER == 0 {
		r.read = 0
		r.clock.Drained()
		return nil, false, nil
	}
	if r.read == 0 {
		r.read = readEvery
		r.reading = r.clock.Before()
	}
	r.read--
	captured := int(binary.NativeEndian.Uint32(frame[ringCaptured:]))
	start := int(binary.NativeEndian.Uint16(frame[ringNetwork:]))
	if start+captured > len(frame) {
		return nil, false, &net.OpError{Op: "receive", Net: "packet", Err: fmt.Errorf("the ring holds a frame of %d octets at %d", captured, start)}
	}
	address := (*unix.RawSockaddrLinklayer)(unsafe.Pointer(&frame[ringAddress]))
	wall := int64(binary.NativeEndian.Uint32(frame[ringSeconds:]))*1e9 + int64(binary.NativeEndian.Uint32(frame[ringNanos:]))
	*f = Frame{
		Interface:  int(address.Ifindex),
		Protocol:   NetworkOrder(address.Protocol),
		Type:       FrameType(address.Pkttype),
		Stamp:      r.clock.StampAt(wall, r.reading),
		Wall:       wall,
		NoChecksum: status&unix.TP_STATUS_CSUMNOTREADY != 0,
		Length:     int(binary.NativeEndian.Uint32(frame[ringLength:])),
	}
	if status&unix.TP_STATUS_VLAN_VALID != 0 {
		f.Tag, f.Tagged = binary.NativeEndian.Uint16(frame[ringTag:]), true
	}
	if address.Halen == 6 {
		copy(f.Source[:], address.Addr[:])
	}
	r.next = (r.next + 1) % r.slots
	r.taken = true
	return frame[start : start+captured], true, nil
}

// giveBack lets the kernel have the frame that was received last.
func (r *Ring) giveBack() {
	if r.taken {
		r.taken = false
		atomic.StoreUint32(statusOf(r.frame((r.next+r.slots-1)%r.slots)), unix.TP_STATUS_KERNEL)
	}
}

func (r *Ring) frame(n int) []byte { return r.ring[n*ringFrame : (n+1)*ringFrame] }

// statusOf is a frame's first word, by which it changes hands.
func statusOf(frame []byte) *uint32 { return (*uint32)(unsafe.Pointer(&frame[ringStatus])) }

// Drops returns how many frames the filter let pass and the full ring lost, since the last call.
func (r *Ring) Drops() (int, error) { return drops(r.fd) }

// Close closes the socket. The kernel waits for all processors to have left a packet socket's receive path, which takes
// milliseconds.
func (r *Ring) Close() error {
	var err error
	if r.ring != nil {
		err = os.NewSyscallError("munmap", unix.Munmap(r.ring))
	}
	return errors.Join(err, closeBoth(r.fd, r.batch.fd))
}

// Err returns what is wrong with the socket, once: unix.ENETDOWN after its interface went down. Where nothing is, it returns nil.
func (r *Ring) Err() error {
	number, err := unix.GetsockoptInt(r.fd, unix.SOL_SOCKET, unix.SO_ERROR)
	if err != nil {
		return os.NewSyscallError("getsockopt SO_ERROR", err)
	}
	if number != 0 {
		return unix.Errno(number)
	}
	return nil
}
