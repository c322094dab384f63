package deadline_test

import (
	"math/rand/v2"
	"testing"
	"time"

	"tcpprobe/internal/deadline"
)

type item struct {
	deadline.Timer
	number int
}

// TestQueue compares a queue with a set that is searched from end to end, through thousands of changes.
func TestQueue(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	due := func() time.Time { return time.Unix(int64(random.IntN(50)), 0) }
	var q deadline.Queue[*item]
	in := map[int]*item{}
	any := func() *item {
		for _, i := range in {
			return i
		}
		return nil
	}
	for n := range 20_000 {
		switch i := any(); {
		case i == nil || random.IntN(3) == 0:
			i = &item{Timer: deadline.Timer{Due: due()}, number: n}
			in[n] = i
			q.Add(i)
		case random.IntN(2) == 0:
			i.Due = due()
			q.Moved(i)
		default:
			delete(in, i.number)
			q.Remove(i)
		}
		first, ok := q.First()
		if q.Len() != len(in) || ok != (len(in) > 0) {
			t.Fatalf("step %d: %d items, want %d", n, q.Len(), len(in))
		}
		for _, i := range in {
			if i.Due.Before(first.Due) {
				t.Fatalf("step %d: the first is due at %v, another at %v", n, first.Due, i.Due)
			}
		}
		if ok && in[first.number] != first {
			t.Fatalf("step %d: the first was removed", n)
		}
	}
	for last := (time.Time{}); q.Len() > 0; {
		first, _ := q.First()
		if first.Due.Before(last) {
			t.Fatalf("%v after %v", first.Due, last)
		}
		last = first.Due
		q.Remove(first)
	}
}
