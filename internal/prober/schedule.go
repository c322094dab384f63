package prober

import (
	"net/netip"
	"time"

	"tcpprobe/internal/deadline"
)

// series is the handshakes with one address of a target.
type series struct {
	*taken
	deadline.Timer // when the next attempt is to begin
	remote         netip.AddrPort
	first          *attempt // its first attempt, as far as it has come; nil once that has gone on
	started        int      // attempts
	underWay       int      // attempts that have begun and not ended
	ended          int      // attempts that have ended by themselves

	// Of a request with a Handle alone.
	attempts []*attempt // that are under way
	broken   ending     // whether and how it was broken off
}

// schedule is the series that wait for the time of their next attempt.
type schedule struct {
	queue deadline.Queue[*series]

	// step is what the times of endless series are multiples of, at their beginnings, so that many begin side by side; 0 for any times.
	step time.Duration
}

// add sets a series on the schedule.
func (s *schedule) add(one *series) { s.queue.Add(one) }

// first returns when a series is due first that may begin at a time.
func (s *schedule) first(one *series, at time.Time) time.Time {
	if spec := one.request.Spec; s.step == 0 || spec.Count != 0 || spec.UntilEstablished {
		return at
	}
	past := time.Duration(at.UnixNano()) % s.step
	return at.Add((s.step - past) % s.step)
}

// next returns the series that is due first; nil if none waits.
func (s *schedule) next() *series {
	one, _ := s.queue.First()
	return one
}

// begun counts an attempt of the series in front, and sets the time of the one after it. With none left, the series leaves.
func (s *schedule) begun(now time.Time) {
	one := s.next()
	one.started++
	one.underWay++
	if one.request.Spec.UntilEstablished {
		one.Due = now.Add(one.request.Spec.Interval)
		s.queue.Remove(one) // until this one has ended
		return
	}
	if one.started == one.request.Spec.Count {
		s.queue.Remove(one)
		return
	}
	// What is late does not make what follows late, too.
	if one.Due = one.Due.Add(one.request.Spec.Interval); one.Due.Before(now) {
		one.Due = s.first(one, now.Add(one.request.Spec.Interval))
	}
	s.queue.Moved(one)
}

// drop takes a series off the schedule, if it is on it.
func (s *schedule) drop(one *series) {
	if s.queue.Holds(one) {
		s.queue.Remove(one)
	}
}

// pause takes a series off the schedule, while its name is looked up.
func (s *schedule) pause(one *series) {
	s.drop(one)
}

// resume sets a series on the schedule again. Its first attempt begins only now; a later one keeps the time of the next as long
// as that has not passed.
func (s *schedule) resume(one *series, now time.Time) {
	if one.started == one.request.Spec.Count || one.request.Spec.UntilEstablished || one.broken != goesOn {
		return
	}
	if one.started == 1 || one.Due.Before(now) {
		one.Due = s.first(one, now.Add(one.request.Spec.Interval))
	}
	s.queue.Add(one)
}

// postpone sets another time for the series in front.
func (s *schedule) postpone(until time.Time) {
	one := s.next()
	one.Due = until
	s.queue.Moved(one)
}
