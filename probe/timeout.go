package probe

import (
	"time"

	"tcpprobe/tcphdr"
)

// Timers of the machine.
const (
	initialRTO = time.Second            // RFC 6298 2.1
	maximumRTO = 60 * time.Second       // RFC 6298 2.5
	delayedACK = 100 * time.Millisecond // RFC 9293 MUST-40: less than half a second
)

// retransmission is when our SYN is sent again, and how often it was.
type retransmission struct {
	at       time.Time
	rto      time.Duration
	repeated int
}

// expire does what the timers ask for that have run out.
func (h *Handshake) expire(now time.Time) {
	due := func(t time.Time) bool { return !t.IsZero() && !now.Before(t) }
	switch {
	case due(h.giveUp):
		h.timeout()
	case due(h.retransmit):
		h.resend(now)
	case due(h.acknowledge):
		h.sendACK()
	}
}

// timeout ends a wait in which nothing came.
func (h *Handshake) timeout() {
	switch {
	case h.outcome == OutcomePending && h.noted:
		h.outcome = OutcomeUnreachable
		h.end(StateClosed)
	case h.outcome == OutcomePending:
		h.outcome = OutcomeTimeout
		h.end(StateClosed)
	case h.c.Close == CloseNone:
		h.end(h.state)
	default:
		h.find(FindingCloseUnanswered)
		h.abort()
	}
}

// resend sends again what was not acknowledged in time, and doubles the time (RFC 6298 5.4 to 5.6).
func (h *Handshake) resend(now time.Time) {
	h.waited = h.rto
	h.rto = min(2*h.rto, maximumRTO)
	switch h.state {
	case StateSYNSent, StateSYNReceived:
		if h.repeated >= h.c.Retries {
			h.retransmit = time.Time{}
			return
		}
		h.repeated++
		if h.state == StateSYNSent {
			h.find(FindingSYNRetransmitted)
			h.sendSYN(tcphdr.SYN, now)
		} else {
			h.sendSYN(tcphdr.SYN|tcphdr.ACK, now)
		}
	default:
		h.sendFIN(now)
	}
}

// repetition returns how many times the SYN, or SYN-ACK, was sent before its last time, and after which wait it was sent
// again.
func (h *Handshake) repetition() (again int, after time.Duration) {
	if h.repeated == 0 {
		return 0, 0
	}
	return h.repeated, h.waited
}
