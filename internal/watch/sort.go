package watch

import (
	"cmp"
	"slices"
	"time"
)

// Sort is an order of targets.
type Sort uint8

// The orders, as the key goes through them.
const (
	ByTrouble Sort = iota // those that are down first, then by what is wrong with them
	ByList                // as they were given
	ByName
	ByLoss
	ByLast
	sorts // how many there are
)

var sortNames = [...]string{"trouble", "list", "name", "loss", "last"}

// String returns what the order is by.
func (s Sort) String() string { return sortNames[s] }

// order returns the numbers of the targets in an order, as it is now.
func order(targets Targets, by Sort, now time.Time) []int {
	numbers := make([]int, targets.Len())
	for i := range numbers {
		numbers[i] = i
	}
	if by == ByList {
		return numbers
	}
	briefs := make([]Brief, len(numbers))
	for i := range briefs {
		briefs[i] = targets.Brief(i)
	}
	slices.SortStableFunc(numbers, func(a, b int) int { return by.compare(&briefs[a], &briefs[b], now) })
	return numbers
}

// compare compares two targets.
func (s Sort) compare(a, b *Brief, now time.Time) int {
	switch s {
	case ByName:
		return cmp.Compare(a.Name, b.Name)
	case ByLoss:
		return cmp.Or(cmp.Compare(b.Loss(), a.Loss()), cmp.Compare(b.SYNsLost, a.SYNsLost))
	case ByLast:
		return cmp.Compare(lastOf(b), lastOf(a))
	}
	return cmp.Or(
		cmp.Compare(gravity(a, now), gravity(b, now)),
		compareOutages(a.OutageSince, b.OutageSince),
		cmp.Compare(b.Loss(), a.Loss()),
		cmp.Compare(share(b.SYNsLost, b.SYNs), share(a.SYNsLost, a.SYNs)),
	)
}

// lastOf returns the latest round-trip time, and what is longer than any if the handshake had none.
func lastOf(b *Brief) time.Duration {
	if b.RTT < 0 {
		return 1<<63 - 1
	}
	return b.RTT
}

// gravity returns how grave the state of a target is; 0 is the gravest.
func gravity(b *Brief, now time.Time) int {
	switch b.state(now) {
	case stateDown:
		return 0
	case stateTroubled:
		return 1
	}
	return 2
}

// compareOutages compares when outages began; one that began earlier comes first, and none last.
func compareOutages(a, b time.Time) int {
	if a.IsZero() || b.IsZero() {
		return cmp.Compare(b.Unix(), a.Unix()) // zero lies before all others
	}
	return a.Compare(b)
}

func share(n, of int) float64 {
	if of == 0 {
		return 0
	}
	return float64(n) / float64(of)
}

// state is how a target is doing, in one symbol.
type state uint8

const (
	stateUnknown  state = iota
	stateUp             // and nothing is wrong
	stateTroubled       // established, but something went wrong not long ago
	stateDown
)

// recently is how long ago trouble may be that still shows in the state of a target.
const recently = time.Minute

// state returns how the target is doing.
func (b Brief) state(now time.Time) state {
	switch {
	case b.Sent == 0:
		return stateUnknown
	case !b.Up():
		return stateDown
	case !b.Troubled.IsZero() && now.Sub(b.Troubled) < recently:
		return stateTroubled
	}
	return stateUp
}

// symbol returns what stands in front of a target.
func (c *Canvas) symbol(s state) (string, Look) {
	switch s {
	case stateUp:
		return c.Style.Glyph("●", "+"), Look{Color: Good}
	case stateTroubled:
		return c.Style.Glyph("▲", "!"), Look{Color: Warn}
	case stateDown:
		return c.Style.Glyph("✗", "x"), Look{Color: Bad, Bold: true}
	}
	return c.Style.Glyph("·", "."), Look{Color: Dim}
}
