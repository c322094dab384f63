package socket

import (
	"net/netip"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Receiver reads from sockets without waiting and, since it does so for every packet, without allocating.
type Receiver struct {
	header  unix.Msghdr
	vector  unix.Iovec
	address unix.RawSockaddrInet6 // the largest of those that are read
	control [ControlSpace]byte
}

// ControlSpace is how many octets of control messages a receive needs room for: a time stamp, the three of a sent
// packet, the state of a packet socket's frame, and an extended error with the address that it came from.
const ControlSpace = 256

// From6 returns the address that the last datagram came from, of a socket for IPv6.
func (r *Receiver) From6() netip.Addr { return netip.AddrFrom16(r.address.Addr) }

// fromLink returns what a packet socket says of the frame that it received last.
func (r *Receiver) fromLink() *unix.RawSockaddrLinklayer {
	return (*unix.RawSockaddrLinklayer)(unsafe.Pointer(&r.address))
}

// Receive is recvmsg(2), which no signal disturbs. The control messages hold until the next call. Where there is nothing to
// read the error is unix.EAGAIN.
func (r *Receiver) Receive(fd int, b []byte, flags int) (n int, control []byte, err unix.Errno) {
	r.vector.Base = unsafe.SliceData(b)
	r.vector.SetLen(len(b))
	r.header = unix.Msghdr{Iov: &r.vector, Control: &r.control[0], Name: (*byte)(unsafe.Pointer(&r.address)), Namelen: unix.SizeofSockaddrInet6}
	r.header.SetIovlen(1)
	r.header.SetControllen(len(r.control))
	for {
		n, _, err := unix.Syscall(unix.SYS_RECVMSG, uintptr(fd), uintptr(unsafe.Pointer(&r.header)), uintptr(flags|unix.MSG_DONTWAIT))
		if err != unix.EINTR {
			return int(n), r.control[:r.header.Controllen], err
		}
	}
}
