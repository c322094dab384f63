package page

import (
	"strconv"
	"strings"

	"tcpprobe/internal/monitor"
	"tcpprobe/internal/text"
)

// The row of recent checks: a bar each, the latest at the right.
const (
	shownChecks = 40
	barPitch    = 4
	rowWidth    = shownChecks*barPitch - 1
	rowHeight   = 16
)

// checksRow is the drawing of a row of recent checks. A path is drawn with dashes, each of which is a bar: so a run of checks
// that ended alike is one line of it. Those that failed are higher than the others, and not of another colour alone.
type checksRow struct {
	Empty, Good, Lossy, Bad string // data of paths
	Label                   string // the same in words
}

// newChecksRow draws the latest checks.
func newChecksRow(checks []monitor.Check) checksRow {
	checks = checks[max(len(checks)-shownChecks, 0):]
	var paths [3]strings.Builder
	var counts [3]int
	x := (shownChecks - len(checks)) * barPitch
	for i := 0; i < len(checks); {
		kind := kindOf(checks[i])
		n := 1
		for i+n < len(checks) && kindOf(checks[i+n]) == kind {
			n++
		}
		b := &paths[kind]
		b.WriteString("M" + strconv.Itoa(x) + " 8h" + strconv.Itoa(n*barPitch-1))
		counts[kind] += n
		x += n * barPitch
		i += n
	}
	label := "no handshakes yet"
	if n := len(checks); n > 0 {
		label = "the latest " + text.Count(n, "handshake") + ": " + strconv.Itoa(counts[0]+counts[1]) + " established"
		if counts[1] > 0 {
			label += ", " + strconv.Itoa(counts[1]) + " of them after lost SYNs"
		}
		if counts[2] > 0 {
			label += ", " + strconv.Itoa(counts[2]) + " failed"
		}
	}
	empty := ""
	if n := shownChecks - len(checks); n > 0 {
		empty = "M0 8h" + strconv.Itoa(n*barPitch-1)
	}
	return checksRow{Empty: empty, Good: paths[0].String(), Lossy: paths[1].String(), Bad: paths[2].String(), Label: label}
}

// kindOf returns 0 for a check that was established at once, 1 for one that was after lost SYNs, and 2 for one that was not.
func kindOf(c monitor.Check) int {
	switch {
	case !c.Up():
		return 2
	case c.SYNsLost > 0:
		return 1
	}
	return 0
}
