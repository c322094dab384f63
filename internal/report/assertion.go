package report

import (
	"strconv"
	"time"

	"tcpprobe/internal/stats"
	"tcpprobe/internal/text"
)

// Failure says that an assertion did not hold, and why: "p99<50ms does not hold: p99 is 61.204ms". Whatever the user typed
// is printable in it.
func Failure(c stats.Check) string {
	failure := text.Printable(c.Text) + " does not hold: "
	if !c.Exists {
		return failure + c.Why
	}
	return failure + c.Figure + " is " + figureValue(c)
}

// figureValue writes the value of a figure, in its unit and as exactly as it is known.
func figureValue(c stats.Check) string {
	switch c.Kind {
	case stats.KindShare:
		return strconv.FormatFloat(100*c.Value, 'g', 6, 64) + " %"
	case stats.KindDuration:
		return text.Duration(time.Duration(c.Value))
	}
	return strconv.FormatFloat(c.Value, 'f', 0, 64)
}
