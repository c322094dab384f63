package hostpolicy

import (
	"slices"
	"strconv"
	"strings"
)

// Counters are those of the kernel that count what this host itself drops of its applications' segments, by the names that the
// kernel gives them: "IPReversePathFilter", "XfrmOutPolBlock".
type Counters map[string]uint64

// telling are the counters of /proc/net/netstat that are of interest: each is about a reason to drop a segment that TCP or an
// application never hears of.
var telling = []string{"IPReversePathFilter", "InNoRoutes", "InCsumErrors", "TCPMD5NotFound", "TCPMD5Unexpected", "TCPMD5Failure"}

// Moved is how far a counter has moved.
type Moved struct {
	Name string
	By   uint64
}

// Since returns what has moved since an earlier reading, in the order of the names.
func (c Counters) Since(before Counters) (moved []Moved) {
	for name, now := range c {
		if by := now - before[name]; by > 0 {
			moved = append(moved, Moved{name, by})
		}
	}
	slices.SortFunc(moved, func(a, b Moved) int { return strings.Compare(a.Name, b.Name) })
	return moved
}

// addNetstat adds the telling ones of /proc/net/netstat: pairs of lines, of names and of values, that begin with the same word.
func (c Counters) addNetstat(text string) {
	var names []string
	for line := range strings.Lines(text) {
		fields := strings.Fields(line)
		if len(fields) == 0 || len(names) == 0 || fields[0] != names[0] || len(fields) != len(names) {
			names = fields
			continue
		}
		for i, name := range names[1:] {
			if slices.Contains(telling, name) {
				c.add(name, fields[i+1])
			}
		}
		names = nil
	}
}

// addXfrm adds those of /proc/net/xfrm_stat, a name and a value in each line.
func (c Counters) addXfrm(text string) {
	for line := range strings.Lines(text) {
		if fields := strings.Fields(line); len(fields) == 2 {
			c.add(fields[0], fields[1])
		}
	}
}

// add adds to a counter, which may stand in more than one table.
func (c Counters) add(name, value string) {
	if n, err := strconv.ParseUint(value, 10, 64); err == nil {
		c[name] += n
	}
}
