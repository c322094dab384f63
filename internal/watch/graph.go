package watch

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"tcpprobe/internal/text"
	"tcpprobe/probe"
)

// Heights and widths of the graphs of a page.
const (
	historyHeight = 6
	axisWidth     = 8 // beside the history
	mostZoom      = 6
)

// history returns the lines of the history of the selected target: a column for each handshake, or for several that lie
// together, as high as the longest of their times.
func (v *View) history(c *Canvas, targets Targets) (lines []drawn) {
	width := max(c.Width-axisWidth-2, 1)
	each := 1 << v.Zoom
	checks := targets.Recent(v.Selected, width*each)
	groups := grouped(checks, each)
	axis := NewAxis([][]Check{groups})
	about := "a column is a handshake"
	if each > 1 {
		about = fmt.Sprintf("a column is %d handshakes: the worst of them", each)
	}
	if len(checks) > 0 {
		about += ", from " + c.timeOfDay(checks[0].Time, checks[len(checks)-1].Time) + " on"
	}
	lines = append(lines, heading("history", about))
	for height := historyHeight - 1; height >= 0; height-- {
		lines = append(lines, func(c *Canvas, y int) {
			switch height {
			case historyHeight - 1:
				c.PutRight(axisWidth, y, axis.String(), Look{Color: Dim})
			case 0:
				c.PutRight(axisWidth, y, "0", Look{Color: Dim})
			}
			c.Put(axisWidth, y, c.Style.Glyph("┤", "|"), Look{Color: Dim})
			for i, check := range groups {
				mark, look := c.barPart(axis, check, height)
				c.put(axisWidth+1+width-len(groups)+i, y, c.Width, mark, look)
			}
		})
	}
	return lines
}

// grouped puts handshakes together, so many at a time. What stands for them is the worst of them.
func grouped(checks []Check, each int) []Check {
	if each == 1 {
		return checks
	}
	var groups []Check
	for end := len(checks); end > 0; end -= each {
		group := Check{Outcome: probe.OutcomeEstablished, RTT: -1, SYNs: 1}
		for _, check := range checks[max(end-each, 0):end] {
			if check.Outcome != probe.OutcomeEstablished {
				group.Outcome = check.Outcome
			}
			group.RTT, group.SYNs, group.Findings = max(group.RTT, check.RTT), max(group.SYNs, check.SYNs), group.Findings || check.Findings
		}
		groups = append([]Check{group}, groups...)
	}
	return groups
}

// barPart returns one of the cells, from the bottom, that a bar over several rows consists of.
func (c *Canvas) barPart(a Axis, check Check, row int) (string, Look) {
	if check.Outcome != probe.OutcomeEstablished || check.RTT < 0 {
		mark, look := c.bar(a, check)
		if row > 0 {
			mark = c.Style.Glyph("│", "|")
			if !c.Style.Color {
				mark = " "
			}
		}
		return mark, look
	}
	levels := c.levels()
	filled := int(int64(check.RTT) * int64(len(levels)*historyHeight) / max(int64(a.Top), 1))
	filled = min(max(filled, 1), len(levels)*historyHeight)
	_, look := c.bar(a, check)
	switch part := filled - row*len(levels); {
	case part <= 0:
		return " ", Look{}
	case part >= len(levels):
		return levels[len(levels)-1], look
	default:
		return levels[part-1], look
	}
}

// histogram returns the lines of the histogram of round-trip times.
func histogram(c *Canvas, rtts []time.Duration) (lines []drawn) {
	buckets := bucketsOf(rtts, mostBars)
	if len(buckets) == 0 {
		return nil
	}
	most, all := 0, 0
	for _, b := range buckets {
		most, all = max(most, b.count), all+b.count
	}
	lines = append(lines, heading("round-trip times", text.Count(all, "handshake")))
	for _, b := range buckets {
		label := fmt.Sprintf("%8s to %8s ms", milliseconds(b.low), milliseconds(b.high))
		if c.Width < 60 {
			label = fmt.Sprintf("%8s ms", milliseconds(b.low))
		}
		lines = append(lines, func(c *Canvas, y int) {
			x := c.Put(1, y, label, Look{Color: Dim}) + 1
			count := fmt.Sprint(b.count)
			room := max(c.Width-x-len(count)-2, 1)
			x = c.put(x, y, c.Width, c.across(float64(b.count)/float64(most), room), Look{Color: Good})
			c.Put(x+1, y, count, Look{})
		})
	}
	return lines
}

// mostBars is how many bars a histogram has at the most.
const mostBars = 12

// bucket is a row of a histogram.
type bucket struct {
	low, high time.Duration // from, to before
	count     int
}

// rtts returns the round-trip times of handshakes that were established.
func rtts(checks []Check) (all []time.Duration) {
	for _, check := range checks {
		if check.Outcome == probe.OutcomeEstablished && check.RTT >= 0 {
			all = append(all, check.RTT)
		}
	}
	return all
}

// bucketsOf spreads times over so many buckets at the most, of the same round width. What lies above them all is in the last one.
func bucketsOf(all []time.Duration, most int) []bucket {
	if len(all) == 0 {
		return nil
	}
	sorted := slices.Sorted(slices.Values(all))
	low, high := sorted[0], sorted[(len(sorted)-1)*98/100] // a few far away would leave all others in one bucket
	step := roundUp(max((high-low)/time.Duration(most-1), time.Microsecond))
	first := low / step * step
	buckets := make([]bucket, 0, most)
	for _, d := range sorted {
		i := min(int((d-first)/step), most-1)
		for len(buckets) <= i {
			from := first + time.Duration(len(buckets))*step
			buckets = append(buckets, bucket{low: from, high: from + step})
		}
		buckets[i].count++
		buckets[i].high = max(buckets[i].high, d) // of the last one
	}
	return buckets
}

// across returns a bar that takes a share of a width, to an eighth of a column.
func (c *Canvas) across(share float64, width int) string {
	if !c.Style.UTF8 {
		return strings.Repeat("#", max(int(share*float64(width)+0.5), 1))
	}
	eighths := int(share*float64(width*8) + 0.5)
	if share > 0 {
		eighths = max(eighths, 1)
	}
	s := strings.Repeat("█", eighths/8)
	if part := eighths % 8; part > 0 {
		s += string([]rune("▏▎▍▌▋▊▉")[part-1])
	}
	return s
}
