package probe

import (
	"time"

	"tcpprobe/tcphdr"
)

// output is a segment to be sent.
type output struct {
	flags  tcphdr.Flags
	seq    tcphdr.SeqNum
	number int // of the segment, among those sent
}

// push queues a segment. A connection that has sent as many as it may is reset in its place.
func (h *Handshake) push(o output) {
	if h.queued == len(h.queue) {
		h.queued-- // acknowledgments that wait say what is known as they leave, and a FIN will be sent again
	}
	if h.sent+h.queued >= MaximumSegments-1 && !h.ended {
		o = output{flags: tcphdr.RST, seq: h.sndNxt}
		h.end(StateClosed)
	}
	h.queue[h.queued] = o
	h.queued++
}

// sendACK queues an acknowledgment of all that was received.
func (h *Handshake) sendACK() {
	h.acknowledge = time.Time{}
	h.push(output{flags: tcphdr.ACK, seq: h.sndNxt})
}

// segment writes what is being sent as a header.
func (h *Handshake) segment(now time.Time) tcphdr.Header {
	s := tcphdr.Header{
		SrcPort: h.c.LocalPort, DstPort: h.c.RemotePort,
		Seq: h.sending.seq, Flags: h.sending.flags,
	}
	if s.Flags.Has(tcphdr.ACK) {
		s.Ack = h.rcvNxt
	}
	options := tcphdr.Options(h.options[:0])
	switch {
	case s.Flags.Has(tcphdr.SYN):
		s.Window = h.window(0)
		options = h.synOptions(options, s.Flags)
	case s.Flags.Has(tcphdr.RST):
		// A reset offers no window, and needs no option (RFC 7323 3.2).
	default:
		if h.peer.ECN == ECNAccurate {
			s.Flags |= h.accurateBits()
		}
		s.Window = h.window(0)
		if h.scaled {
			s.Window = h.window(windowScale)
		}
		if h.timestamps {
			options = tcphdr.AppendNoOperation(tcphdr.AppendNoOperation(options))
			options = tcphdr.AppendTimestamps(options, h.tsval(now), h.tsRecent)
		}
	}
	s.Options = options
	return s
}

// window returns the receive window as a header has it, with its unit of 2^shift octets. It is rounded up, as Linux does: a
// small window is not none.
func (h *Handshake) window(shift int) uint16 {
	return uint16(min((h.c.Window+1<<shift-1)>>shift, 65535))
}

// tsval is our time stamp clock, which ticks every millisecond (RFC 7323 5.4). Every SYN has its own value, since
// they are at least a second apart.
func (h *Handshake) tsval(now time.Time) uint32 {
	return h.c.TimestampBase + uint32(now.Sub(h.start)/time.Millisecond)
}
