package target

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
)

// stateSchema is what a State is of.
const stateSchema = "tcpprobe-resume/1"

// State is how far a run has come that was broken off, as its file has it.
type State struct {
	Schema  string `json:"schema"`
	Content string `json:"content"` // a hash of what the targets are made of: arguments, lines, exclusion, shard
	Seed    uint64 `json:"seed"`
	Next    int    `json:"next"`            // targets were taken up to here
	Again   []int  `json:"again,omitempty"` // and of these, nothing came of those at these places
}

// ParseState reads a State.
func ParseState(content []byte) (s State, err error) {
	if err := json.Unmarshal(content, &s); err != nil || s.Schema != stateSchema {
		return State{}, errors.New("this is no file of --resume")
	}
	slices.Sort(s.Again)
	s.Again = slices.Compact(s.Again)
	if s.Next < 0 || len(s.Again) > 0 && (s.Again[0] < 0 || s.Again[len(s.Again)-1] >= s.Next) {
		return State{}, errors.New("this file of --resume contradicts itself")
	}
	return s, nil
}

// Track has the list remember which targets are not done. It is called before Next.
func (l *List) Track() { l.undone = make(map[int]bool) }

// Resume has the list go on where another one of the same targets was broken off, with the seed of that. It is called before Next.
func (l *List) Resume(s State) error {
	switch {
	case s.Content != l.digest():
		return errors.New("it is of other targets, another exclusion or another shard")
	case s.Seed != l.rules.Selection.Seed:
		return fmt.Errorf("it is of --seed %d", s.Seed)
	case s.Next > l.length:
		return errors.New("this file of --resume contradicts itself")
	}
	l.next, l.again = s.Next, s.Again
	l.length = l.length - s.Next + len(s.Again)
	return nil
}

// Done takes note that a target is done, if that is remembered.
func (l *List) Done(place int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.undone, place)
}

// State returns how far the run has come, and how many targets are left: those that were not taken, or are not done.
func (l *List) State() (s State, left int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	again := slices.Concat(slices.Collect(maps.Keys(l.undone)), l.again)
	slices.Sort(again)
	return State{Schema: stateSchema, Content: l.digest(), Seed: l.rules.Selection.Seed, Next: l.next, Again: again}, l.length - l.taken + len(l.undone)
}

// digest returns what the targets are made of, as a hash.
func (l *List) digest() string { return hex.EncodeToString(l.content.Sum(nil)) }
