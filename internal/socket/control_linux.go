package socket

import (
	"encoding/binary"
	"os"

	"golang.org/x/sys/unix"
)

// StampReceived asks for the kernel's time stamp on everything that the socket receives. Stamping is switched on by
// deferred work in the kernel, so do it some time before the first packet that matters.
func StampReceived(fd int) error {
	return os.NewSyscallError("setsockopt SO_TIMESTAMPNS", unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_TIMESTAMPNS, 1))
}

// StampSent asks for the kernel's time stamp of everything that the socket sends, to be read from its error queue.
// Each comes with the number of the send that it belongs to, counting from 0.
func StampSent(fd int) error {
	const flags = unix.SOF_TIMESTAMPING_TX_SOFTWARE | unix.SOF_TIMESTAMPING_SOFTWARE |
		unix.SOF_TIMESTAMPING_OPT_ID | unix.SOF_TIMESTAMPING_OPT_TSONLY
	return os.NewSyscallError("setsockopt SO_TIMESTAMPING", unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_TIMESTAMPING, flags))
}

// Stamp finds the kernel's time stamp in the control messages of a received packet, or of a sent one on the error
// queue. It is in nanoseconds since 1970, and 0 where there is none.
func Stamp(control []byte) int64 {
	if data := ControlMessage(control, unix.SOL_SOCKET, unix.SCM_TIMESTAMPNS); len(data) >= 16 {
		return timespec(data)
	}
	// Of the three stamps of SCM_TIMESTAMPING the first is the kernel's own.
	if data := ControlMessage(control, unix.SOL_SOCKET, unix.SCM_TIMESTAMPING); len(data) >= 16 {
		return timespec(data)
	}
	return 0
}

// SentNumber finds, in the control messages of a socket's error queue, which send its stamp belongs to.
func SentNumber(control []byte) (uint32, bool) {
	data := ControlMessage(control, unix.SOL_IP, unix.IP_RECVERR)
	if data == nil {
		data = ControlMessage(control, unix.SOL_PACKET, unix.PACKET_TX_TIMESTAMP)
	}
	// struct sock_extended_err: errno, origin, type, code, pad, info, data.
	if len(data) < 16 || data[4] != unix.SO_EE_ORIGIN_TIMESTAMPING {
		return 0, false
	}
	return binary.NativeEndian.Uint32(data[12:]), true
}

// ControlMessage returns the data of the first control message of the level and type, or nil. Unlike
// unix.ParseSocketControlMessage it allocates nothing, since it runs for every packet.
func ControlMessage(control []byte, level, kind int32) []byte {
	for len(control) >= unix.SizeofCmsghdr {
		size := binary.NativeEndian.Uint64(control)
		if size < unix.SizeofCmsghdr || size > uint64(len(control)) {
			return nil
		}
		if int32(binary.NativeEndian.Uint32(control[8:])) == level && int32(binary.NativeEndian.Uint32(control[12:])) == kind {
			return control[unix.SizeofCmsghdr:size]
		}
		control = control[min(unix.CmsgSpace(int(size)-unix.SizeofCmsghdr), len(control)):]
	}
	return nil
}

// timespec reads a struct timespec as nanoseconds.
func timespec(b []byte) int64 {
	return int64(binary.NativeEndian.Uint64(b))*1e9 + int64(binary.NativeEndian.Uint64(b[8:]))
}
