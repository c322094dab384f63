package deadline

import "time"

// Timer is when an item is due, and its place in a Queue. Items have one as a field, embedded.
type Timer struct {
	Due   time.Time
	place int
}

func (t *Timer) timer() *Timer { return t }

// Item is a pointer to something with a Timer embedded.
type Item interface{ timer() *Timer }

// Queue is items in a heap, the one that is due first in front. The zero value is empty. What costs time in it grows with
// the logarithm of the number of its items.
type Queue[T Item] struct{ items []T }

// Len returns how many items there are.
func (q *Queue[T]) Len() int { return len(q.items) }

// Holds reports whether an item is in the queue.
func (q *Queue[T]) Holds(item T) bool {
	place := item.timer().place
	return place < len(q.items) && q.items[place].timer() == item.timer()
}

// First returns the item that is due first. It is not ok if there is none.
func (q *Queue[T]) First() (item T, ok bool) {
	if len(q.items) == 0 {
		return item, false
	}
	return q.items[0], true
}

// Add puts an item into the queue, which is in none.
func (q *Queue[T]) Add(item T) {
	item.timer().place = len(q.items)
	q.items = append(q.items, item)
	q.up(len(q.items) - 1)
}

// Moved puts an item of the queue, the Due of which was changed, into its new place.
func (q *Queue[T]) Moved(item T) {
	place := item.timer().place
	if !q.down(place) {
		q.up(place)
	}
}

// Remove takes an item out of the queue.
func (q *Queue[T]) Remove(item T) {
	place, last := item.timer().place, len(q.items)-1
	q.swap(place, last)
	var none T
	q.items[last] = none
	q.items = q.items[:last]
	if place < last {
		q.Moved(q.items[place])
	}
}

func (q *Queue[T]) less(i, j int) bool {
	return q.items[i].timer().Due.Before(q.items[j].timer().Due)
}

func (q *Queue[T]) swap(i, j int) {
	q.items[i], q.items[j] = q.items[j], q.items[i]
	q.items[i].timer().place, q.items[j].timer().place = i, j
}

// up moves an item towards the front.
func (q *Queue[T]) up(i int) {
	for i > 0 {
		parent := (i - 1) / 2
		if !q.less(i, parent) {
			return
		}
		q.swap(i, parent)
		i = parent
	}
}

// down moves an item away from the front. It reports whether the item moved.
func (q *Queue[T]) down(i int) bool {
	start := i
	for {
		child := 2*i + 1
		if child >= len(q.items) {
			return i > start
		}
		if right := child + 1; right < len(q.items) && q.less(right, child) {
			child = right
		}
		if !q.less(child, i) {
			return i > start
		}
		q.swap(i, child)
		i = child
	}
}
