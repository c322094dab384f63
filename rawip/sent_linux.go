package rawip

import (
	"encoding/binary"
	"unsafe"

	"golang.org/x/sys/unix"

	"tcpprobe/internal/stamp"
)

// sendControl is the control messages of a datagram that is sent: IP_PKTINFO, IP_TOS, and IP_PROTOCOL. By these the kernel looks for
// its route, and for IPsec's policy, as for a connection of its own.
type sendControl struct {
	withoutProtocol bool // the kernel does not know IP_PROTOCOL
	buffer          []byte
}

// octets returns the messages for an interface, 0 for any, a source address and a Type of Service, which rules may look at. They
// hold until the next call.
func (c *sendControl) octets(ifindex int, source [4]byte, tos uint8) []byte {
	if c.buffer == nil {
		c.buffer = unix.PktInfo4(&unix.Inet4Pktinfo{})
		for _, number := range []struct{ kind, value int32 }{{unix.IP_TOS, 0}, {unix.IP_PROTOCOL, unix.IPPROTO_TCP}} {
			message := unix.PktInfo4(&unix.Inet4Pktinfo{Ifindex: number.value})[:unix.CmsgSpace(4)]
			setControlHeader(message, number.kind, 4)
			c.buffer = append(c.buffer, message...)
		}
	}
	data := c.buffer[unix.CmsgLen(0):]
	binary.NativeEndian.PutUint32(data, uint32(ifindex))
	copy(data[4:], source[:])
	binary.NativeEndian.PutUint32(c.buffer[unix.CmsgSpace(unix.SizeofInet4Pktinfo)+unix.CmsgLen(0):], uint32(tos))
	if c.withoutProtocol {
		return c.buffer[:len(c.buffer)-unix.CmsgSpace(4)]
	}
	return c.buffer
}

// setControlHeader makes a control message one of IP with so many octets of data.
func setControlHeader(b []byte, kind int32, length int) {
	h := (*unix.Cmsghdr)(unsafe.Pointer(&b[0]))
	h.Level, h.Type = unix.SOL_IP, kind
	h.SetLen(unix.CmsgLen(length))
}

const (
	sentOften = 64   // datagrams are sent before the stamps of those before are collected
	sentLimit = 4096 // datagrams wait for their stamps
)

// sentDatagrams are those of ours whose stamps are still to come, or still to be given on.
type sentDatagrams struct {
	count   uint32 // of those sent since stamping them began: the number of the next
	waiting map[uint32]Packet
	stamped []Packet
	given   []byte // octets of the one that was given on last
	spare   [][]byte
}

// add notes a datagram that was sent. It reports whether it is time to collect stamps: the kernel keeps few of them.
func (d *sentDatagrams) add(ifindex int, octets []byte) bool {
	if d.waiting == nil {
		d.waiting = make(map[uint32]Packet)
	}
	var b []byte
	if n := len(d.spare); n > 0 {
		b, d.spare = d.spare[n-1], d.spare[:n-1]
	}
	d.waiting[d.count] = Packet{Sent: true, ByIP: true, Interface: ifindex, Octets: append(b[:0], octets...)}
	delete(d.waiting, d.count-sentLimit)
	d.count++
	return d.count%sentOften == 0
}

// stamp notes the stamp of a datagram.
func (d *sentDatagrams) stamp(number uint32, at stamp.Stamp) {
	if p, ok := d.waiting[number]; ok {
		delete(d.waiting, number)
		p.At = at
		d.stamped = append(d.stamped, p)
	}
}

// next returns the next datagram with its stamp. Its octets hold until the next call.
func (d *sentDatagrams) next() (Packet, bool) {
	if d.given != nil {
		d.spare, d.given = append(d.spare, d.given), nil
	}
	if len(d.stamped) == 0 {
		return Packet{}, false
	}
	p := d.stamped[0]
	if d.stamped = d.stamped[1:]; len(d.stamped) == 0 {
		d.stamped = nil
	}
	d.given = p.Octets
	return p, true
}
