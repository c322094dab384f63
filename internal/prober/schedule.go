package prober

import (
	"container/heap"
	"net/netip"
	"time"
)

// series is the handshakes with one address of a target.
type series struct {
	*taken
	remote   netip.AddrPort
	first    *attempt  // its first attempt, as far as it has come; nil once that has gone on
	started  int       // attempts
	underWay int       // attempts that have begun and not ended
	due      time.Time // when the next is to begin
	place    int       // in the schedule
}

// schedule is the series that wait for the time of their next attempt, in a heap: the one that is due first is in front.
type schedule []*series

func (s schedule) Len() int           { return len(s) }
func (s schedule) Less(i, j int) bool { return s[i].due.Before(s[j].due) }

func (s schedule) Swap(i, j int) {
	s[i], s[j] = s[j], s[i]
	s[i].place, s[j].place = i, j
}

func (s *schedule) Push(x any) {
	one := x.(*series)
	one.place = len(*s)
	*s = append(*s, one)
}

func (s *schedule) Pop() any {
	last := len(*s) - 1
	one := (*s)[last]
	(*s)[last] = nil
	*s = (*s)[:last]
	return one
}

// add sets a series on the schedule.
func (s *schedule) add(one *series) { heap.Push(s, one) }

// next returns the series that is due first; nil if none waits.
func (s schedule) next() *series {
	if len(s) == 0 {
		return nil
	}
	return s[0]
}

// begun counts an attempt of the series in front, and sets the time of the one after it. With none left, the series leaves.
func (s *schedule) begun(now time.Time) {
	one := (*s)[0]
	one.started++
	one.underWay++
	if one.started == one.request.Spec.Count {
		heap.Pop(s)
		return
	}
	// What is late does not make what follows late, too.
	if one.due = one.due.Add(one.request.Spec.Interval); one.due.Before(now) {
		one.due = now.Add(one.request.Spec.Interval)
	}
	heap.Fix(s, 0)
}

// postpone sets another time for the series in front.
func (s schedule) postpone(until time.Time) {
	s[0].due = until
	heap.Fix(&s, 0)
}
