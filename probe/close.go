package probe

import (
	"time"

	"tcpprobe/internal/stamp"
	"tcpprobe/tcphdr"
)

// Close closes the connection as an application would (RFC 9293 3.10.4). A machine whose configuration names a close
// does so by itself as soon as the connection is established.
func (h *Handshake) Close(now time.Time) {
	switch h.state {
	case StateEstablished:
		h.enter(StateFINWait1, stamp.Stamp{User: now})
	case StateCloseWait:
		h.enter(StateLastACK, stamp.Stamp{User: now})
	default:
		return
	}
	h.sndNxt = h.sndNxt.Add(1)
	h.sendFIN(now)
}

// closeAsAsked begins the close that the configuration names.
func (h *Handshake) closeAsAsked(now time.Time) {
	switch h.c.Close {
	case CloseFIN:
		h.Close(now)
	case CloseRST, CloseHalf:
		h.abort()
	}
}

// sendFIN queues our FIN, the first time or again: SND.NXT is past it already.
func (h *Handshake) sendFIN(now time.Time) {
	h.acknowledge = time.Time{}
	h.retransmit = now.Add(h.rto)
	h.push(output{flags: tcphdr.FIN | tcphdr.ACK, seq: h.sndNxt.Add(-1)})
}

// abort resets the connection, in the states in which the peer may still have something to say, and ends the machine (RFC
// 9293 3.10.5). A FIN that is not acknowledged may never have arrived: the RST stands where the peer that has not got it waits
// for it (RFC 5961 3.2).
func (h *Handshake) abort() {
	switch h.state {
	case StateSYNReceived, StateEstablished, StateFINWait2, StateCloseWait:
		h.push(output{flags: tcphdr.RST, seq: h.sndNxt})
	case StateFINWait1:
		h.push(output{flags: tcphdr.RST, seq: h.sndUna})
		h.unsure = true
	}
	h.end(StateClosed)
}

// afterEnd handles a segment that comes when the machine is done. In TIME-WAIT the peer's FIN is acknowledged again (RFC 9293
// 3.10.7.4, eighth). One who challenges a RST of which it was not sure where the peer expects it gets it where its ACK says
// (RFC 9293 3.10.7.1).
func (h *Handshake) afterEnd(a Arrival) Verdict {
	s := a.Header
	switch {
	case s.Flags&(tcphdr.SYN|tcphdr.RST) != 0 || !s.Flags.Has(tcphdr.ACK):
	case h.state == StateTimeWait && s.Flags.Has(tcphdr.FIN) && a.end() == h.rcvNxt && h.hasRoom():
		h.sendACK()
		return VerdictDuplicate
	case h.state == StateClosed && h.unsure && h.mayChallenge(a.At.User):
		h.push(output{flags: tcphdr.RST, seq: s.Ack})
		return VerdictACKUnacceptable
	}
	return VerdictLate
}

// Lingers reports whether a machine that is done still has something to say to a peer that repeats itself. It says it
// for as long as it is handed what arrives.
func (h *Handshake) Lingers() bool { return h.ended && (h.state == StateTimeWait || h.unsure) }
