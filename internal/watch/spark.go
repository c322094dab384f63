package watch

import (
	"math"
	"time"

	"tcpprobe/probe"
)

// Axis is the scale of round-trip times that all sparklines on a screen have in common, from 0 to its Top.
type Axis struct{ Top time.Duration }

// NewAxis returns the Axis for handshakes: it ends at the next round number above the longest of their times.
func NewAxis(rows [][]Check) Axis {
	longest := time.Duration(0)
	for _, row := range rows {
		for _, check := range row {
			longest = max(longest, check.RTT)
		}
	}
	return Axis{roundUp(longest)}
}

// roundUp returns the next of 1, 2 and 5 times a power of ten that is not below a duration.
func roundUp(d time.Duration) time.Duration {
	if d <= 0 {
		return time.Millisecond
	}
	power := math.Pow(10, math.Floor(math.Log10(float64(d))))
	for _, times := range []float64{1, 2, 5} {
		if top := time.Duration(times * power); top >= d {
			return top
		}
	}
	return time.Duration(10 * power)
}

// String returns the end of the axis in the unit that it is a whole number of: "20 ms", "500 us".
func (a Axis) String() string {
	switch {
	case a.Top >= time.Second:
		return number(float64(a.Top)/float64(time.Second)) + " s"
	case a.Top >= time.Millisecond:
		return number(float64(a.Top)/float64(time.Millisecond)) + " ms"
	}
	return number(float64(a.Top)/float64(time.Microsecond)) + " us"
}

// levels returns the bars, the lowest first.
func (c *Canvas) levels() []string {
	if c.Style.UTF8 {
		return []string{"▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"}
	}
	return []string{"_", ".", "-", "~", "^", "#"}
}

// bar returns the cell for a handshake: as high as its time, or a mark where there is none.
func (c *Canvas) bar(a Axis, check Check) (string, Look) {
	switch {
	case check.Outcome == probe.OutcomeEstablished && check.RTT >= 0:
		levels := c.levels()
		level := min(int(int64(check.RTT)*int64(len(levels))/max(int64(a.Top), 1)), len(levels)-1)
		if check.SYNs > 1 || check.Findings {
			return levels[level], Look{Color: Warn}
		}
		return levels[level], Look{Color: Good}
	case check.Outcome == probe.OutcomeEstablished: // which SYN was answered is not known
		return "?", Look{Color: Warn}
	case check.Outcome == probe.OutcomeRefused:
		return "r", Look{Color: Bad}
	case check.Outcome == probe.OutcomeUnreachable:
		return "!", Look{Color: Bad}
	}
	return c.Style.Glyph("×", "x"), Look{Color: Bad}
}

// spark draws handshakes from a column to before another, the latest at the right edge.
func (c *Canvas) spark(x, end, y int, a Axis, checks []Check) {
	checks = checks[max(len(checks)-(end-x), 0):]
	for i, check := range checks {
		mark, look := c.bar(a, check)
		c.put(end-len(checks)+i, y, end, mark, look)
	}
}
