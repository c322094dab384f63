package resolver

import (
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"syscall"
	"time"

	"tcpprobe/internal/stamp"
)

// maxLate is how many more messages are read after the answer, to see whether somebody answered twice.
const maxLate = 64

// exchange sends one transmission, from a socket of its own, and hands what comes back to the machine, until that is
// content, the deadline has passed or the context has ended.
func (r *Resolver) exchange(ctx context.Context, q *Query, t Transmission) {
	dialer := net.Dialer{Deadline: t.Deadline, Control: prepareUDP}
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

// failed tells the machine of an error of the transport. That time is over, it sees by itself.
func (r *Resolver) failed(q *Query, t Transmission, err error) {
	if timeout := net.Error(nil); errors.As(err, &timeout) && timeout.Timeout() || errors.Is(err, context.Canceled) {
		return
	}
	reason := err.Error()
	var errno syscall.Errno
	var drawn *ICMPError
	switch {
	case errors.As(err, &drawn) && drawn.From.IsValid() && !(errors.Is(err, syscall.ECONNREFUSED) && drawn.From == t.Server.Addr().WithZone("")):
		reason = drawn.Error()
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
	local := conn.LocalAddr().(*net.UDPAddr).AddrPort()
	q.Sent(at, local)
	for {
		message, at, err := r.receive(raw, true)
		// Only after that: the kernel stamps what is sent from the first packet on, but what comes in a moment later, and
		// the Clock is not to believe that too soon.
		drawn := r.readErrors(raw, q)
		switch {
		case err == nil && q.HandleMessage(message, at):
			r.receiveLate(raw, q)
			return nil
		case drawn != nil:
			// The answer may have come before the error was looked at.
			if r.receiveLate(raw, q) {
				return nil
			}
			drawn.Own = drawn.From == local.Addr() && local.Addr() != t.Server.Addr()
			return &net.OpError{Op: "read", Net: "udp", Addr: conn.RemoteAddr(), Err: drawn}
		case err != nil:
			return err
		}
	}
}

// receiveLate hands what is there already to the machine, and reports whether the query has its answer.
func (r *Resolver) receiveLate(raw syscall.RawConn, q *Query) (answered bool) {
	for range maxLate {
		message, at, err := r.receive(raw, false)
		if err != nil {
			break // nothing more is there
		}
		answered = q.HandleMessage(message, at)
	}
	return answered
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
