package socket

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// Receiver reads from sockets without waiting and, since it does so for every packet, without allocating.
type Receiver struct {
	header  unix.Msghdr
	vector  unix.Iovec
	address unix.RawSockaddrLinklayer // the largest of those that are read
	control [ControlSpace]byte
}

// ControlSpace is how many octets of control messages a receive needs room for: a time stamp, the three of a sent
// packet, the state of a packet socket's frame, and an extended error with the address that it came from.
const ControlSpace = 256

// Receive is recvmsg(2), which no signal disturbs. The control messages hold until the next call. Where there is nothing to
// read the error is unix.EAGAIN.
func (r *Receiver) Receive(fd int, b []byte, flags int) (n int, control []byte, err unix.Errno) {
	r.vector.Base = unsafe.SliceData(b)
	r.vector.SetLen(len(b))
	r.header = unix.Msghdr{Iov: &r.vector, Control: &r.control[0], Name: (*byte)(unsafe.Pointer(&r.address)), Namelen: unix.SizeofSockaddrLinklayer}
	r.header.SetIovlen(1)
	r.header.SetControllen(len(r.control))
	for {
		n, _, err := unix.Syscall(unix.SYS_RECVMSG, uintptr(fd), uintptr(unsafe.Pointer(&r.header)), uintptr(flags|unix.MSG_DONTWAIT))
		if err != unix.EINTR {
			return int(n), r.control[:r.header.Controllen], err
		}
	}
}
