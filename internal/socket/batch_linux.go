package socket

import (
	"fmt"
	"net"
	"os"
	"unsafe"

	"golang.org/x/sys/unix"
)

// SendError says that packets could not be sent.
type SendError struct {
	Interface int // index, of the one by which they were to leave
	Lost      int // how many will not be sent; the others wait for the next Flush
	Err       error
}

// Error returns the cause, and how many packets it cost.
func (e *SendError) Error() string { return fmt.Sprintf("%d packets not sent: %v", e.Lost, e.Err) }

// Unwrap returns the cause.
func (e *SendError) Unwrap() error { return e.Err }

// What a batch holds at the most.
const (
	batchSize  = 128 // packets
	batchOctet = 512 // octets of one
)

// sendBatch collects packets, and sends them with one system call (sendmmsg(2)).
type sendBatch struct {
	fd      int // of a packet socket that receives nothing
	n       int // packets that wait
	headers [batchSize]mmsghdr
	vectors [batchSize]unix.Iovec
	to      [batchSize]unix.RawSockaddrLinklayer
	octets  [batchSize][batchOctet]byte
}

// mmsghdr is struct mmsghdr of sendmmsg(2). It is as long as the compiler makes it: with 64-bit pointers it is padded.
type mmsghdr struct {
	header unix.Msghdr
	sent   uint32
}

func (b *sendBatch) open() (err error) {
	b.fd, err = unix.Socket(unix.AF_PACKET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return os.NewSyscallError("socket", err)
	}
	for i := range b.headers {
		h := &b.headers[i].header
		h.Name, h.Namelen = (*byte)(unsafe.Pointer(&b.to[i])), unix.SizeofSockaddrLinklayer
		h.Iov = &b.vectors[i]
		h.SetIovlen(1)
	}
	return nil
}

// add puts a packet into the batch, and sends the batch if it is full.
func (b *sendBatch) add(ifindex int, protocol uint16, to [6]byte, octets []byte) error {
	if len(octets) > batchOctet {
		return &net.OpError{Op: "send", Net: "packet", Err: os.NewSyscallError("sendmmsg", unix.EMSGSIZE)}
	}
	if b.n == batchSize {
		if _, err := b.flush(); b.n == batchSize {
			return err
		}
	}
	i := b.n
	b.to[i] = unix.RawSockaddrLinklayer{Family: unix.AF_PACKET, Protocol: NetworkOrder(protocol), Ifindex: int32(ifindex), Halen: 6}
	copy(b.to[i].Addr[:], to[:])
	b.vectors[i].Base = &b.octets[i][0]
	b.vectors[i].SetLen(copy(b.octets[i][:], octets))
	b.n++
	if b.n == batchSize {
		_, err := b.flush()
		return err
	}
	return nil
}

// flush sends what waits. Where the system has no room, it goes on waiting.
func (b *sendBatch) flush() (sent int, err error) {
	for sent < b.n {
		// It does not wait, so the scheduler need not know of it: it would take the processor's other work elsewhere, and
		// that costs more than the call.
		n, _, errno := unix.RawSyscall6(unix.SYS_SENDMMSG, uintptr(b.fd), uintptr(unsafe.Pointer(&b.headers[sent])), uintptr(b.n-sent), unix.MSG_DONTWAIT, 0, 0)
		switch errno {
		case 0:
			sent += int(n)
		case unix.EINTR:
		default:
			e := &SendError{
				Interface: int(b.to[sent].Ifindex),
				Err:       &net.OpError{Op: "send", Net: "packet", Err: os.NewSyscallError("sendmmsg", errno)},
			}
			if errno == unix.ENOBUFS || errno == unix.EAGAIN {
				b.keep(sent)
			} else {
				e.Lost, b.n = b.n-sent, 0
			}
			return sent, e
		}
	}
	b.n = 0
	return sent, nil
}

// keep forgets the first packets of the batch.
func (b *sendBatch) keep(from int) {
	for i := from; i < b.n; i++ {
		to := i - from
		b.to[to] = b.to[i]
		b.octets[to] = b.octets[i]
		b.vectors[to].SetLen(int(b.vectors[i].Len))
	}
	b.n -= from
}
