package stats

import (
	"net/netip"
	"slices"
	"time"

	"tcpprobe/internal/stamp"
	"tcpprobe/probe"
)

// Summary is what many handshakes amount to, with one target or with several. It takes the same memory for a million of them as for ten
// thousand.
type Summary struct {
	Target  string     // as the user wrote it, or what several are called together
	Address netip.Addr // that was probed; not valid if there were several, or none

	// How many handshakes there were, and how they ended. One that was interrupted before its verdict is not counted.
	Sent        int
	Established int
	Refused     int
	Unreachable int
	Timeout     int
	Failed      int // DNSError, NoRoute, ARPTimeout, LocalError: they say nothing of the target

	// Of handshakes between others.
	HalfOpen int // answered, and never completed
	Unknown  int // not judged: they count for no Loss

	SYNs     int           // that left, retransmissions included
	SYNsLost int           // that left before the one that was answered, or that nothing answered, not even a challenge
	Duration time.Duration // from the start of the first handshake to the last event, or change of state, of any

	phases phases

	Checks []Check // the assertions that were checked

	several   bool         // targets, so that neither order nor addresses say anything
	addresses []netip.Addr // that were probed, in the order of the ends of the first handshakes with them
	started   bool
	start     stamp.Stamp // of the first handshake
	rtts      samples
	order     sequence
}

// NewSummary returns the Summary of no handshakes yet.
func NewSummary(target string) *Summary { return &Summary{Target: target} }

// NewTotal returns the Summary of no handshakes yet with several targets, which are called by a name together.
func NewTotal(name string) *Summary { return &Summary{Target: name, several: true} }

// Add takes the result of a handshake that is over.
func (s *Summary) Add(r *probe.Result) {
	switch r.Outcome {
	case probe.OutcomeEstablished:
		s.Established++
	case probe.OutcomeRefused:
		s.Refused++
	case probe.OutcomeUnreachable:
		s.Unreachable++
	case probe.OutcomeTimeout:
		s.Timeout++
	case probe.OutcomeDNSError, probe.OutcomeNoRoute, probe.OutcomeARPTimeout, probe.OutcomeNDPTimeout, probe.OutcomeLocalError:
		s.Failed++
	case probe.OutcomeHalfOpen:
		s.HalfOpen++
	case probe.OutcomeUnknown:
		s.Unknown++
	default:
		return
	}
	s.Sent++
	s.extend(r)
	t := r.TCP
	s.phases.add(r)
	this := entry{rtt: -1, established: r.Outcome == probe.OutcomeEstablished}
	if this.established && t != nil && t.Answered && !t.RTTAmbiguous {
		this.rtt = max(t.RTT, 0)
		s.rtts.add(t.RTT)
	}
	if !s.several {
		this.address = s.numberOf(r.Address)
		s.order.add(this, began(r).User)
	}
	if t == nil {
		return
	}
	s.SYNs += t.SYNSent
	s.SYNsLost += SYNsLost(r)
}

// SYNsLost returns how many SYNs of a handshake were lost: those that left before the one that was answered, or that nothing
// answered, not even a challenge.
func SYNsLost(r *probe.Result) int {
	t := r.TCP
	if t == nil {
		return 0
	}
	lost := t.SYNSent
	switch {
	case r.Outcome == probe.OutcomeUnknown:
		lost = 0
	case !t.Answered && (r.Outcome != probe.OutcomeEstablished && r.Outcome != probe.OutcomeRefused):
	case t.AnsweredSYN > 0:
		lost = t.AnsweredSYN - 1
	default:
		lost-- // as in its RTT, the last one is taken for the one that was answered
	}
	return max(lost-t.SYNChallenged, 0)
}

// mostAddresses is how many addresses of a target are told apart.
const mostAddresses = 1024

// numberOf returns the number of an address among those that were probed, from 1 on; 0 if it is not known, or there are too
// many of them.
func (s *Summary) numberOf(address netip.Addr) uint16 {
	i := slices.Index(s.addresses, address)
	switch {
	case i >= 0:
		return uint16(i + 1)
	case !address.IsValid() || len(s.addresses) == mostAddresses:
		return 0
	}
	s.addresses = append(s.addresses, address)
	s.Address = address
	if len(s.addresses) > 1 {
		s.Address = netip.Addr{}
	}
	return uint16(len(s.addresses))
}

// began returns when a handshake started: with its first event, or where it failed before any, when it was set about.
func began(r *probe.Result) stamp.Stamp {
	if r.Start.IsZero() {
		return stamp.Stamp{User: r.Time}
	}
	return r.Start
}

// extend makes the Duration reach from the start of a result, which need not be the first to end, to its end.
func (s *Summary) extend(r *probe.Result) {
	start := began(r)
	switch {
	case !s.started:
		s.started, s.start = true, start
	case start.User.Before(s.start.User):
		d, _ := stamp.Between(start, s.start)
		s.Duration += d
		s.start = start
	}
	until := func(at stamp.Stamp) {
		d, _ := stamp.Between(s.start, at)
		s.Duration = max(s.Duration, d)
	}
	until(start)
	if n := len(r.Events); n > 0 {
		until(r.Events[n-1].At)
	}
	if t := r.TCP; t != nil && len(t.States) > 0 {
		until(t.States[len(t.States)-1].At)
	}
}

// Loss returns the share of the handshakes, 0 to 1, that the peer did not answer by SYN-ACK or RST. It is 0 if there
// were none.
func (s *Summary) Loss() float64 {
	judged := s.Sent - s.Unknown
	if judged == 0 {
		return 0
	}
	return float64(judged-s.Established-s.Refused-s.HalfOpen) / float64(judged)
}

// Expect says how many handshakes that began later may end before one does, with the Stability still exact, in place of
// 4,096. For more handshakes than that the percentiles of the round-trip times are not exact. It takes some 40 octets of memory for each:
// with many targets, that counts.
func (s *Summary) Expect(overtaking int) { s.order.most, s.rtts.most = overtaking, overtaking }

// Stability returns what the handshakes show in the order of their starts. It is exact as long as no handshake is overtaken by
// more than 4,096 that began later and end before it.
func (s *Summary) Stability() Stability { return s.order.until(s.start.User.Add(s.Duration)) }
