package probe

import (
	"time"

	"tcpprobe/tcphdr"
)

// Challenges are limited, so that two machines do not challenge each other without end (RFC 5961 7): a few at once, then one
// in a while.
const (
	challengesAtOnce = 5
	challengeEvery   = 500 * time.Millisecond
)

// challenge acknowledges what we have, in answer to a segment that does not fit, as often as is decent.
func (h *Handshake) challenge(a Arrival) {
	if h.mayChallenge(a.At.User) {
		h.sendACK()
	}
}

// acknowledgeAgain acknowledges what we have to one who sent data or a FIN that we have already, or in front of which
// something is missing. That is no challenge, and the limit on challenges does not hold it back. One without either, or from
// before the connection or behind the window, is challenged.
func (h *Handshake) acknowledgeAgain(a Arrival) {
	sends := a.Data > 0 || a.Header.Flags.Has(tcphdr.FIN)
	switch {
	case !sends || a.Header.Flags.Has(tcphdr.SYN), a.Header.Seq.Less(h.irs), !a.Header.Seq.Less(h.rcvNxt.Add(max(h.c.Window, 1))):
		h.challenge(a)
	case h.hasRoom():
		h.sendACK()
	}
}

// hasRoom reports whether so few segments were sent that one more may be spent on what changes nothing.
func (h *Handshake) hasRoom() bool { return h.sent+h.queued < MaximumSegments/2 }

// mayChallenge takes one answer from the stock of those allowed, if there is one.
func (h *Handshake) mayChallenge(now time.Time) bool {
	if h.challenges < challengesAtOnce {
		if n := int(now.Sub(h.challengesFrom) / challengeEvery); n > 0 {
			h.challenges = min(h.challenges+n, challengesAtOnce)
			h.challengesFrom = h.challengesFrom.Add(time.Duration(n) * challengeEvery)
		}
	}
	if h.challenges == 0 || !h.hasRoom() {
		return false
	}
	if h.challenges == challengesAtOnce {
		h.challengesFrom = now
	}
	h.challenges--
	return true
}
