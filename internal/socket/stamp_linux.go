package socket

import (
	"encoding/binary"
	"os"

	"golang.org/x/sys/unix"
)

// StampReceived asks for the kernel's time stamp on everything that the socket receives. Stamping is switched on by
// deferred work in the kernel, so do it some time before the first packet that matters. A system that has no stamps gives
// none, which is no error.
func StampReceived(fd int) error {
	return stampOption(fd, "SO_TIMESTAMPNS", unix.SO_TIMESTAMPNS, unix.SO_TIMESTAMPNS_NEW, 1)
}

// StampSent asks for the kernel's time stamp of everything that the socket sends, to be read from its error queue.
// Each comes with the number of the send that it belongs to, counting from 0. A system that has no such stamps gives none,
// which is no error.
func StampSent(fd int) error {
	const flags = unix.SOF_TIMESTAMPING_TX_SOFTWARE | unix.SOF_TIMESTAMPING_SOFTWARE |
		unix.SOF_TIMESTAMPING_OPT_ID | unix.SOF_TIMESTAMPING_OPT_TSONLY
	return stampOption(fd, "SO_TIMESTAMPING", unix.SO_TIMESTAMPING, unix.SO_TIMESTAMPING_NEW, flags)
}

// StampSentAnew is StampSent, counting from 0 again.
func StampSentAnew(fd int) error {
	// The count begins anew only if counting was off.
	if err := stampOption(fd, "SO_TIMESTAMPING", unix.SO_TIMESTAMPING, unix.SO_TIMESTAMPING_NEW, 0); err != nil {
		return err
	}
	return StampSent(fd)
}

// stampOption sets an option of which a 32-bit machine has two: the newer gives seconds of 64 bits. Linux has it since
// version 5.1.
func stampOption(fd int, name string, option, wide, value int) error {
	err := unix.ENOPROTOOPT
	if unix.SizeofLong == 4 {
		err = setsockopt(fd, wide, value)
	}
	if unsupported(err) {
		err = setsockopt(fd, option, value)
	}
	if err == 0 || unsupported(err) {
		return nil
	}
	return os.NewSyscallError("setsockopt "+name, err)
}

// setsockopt sets an option of the socket's own level.
func setsockopt(fd, option, value int) unix.Errno {
	err, _ := unix.SetsockoptInt(fd, unix.SOL_SOCKET, option, value).(unix.Errno)
	return err
}

// unsupported reports whether an error says that the system does not have an option: other kernels than Linux that run its
// programs (gVisor, qemu-user) leave some out.
func unsupported(err error) bool {
	switch err {
	case unix.ENOPROTOOPT, unix.EOPNOTSUPP, unix.ENOSYS, unix.EINVAL:
		return true
	}
	return false
}

// Stamp finds the kernel's time stamp in the control messages of a received packet, or of a sent one on the error
// queue. It is in nanoseconds since 1970, and 0 where there is none.
func Stamp(control []byte) int64 {
	// Of the three stamps of SO_TIMESTAMPING the first is the kernel's own.
	for _, kind := range [...]int32{unix.SO_TIMESTAMPNS_OLD, unix.SO_TIMESTAMPING_OLD} {
		if data := ControlMessage(control, unix.SOL_SOCKET, kind); len(data) >= 2*unix.SizeofLong {
			// struct __kernel_old_timespec: two longs
			return int64(word(data))*1e9 + int64(word(data[unix.SizeofLong:]))
		}
	}
	for _, kind := range [...]int32{unix.SO_TIMESTAMPNS_NEW, unix.SO_TIMESTAMPING_NEW} {
		if data := ControlMessage(control, unix.SOL_SOCKET, kind); len(data) >= 16 {
			// struct __kernel_timespec: 64 bits each
			return int64(binary.NativeEndian.Uint64(data))*1e9 + int64(binary.NativeEndian.Uint64(data[8:]))
		}
	}
	return 0
}
