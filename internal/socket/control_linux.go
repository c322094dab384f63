package socket

import (
	"encoding/binary"

	"golang.org/x/sys/unix"
)

// SentNumber finds, in the control messages of a socket's error queue, which send its stamp belongs to.
func SentNumber(control []byte) (uint32, bool) {
	data := ControlMessage(control, unix.SOL_IP, unix.IP_RECVERR)
	if data == nil {
		data = ControlMessage(control, unix.SOL_IPV6, unix.IPV6_RECVERR)
	}
	if data == nil {
		data = ControlMessage(control, unix.SOL_PACKET, unix.PACKET_TX_TIMESTAMP)
	}
	// struct sock_extended_err: errno, origin, type, code, pad, info, data.
	if len(data) < 16 || data[4] != unix.SO_EE_ORIGIN_TIMESTAMPING {
		return 0, false
	}
	return binary.NativeEndian.Uint32(data[12:]), true
}

// Offsets in octets in struct cmsghdr: the level and the type stand behind the length, which is a size_t.
const (
	cmsgLevel = unix.SizeofCmsghdr - 8
	cmsgType  = unix.SizeofCmsghdr - 4
)

// ControlMessage returns the data of the first control message of the level and type, or nil. Unlike
// unix.ParseSocketControlMessage it allocates nothing, since it runs for every packet.
func ControlMessage(control []byte, level, kind int32) []byte {
	for len(control) >= unix.SizeofCmsghdr {
		size := word(control)
		if size < unix.SizeofCmsghdr || size > uint64(len(control)) {
			return nil
		}
		if int32(binary.NativeEndian.Uint32(control[cmsgLevel:])) == level && int32(binary.NativeEndian.Uint32(control[cmsgType:])) == kind {
			return control[unix.SizeofCmsghdr:size]
		}
		control = control[min(unix.CmsgSpace(int(size)-unix.SizeofCmsghdr), len(control)):]
	}
	return nil
}

// word reads an unsigned long of this architecture.
func word(b []byte) uint64 {
	if unix.SizeofLong == 4 {
		return uint64(binary.NativeEndian.Uint32(b))
	}
	return binary.NativeEndian.Uint64(b)
}
