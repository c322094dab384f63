package rawip

import (
	"encoding/binary"
	"net/netip"
	"unsafe"

	"golang.org/x/sys/unix"

	"tcpprobe/internal/socket"
)

// ipv6FlowInfoSend is IPV6_FLOWINFO_SEND of linux/in6.h.
const ipv6FlowInfoSend = 33

// sendControl6 is the address and the control messages of an IPv6 datagram that is sent: IPV6_PKTINFO and IPV6_TCLASS. By these
// the kernel looks for its route, and for IPsec's policy, as for a connection of its own: it never looks into the header.
type sendControl6 struct {
	withoutLabel bool // the kernel takes no flow label that is not leased
	header       unix.Msghdr
	vector       unix.Iovec
	to           unix.RawSockaddrInet6
	buffer       []byte
}

// send is sendmsg(2), by an interface, 0 for any, from an address and with the flow label and traffic class of the datagram.
// The scope is for a link-local destination.
func (c *sendControl6) send(fd, by, scope int, src, dst netip.Addr, datagram []byte) error {
	first := binary.BigEndian.Uint32(datagram)
	// The port of a raw socket's address is the protocol that rules may look at.
	c.to = unix.RawSockaddrInet6{Family: unix.AF_INET6, Port: socket.NetworkOrder(ProtocolTCP), Addr: dst.As16()}
	if dst.IsLinkLocalUnicast() {
		c.to.Scope_id = uint32(scope)
	}
	if !c.withoutLabel {
		binary.BigEndian.PutUint32((*[4]byte)(unsafe.Pointer(&c.to.Flowinfo))[:], first&maxFlowLabel)
	}
	if c.buffer == nil {
		c.buffer = unix.PktInfo6(&unix.Inet6Pktinfo{})
		class := unix.PktInfo4(&unix.Inet4Pktinfo{})[:unix.CmsgSpace(4)]
		h := (*unix.Cmsghdr)(unsafe.Pointer(&class[0]))
		h.Level, h.Type = unix.SOL_IPV6, unix.IPV6_TCLASS
		h.SetLen(unix.CmsgLen(4))
		c.buffer = append(c.buffer, class...)
	}
	info := (*unix.Inet6Pktinfo)(unsafe.Pointer(&c.buffer[unix.CmsgLen(0)]))
	info.Addr, info.Ifindex = src.As16(), uint32(by)
	binary.NativeEndian.PutUint32(c.buffer[unix.CmsgSpace(unix.SizeofInet6Pktinfo)+unix.CmsgLen(0):], first>>20&0xff)

	c.vector.Base = unsafe.SliceData(datagram)
	c.vector.SetLen(len(datagram))
	c.header = unix.Msghdr{Name: (*byte)(unsafe.Pointer(&c.to)), Namelen: unix.SizeofSockaddrInet6, Iov: &c.vector, Control: &c.buffer[0]}
	c.header.SetIovlen(1)
	c.header.SetControllen(len(c.buffer))
	if _, _, err := unix.Syscall(unix.SYS_SENDMSG, uintptr(fd), uintptr(unsafe.Pointer(&c.header)), unix.MSG_DONTWAIT); err != 0 {
		return err
	}
	return nil
}
