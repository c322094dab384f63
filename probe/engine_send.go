package probe

import (
	"errors"
	"syscall"
	"time"

	"tcpprobe/internal/stamp"
	"tcpprobe/rawip"
	"tcpprobe/tcphdr"
)

// send sends what a handshake has to send.
func (e *Engine) send(f *flow) {
	now := e.wire.Now()
	if len(f.unsent) > 0 {
		if now.Before(f.again) || !e.transmit(f, f.unsent, now) {
			return
		}
		f.unsent = f.unsent[:0]
	}
	for {
		s, ok := f.h.Next(now)
		if !ok {
			return
		}
		if f.NextHop != nil && f.Path.Link && s.Flags.Has(tcphdr.SYN) && f.h.Number() > 0 {
			f.Path.NextHop = f.NextHop()
		}
		datagram, err := e.datagram(f, s)
		if err != nil {
			f.h.Fail(err)
			return
		}
		if !e.transmit(f, datagram, now) {
			return
		}
		now = e.wire.Now()
	}
}

// datagram writes a segment of the flow, with the header of its datagram. It holds until the next call.
func (e *Engine) datagram(f *flow, s tcphdr.Header) (_ []byte, err error) {
	src, dst := f.Local.Addr(), f.Remote.Addr()
	if e.segment, err = s.Append(e.segment[:0], src, dst, f.h.padding(s.Flags)); err != nil {
		return nil, err
	}
	if src.Is6() {
		label := f.label(len(f.h.syns) - 1)
		f.written = markOf(label, &s)
		e.buffer, err = rawip.Header6{
			TrafficClass: f.TOS, FlowLabel: label, HopLimit: f.TTL,
			Protocol: rawip.ProtocolTCP, Src: src, Dst: dst,
		}.Append(e.buffer[:0], e.segment)
	} else {
		e.buffer, err = rawip.Header{
			TOS: f.TOS, ID: f.ID + uint16(f.h.Number()), DontFragment: true, TTL: f.TTL,
			Protocol: rawip.ProtocolTCP, Src: src, Dst: dst,
		}.Append(e.buffer[:0], e.segment)
	}
	return e.buffer, err
}

// The system may have no room for a datagram at the moment. It gets a few chances, further and further apart: more than
// half a second together.
const (
	sendTries = 10
	sendPause = time.Millisecond
)

// transmit hands a datagram of the flow to the wire. It reports false if the datagram is still to be sent, later, or
// cannot be sent at all.
func (e *Engine) transmit(f *flow, datagram []byte, now time.Time) bool {
	err := e.wire.Send(f.Path, datagram)
	switch {
	case err == nil:
		f.failed = 0
		number := f.h.Sent(stamp.Stamp{User: now})
		f.markSent(number, now)
		f.noteSent(number, datagram, now)
		return true
	case (errors.Is(err, syscall.ENOBUFS) || errors.Is(err, syscall.EAGAIN)) && f.failed < sendTries:
		if len(f.unsent) == 0 {
			f.unsent = append(f.unsent, datagram...)
		}
		f.again = now.Add(sendPause << f.failed)
		f.failed++
	default:
		f.unsent = f.unsent[:0]
		f.h.Fail(err)
	}
	return false
}
