package connect

import (
	"encoding/binary"
	"net/netip"
	"os"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Conn is a connection that the kernel makes.
type Conn struct {
	poller *Poller
	fd     int
	v6     bool
}

// States of the kernel's connections (tcp_states.h) in which no SYN-ACK has come, and in which nothing is left.
const (
	tcpSYNSent     = 2
	tcpSYNReceived = 3
	tcpClose       = 7
)

// Status says how far the connection has come. What it says of ICMP it says once.
func (c *Conn) Status() (Status, error) {
	var s Status
	var err error
	if s.ICMP, err = c.icmpErrors(); err != nil {
		return s, err
	}
	errno, err := unix.GetsockoptInt(c.fd, unix.SOL_SOCKET, unix.SO_ERROR)
	if err != nil {
		return s, os.NewSyscallError("getsockopt SO_ERROR", err)
	}
	if errno != 0 {
		s.Err = unix.Errno(errno)
	}
	info, err := c.tcpInfo()
	if err != nil {
		return s, err
	}
	switch {
	case s.Err == unix.ECONNRESET || s.Err == unix.EPIPE: // of a connection that was established before (RFC 9293 3.10.7.4)
		s.State = Established
	case s.Err != nil:
		s.State = Failed
	case info.State == tcpClose: // of which the error was told before, and cannot be
		s.State, s.Err = Failed, unix.ECONNABORTED
	case info.State != tcpSYNSent && info.State != tcpSYNReceived:
		s.State = Established
	}
	return s, nil
}

// Info asks the kernel for what it knows of the handshake.
func (c *Conn) Info() (Info, error) {
	t, err := c.tcpInfo()
	if err != nil {
		return Info{}, err
	}
	// Bits of tcpi_options (linux/tcp.h).
	const timestamps, sack, scale, ecn = 1, 2, 4, 8
	return Info{
		Again: int(t.Total_retrans), RTT: time.Duration(t.Rtt) * time.Microsecond,
		Timestamps: t.Options&timestamps != 0, SACKPermitted: t.Options&sack != 0, ECN: t.Options&ecn != 0,
		HasScale: t.Options&scale != 0, WindowScale: peerScale(t), SendMSS: int(t.Snd_mss),
	}, nil
}

// peerScale returns tcpi_snd_wscale, the first of two bit fields of 4 bits, for which unix.TCPInfo has no name.
func peerScale(t *unix.TCPInfo) uint8 {
	const offset = 6
	scales := (*[offset + 1]byte)(unsafe.Pointer(t))[offset]
	if littleEndian := binary.NativeEndian.Uint16([]byte{1, 0}) == 1; littleEndian {
		return scales & 0xf
	}
	return scales >> 4
}

func (c *Conn) tcpInfo() (*unix.TCPInfo, error) {
	t, err := unix.GetsockoptTCPInfo(c.fd, unix.SOL_TCP, unix.TCP_INFO)
	return t, os.NewSyscallError("getsockopt TCP_INFO", err)
}

// Local returns the address and port that the kernel connects from; not valid if it is not known.
func (c *Conn) Local() netip.AddrPort { return nameOf(unix.Getsockname(c.fd)) }

// Peer returns the address and port that the kernel connects to, which a program of the cgroup may have chosen instead of those
// that were asked for; not valid if it is not known.
func (c *Conn) Peer() netip.AddrPort { return nameOf(unix.Getpeername(c.fd)) }

func nameOf(a unix.Sockaddr, err error) netip.AddrPort {
	if err != nil {
		return netip.AddrPort{}
	}
	return addrPort(a)
}

// Close closes the connection: with reset by a RST, and else as close(2) does of itself, by a FIN. What is not established just
// ends.
func (c *Conn) Close(reset bool) error {
	delete(c.poller.conns, int32(c.fd))
	if reset {
		if err := unix.SetsockoptLinger(c.fd, unix.SOL_SOCKET, unix.SO_LINGER, &unix.Linger{Onoff: 1}); err != nil {
			unix.Close(c.fd)
			return os.NewSyscallError("setsockopt SO_LINGER", err)
		}
	}
	return os.NewSyscallError("close", unix.Close(c.fd))
}
