package target

import (
	"fmt"
	"strconv"
	"strings"

	"tcpprobe/internal/text"
)

// Shard is one of several equal parts of the targets: every Nth of them, so that several hosts share the work. The parts have
// nothing in common, and together everything, if all are given the same targets and exclusions. The zero Shard is all of them.
type Shard struct {
	Index int // from 0
	Of    int
}

// ParseShard reads I/N, where I is from 1 to N.
func ParseShard(s string) (Shard, error) {
	index, of, ok := strings.Cut(s, "/")
	i, err := strconv.Atoi(index)
	n, err2 := strconv.Atoi(of)
	if !ok || err != nil || err2 != nil || !isNumber(index) || !isNumber(of) || n < 1 || i < 1 || i > n {
		return Shard{}, fmt.Errorf("%s: I/N is wanted, I from 1 to N, as in 3/8", text.Printable(s))
	}
	return Shard{Index: i - 1, Of: n}, nil
}

// within returns which of so many targets are in the shard, when the first of them has a number among all: from the first, every
// step-th, and how many that are.
func (s Shard) within(number, count int) (first, step, members int) {
	if s.Of <= 1 {
		return 0, 1, count
	}
	first = ((s.Index-number)%s.Of + s.Of) % s.Of
	return first, s.Of, max(0, (count-first+s.Of-1)/s.Of)
}
