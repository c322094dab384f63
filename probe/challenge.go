package probe

import "time"

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

// mayChallenge takes one answer from the stock of those allowed, if there is one.
func (h *Handshake) mayChallenge(now time.Time) bool {
	if h.challenges < challengesAtOnce {
		if n := int(now.Sub(h.challengesFrom) / challengeEvery); n > 0 {
			h.challenges = min(h.challenges+n, challengesAtOnce)
			h.challengesFrom = h.challengesFrom.Add(time.Duration(n) * challengeEvery)
		}
	}
	if h.challenges == 0 || h.sent+h.queued >= MaximumSegments/2 {
		return false
	}
	if h.challenges == challengesAtOnce {
		h.challengesFrom = now
	}
	h.challenges--
	return true
}
