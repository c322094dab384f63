package spectator

import (
	"slices"
	"time"
)

// matcher finds the handshakes of one place at another.
type matcher struct {
	a, b   []*Handshake
	usedA  []bool
	usedB  []bool
	pairs  []Pair
	offset time.Duration // of the clock of B
	known  bool          // there is an offset
}

// newMatcher returns a matcher that has found nothing yet.
func newMatcher(a, b []*Handshake) *matcher {
	return &matcher{a: a, b: b, usedA: make([]bool, len(a)), usedB: make([]bool, len(b))}
}

// apart is how far in time two sights of a handshake may be from each other, once it is known how far the clocks are.
const apart = 10 * time.Second

// match pairs the handshakes that are still alone and have the same key at both places: those alone of which there is one each, or
// else each with the one that is nearest in time.
func (m *matcher) match(key func(*Handshake) any, doubtful bool) {
	at := make(map[any][]int)
	for i, h := range m.b {
		if k := key(h); k != nil && !m.usedB[i] {
			at[k] = append(at[k], i)
		}
	}
	same := make(map[any]int)
	for i, h := range m.a {
		if k := key(h); k != nil && !m.usedA[i] {
			same[k]++
		}
	}
	for i, h := range m.a {
		k := key(h)
		if k == nil || m.usedA[i] || !doubtful && (same[k] != 1 || len(at[k]) != 1) {
			continue
		}
		best, least := -1, time.Duration(0)
		for _, j := range at[k] {
			if m.usedB[j] {
				continue
			}
			distance := m.b[j].Result.Time.Sub(h.Result.Time.Add(m.offset)).Abs()
			if m.known && distance > apart {
				continue
			}
			if best < 0 || distance < least {
				best, least = j, distance
			}
		}
		if best >= 0 {
			m.usedA[i], m.usedB[best] = true, true
			m.pairs = append(m.pairs, Pair{A: h, B: m.b[best]})
		}
	}
}

// all returns all handshakes, in pairs and alone, in the order of their beginnings by the clock of A.
func (m *matcher) all() []Pair {
	pairs := m.pairs
	for i, h := range m.a {
		if !m.usedA[i] {
			pairs = append(pairs, Pair{A: h})
		}
	}
	for i, h := range m.b {
		if !m.usedB[i] {
			pairs = append(pairs, Pair{B: h})
		}
	}
	began := func(p Pair) time.Time {
		if p.A != nil {
			return p.A.Result.Time
		}
		return p.B.Result.Time.Add(-m.offset)
	}
	slices.SortStableFunc(pairs, func(x, y Pair) int { return began(x).Compare(began(y)) })
	return pairs
}
