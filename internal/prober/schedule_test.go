package prober

import (
	"testing"
	"time"
)

// TestSchedule: series take turns by the time that is due, what is late is not made up for, and the last attempt ends a series.
func TestSchedule(t *testing.T) {
	began := time.Unix(1000, 0)
	at := func(ms int) time.Time { return began.Add(time.Duration(ms) * time.Millisecond) }
	add := func(s *schedule, count, due int) *series {
		one := &series{taken: &taken{request: Request{Spec: &Spec{Count: count, Interval: 10 * time.Millisecond}}}}
		one.Due = at(due)
		s.add(one)
		return one
	}
	var s schedule
	if s.next() != nil {
		t.Error("there is a series in an empty schedule")
	}
	late, soon := add(&s, 2, 5), add(&s, 3, 0)
	for i, step := range []struct {
		want *series
		now  int
		due  int // the next of the same series; -1: none
	}{
		{soon, 0, 10},
		{late, 5, 15},
		{soon, 10, 20},
		{late, 100, -1},
		{soon, 100, -1},
	} {
		one := s.next()
		if one != step.want {
			t.Fatalf("step %d: it is another's turn", i)
		}
		s.begun(at(step.now))
		if over := one.started == one.request.Spec.Count; over != (step.due < 0) || !over && !one.Due.Equal(at(step.due)) {
			t.Errorf("step %d: over %v, due %v after the beginning, want %d ms", i, over, one.Due.Sub(began), step.due)
		}
	}
	if s.next() != nil || late.started != 2 || soon.underWay != 3 {
		t.Errorf("in the end %d and %d attempts have begun", late.started, soon.underWay)
	}
	endless := add(&s, 0, 0)
	s.begun(at(1000)) // 990 ms late
	if !endless.Due.Equal(at(1010)) {
		t.Errorf("what is late has the next due %v after the beginning", endless.Due.Sub(began))
	}
	first := add(&s, 1, 1005)
	s.postpone(at(1020))
	if s.next() != endless || first.Due != at(1020) {
		t.Error("what is postponed stays in front")
	}
}

// TestScheduleDuringLookups: while the name of a series is looked up it has no turn. The interval after its first attempt counts
// from the end of that; later attempts keep their times unless they have passed.
func TestScheduleDuringLookups(t *testing.T) {
	began := time.Unix(1000, 0)
	at := func(ms int) time.Time { return began.Add(time.Duration(ms) * time.Millisecond) }
	one := &series{taken: &taken{request: Request{Spec: &Spec{Count: 4, Interval: 10 * time.Millisecond}}}}
	one.Due = at(0)
	var s schedule
	s.add(one)
	for i, step := range []struct{ begun, resolved, due int }{{0, 8, 18}, {18, 19, 28}, {28, 60, 70}} {
		s.begun(at(step.begun))
		if s.pause(one); s.next() != nil {
			t.Errorf("step %d: it has its turn during the lookup", i)
		}
		if s.resume(one, at(step.resolved)); s.next() != one || !one.Due.Equal(at(step.due)) {
			t.Errorf("step %d: due %v after the beginning, want %d ms", i, one.Due.Sub(began), step.due)
		}
	}
	s.begun(at(70))
	s.pause(one)
	if s.resume(one, at(71)); s.next() != nil {
		t.Error("a series without another attempt is back on the schedule")
	}
}

// TestScheduleStep: endless series begin side by side, at multiples of the step, and keep their own interval from there.
func TestScheduleStep(t *testing.T) {
	began := time.Unix(1000, 0)
	at := func(ms int) time.Time { return began.Add(time.Duration(ms) * time.Millisecond) }
	s := schedule{step: 50 * time.Millisecond}
	for _, test := range []struct{ count, ready, first int }{
		{0, 0, 0}, {0, 1, 50}, {0, 50, 50}, {0, 51, 100}, {3, 51, 51},
	} {
		one := &series{taken: &taken{request: Request{Spec: &Spec{Count: test.count, Interval: 70 * time.Millisecond}}}}
		if one.Due = s.first(one, at(test.ready)); !one.Due.Equal(at(test.first)) {
			t.Errorf("%d attempts, ready after %d ms: the first is due %v after the beginning, want %d ms", test.count, test.ready, one.Due.Sub(began), test.first)
		}
		s.add(one)
		s.begun(one.Due)
		if one.Due.Sub(at(test.first)) != 70*time.Millisecond {
			t.Errorf("the second is due %v after the beginning", one.Due.Sub(began))
		}
		s.drop(one)
	}
}
