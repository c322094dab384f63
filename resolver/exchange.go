package resolver

import (
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"os"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"tcpprobe/internal/socket"
	"tcpprobe/internal/stamp"
)

// maxLate is how many more messages are read after the answer, to see whether somebody answered twice.
const maxLate = 64

// exchange sends one transmission, from a socket of its own, and hands what comes back to the machine, until that is
// content, the deadline has passed or the context has ended.
func (r *Resolver) exchange(ctx context.Context, q *Query, t Transmission) {
	dialer := net.Dialer{Deadline: t.Deadline, Control: stampUDP}
	conn, err := dialer.DialContext(ctx, t.Transport.String(), t.Server.String())
	if err != nil {
		r.failed(q, t, err)
		return
	}
	defer conn.Close()
	conn.SetDeadline(t.Deadline)
	stop := context.AfterFunc(ctx, func() { conn.SetDeadline(time.Unix(1, 0)) })
	defer stop()
	if udp, ok := conn.(*net.UDPConn); ok {
		err = r.exchangeUDP(udp, q, t)
	} else {
		err = r.exchangeTCP(conn, q, t)
	}
	if err != nil {
		r.failed(q, t, err)
	}
}

// stampUDP asks for the kernel's stamps of both directions. Where it has none, the process's clock has to do.
func stampUDP(network, _ string, raw syscall.RawConn) error {
	if strings.HasPrefix(network, "udp") {
		return raw.Control(func(fd uintptr) {
			socket.StampReceived(int(fd))
			socket.StampSent(int(fd))
		})
	}
	return nil
}

// failed tells the machine of an error of the transport. That time is over, it sees by itself.
func (r *Resolver) failed(q *Query, t Transmission, err error) {
	if timeout := net.Error(nil); errors.As(err, &timeout) && timeout.Timeout() || errors.Is(err, context.Canceled) {
		return
	}
	reason := err.Error()
	var errno syscall.Errno
	switch {
	case errors.Is(err, syscall.ECONNREFUSED) && t.Transport == UDP:
		reason = "server refused (ICMP port unreachable)"
	case errors.Is(err, syscall.ECONNREFUSED):
		reason = "server refused (TCP RST)"
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		reason = "server closed the connection"
	case errors.As(err, &errno):
		reason = errno.Error()
	}
	q.HandleError(reason, err, r.options.Clock.Now())
}

// exchangeUDP runs a transmission over a connected socket: the kernel lets in nothing but what comes from the
// server's address and port.
func (r *Resolver) exchangeUDP(conn *net.UDPConn, q *Query, t Transmission) error {
	raw, err := conn.SyscallConn()
	if err != nil {
		return err
	}
	at := stamp.Stamp{User: r.options.Clock.Now()}
	if _, err := conn.Write(t.Message); err != nil {
		return err
	}
	q.Sent(at, conn.LocalAddr().(*net.UDPAddr).AddrPort())
	// Only after something was received: the kernel stamps what is sent from the first packet on, but what comes in a
	// moment later, and the Clock is not to believe that too soon.
	defer r.readSent(raw, q)
	for {
		message, at, err := r.receive(raw, true)
		if err != nil {
			return err
		}
		r.readSent(raw, q)
		if q.HandleMessage(message, at) {
			break
		}
	}
	for range maxLate {
		message, at, err := r.receive(raw, false)
		if err != nil {
			return nil // nothing more is there
		}
		q.HandleMessage(message, at)
	}
	return nil
}

// receive reads the next message, which is valid until the next call. Without wait the error is EAGAIN if there is
// none yet.
func (r *Resolver) receive(raw syscall.RawConn, wait bool) (message []byte, at stamp.Stamp, err error) {
	var errno error
	err = raw.Read(func(fd uintptr) bool {
		before := r.options.Clock.Before()
		n, control, e := r.recvmsg(int(fd), r.buffer, 0)
		if e == unix.EAGAIN && wait {
			return false
		}
		message, errno = r.buffer[:n], e
		at = r.options.Clock.Stamp(socket.Stamp(control), before)
		return true
	})
	if err == nil && errno != nil {
		err = &net.OpError{Op: "read", Net: "udp", Err: os.NewSyscallError("recvmsg", errno)}
	}
	return message, at, err
}

// readSent looks on the error queue for the kernel's stamp of the query, which is the first and only message that the
// socket sent.
func (r *Resolver) readSent(raw syscall.RawConn, q *Query) {
	raw.Control(func(fd uintptr) {
		before := r.options.Clock.Before()
		_, control, err := r.recvmsg(int(fd), nil, unix.MSG_ERRQUEUE)
		if err != nil {
			return
		}
		if number, ok := socket.SentNumber(control); !ok || number != 0 {
			return
		}
		if at := r.options.Clock.Stamp(socket.Stamp(control), before); at.Source() == stamp.Kernel {
			q.Stamped(at.Kernel)
		}
	})
}

// recvmsg is recvmsg(2) that does not wait and is not disturbed by signals.
func (r *Resolver) recvmsg(fd int, b []byte, flags int) (int, []byte, error) {
	for {
		n, control, _, _, err := unix.Recvmsg(fd, b, r.control, flags|unix.MSG_DONTWAIT)
		if err != unix.EINTR {
			return max(n, 0), r.control[:control], err
		}
	}
}

// exchangeTCP runs a transmission over a connection. Each message has its length before it, in two octets (RFC 1035
// 4.2.2), and is written at once with it (RFC 7766 8).
func (r *Resolver) exchangeTCP(conn net.Conn, q *Query, t Transmission) error {
	at := stamp.Stamp{User: r.options.Clock.Now()}
	octets := binary.BigEndian.AppendUint16(nil, uint16(len(t.Message)))
	if _, err := conn.Write(append(octets, t.Message...)); err != nil {
		return err
	}
	q.Sent(at, conn.LocalAddr().(*net.TCPAddr).AddrPort())
	for {
		var length [2]byte
		if _, err := io.ReadFull(conn, length[:]); err != nil {
			return err
		}
		message := r.buffer[:binary.BigEndian.Uint16(length[:])]
		if _, err := io.ReadFull(conn, message); err != nil {
			return err
		}
		if q.HandleMessage(message, stamp.Stamp{User: r.options.Clock.Now()}) {
			return nil
		}
	}
}
