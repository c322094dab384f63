package spectator

import (
	"time"

	"tcpprobe/probe"
)

// When verdicts are final that are wanted as soon as they are.
const (
	checkEvery = 100 * time.Millisecond
	// An answer is waited for longer than until the SYN, or SYN-ACK, would be repeated (RFC 6298: after 1 s, then doubling).
	patience = 3 * time.Second
)

// tellFinal tells the attempts of which the verdict is final, and forgets those that all before them are told of.
func (s *Spectator) tellFinal() {
	for number := s.attempts.head; number < s.attempts.tail; number++ {
		if a := s.attempts.at(number); !a.told && (a.final() || a.finalAt(s.now)) {
			s.tell(a)
		}
	}
	for s.attempts.length() > 0 && s.attempts.at(s.attempts.head).told {
		s.attempts.pop()
	}
}

// final reports whether nothing that may still come changes the verdict.
func (a *attempt) final() bool {
	return a.over || a.closing != closeNone
}

// finalAt reports whether it has been waited long enough for whatever might change the verdict: as a probe does, once the
// connection is established, and otherwise until the next repetition is overdue.
func (a *attempt) finalAt(now int64) bool {
	silence := time.Duration(now - a.latest)
	switch a.outcome {
	case probe.OutcomeEstablished:
		return time.Duration(now-a.ack) >= probe.Linger
	case probe.OutcomeRefused, probe.OutcomeUnreachable:
		return silence >= probe.Linger
	}
	return silence >= patience+2*time.Duration(a.latest-a.began)
}
