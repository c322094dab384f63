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
// 9293 3.10.5).
func (h *Handshake) abort() {
	switch h.state {
	case StateSYNReceived, StateEstablished, StateFINWait1, StateFINWait2, StateCloseWait:
		h.push(output{flags: tcphdr.RST, seq: h.sndNxt})
	}
	h.end(StateClosed)
}
