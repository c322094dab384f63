package watch

import (
	"fmt"
	"strings"
	"time"

	"tcpprobe/internal/text"
)

// column is one of the table of targets.
type column struct {
	title string
	width int // with the gap in front of it
	cell  func(c *Canvas, r *row) (string, Look)
}

// row is what the table says of one target.
type row struct {
	number  int
	name    []string // lines; the last of them stands beside the figures if it has room
	brief   Brief
	figures Figures
	recent  []Check
	now     time.Time
}

// The table has as many of its columns as have room, those in front first.
var columns = [...]column{
	{"loss", 6, func(c *Canvas, r *row) (string, Look) {
		return percent(r.brief.Loss()), doubt(r.brief.Loss() > 0)
	}},
	{"last", 7, func(c *Canvas, r *row) (string, Look) { return duration(c, r.brief.RTT, r.brief.RTT >= 0), Look{} }},
	{"down", 7, func(c *Canvas, r *row) (string, Look) {
		if r.brief.OutageSince.IsZero() {
			return "", Look{}
		}
		return span(r.now.Sub(r.brief.OutageSince)), Look{Color: Bad, Bold: true}
	}},
	{"p50", 7, func(c *Canvas, r *row) (string, Look) {
		return duration(c, r.figures.RTT.P50, r.figures.HasRTT), Look{}
	}},
	{"p99 ms", 7, func(c *Canvas, r *row) (string, Look) {
		return duration(c, r.figures.RTT.P99, r.figures.HasRTT), Look{}
	}},
	{"SYN-", 5, func(c *Canvas, r *row) (string, Look) {
		return fmt.Sprint(r.brief.SYNsLost), doubt(r.brief.SYNsLost > 0)
	}},
	{"flaps", 6, func(c *Canvas, r *row) (string, Look) { return fmt.Sprint(r.figures.Flaps), doubt(r.figures.Flaps > 0) }},
	{"jitter", 8, func(c *Canvas, r *row) (string, Look) {
		return duration(c, r.figures.Jitter, r.figures.HasJitter), Look{}
	}},
	{"longest outage", 19, func(c *Canvas, r *row) (string, Look) {
		if r.figures.Longest.Handshakes == 0 {
			return "", Look{}
		}
		return span(r.figures.Longest.Duration) + " " + c.timeOfDay(r.figures.Longest.Began, r.now), Look{Color: Warn}
	}},
	{"finding", 25, func(c *Canvas, r *row) (string, Look) { return string(r.brief.Finding), Look{Color: Warn} }},
}

// doubt is the look of a figure that should be 0.
func doubt(bad bool) Look {
	if bad {
		return Look{Color: Warn}
	}
	return Look{Color: Dim}
}

// duration writes a time in milliseconds, or a hyphen if there is none.
func duration(c *Canvas, d time.Duration, ok bool) string {
	if !ok {
		return "-"
	}
	return milliseconds(d)
}

// Widths of the table that do not depend on its columns.
const (
	margin       = 3 // in front of the names, with the symbol
	gap          = 1
	leastSpark   = 8
	mostSpark    = 60
	leastName    = 12
	mostName     = 40
	detailHeight = 4 // the rule, and what is said of the selected target, at the least
)

// layout is where the parts of the table stand.
type layout struct {
	name, spark int // widths
	columns     []column
}

// newLayout spreads the table over a width, for names of which the longest takes so many columns.
func newLayout(width, longest int) layout {
	l := layout{name: min(max(longest, leastName), mostName, max(width*3/10, leastName))}
	left := width - margin - l.name - gap - leastSpark
	for _, column := range columns {
		if column.width > left {
			break
		}
		l.columns = append(l.columns, column)
		left -= column.width
	}
	if more := min(longest-l.name, left-leastSpark, mostName-l.name); more > 0 { // names before bars, where they have room
		l.name += more
		left -= more
	}
	l.spark = min(leastSpark+max(left, 0), mostSpark)
	return l
}

// drawTargets draws all targets, or as many as have room.
func (v *View) drawTargets(c *Canvas, targets Targets, m Moment) {
	v.drawHead(c, targets, m)
	rows, l := v.rows(c, targets, m)
	recents := make([][]Check, len(rows))
	for i := range rows {
		rows[i].recent = targets.Recent(rows[i].number, l.spark)
		rows[i].figures = targets.Figures(rows[i].number)
		recents[i] = rows[i].recent
	}
	axis := NewAxis(recents)
	v.drawTitles(c, l, axis)
	y := 2
	for i := range rows {
		y = v.drawRow(c, y, l, axis, &rows[i])
	}
	if targets.Len() > 0 && c.Height >= 8+detailHeight {
		v.drawSelected(c, min(y+1, c.Height-1-detailHeight), targets, m)
	}
}

// drawHead draws the first row: how many targets there are, and how many of them are up.
func (v *View) drawHead(c *Canvas, targets Targets, m Moment) {
	x := c.Put(1, 0, "tcpprobe watch", Look{Bold: true})
	counts := [4]int{}
	for i := range targets.Len() {
		counts[targets.Brief(i).state(m.Now)]++
	}
	x += 2
	for _, s := range []state{stateDown, stateTroubled, stateUp, stateUnknown} {
		if counts[s] == 0 {
			continue
		}
		symbol, look := c.symbol(s)
		x = c.Put(x, 0, symbol, look)
		x = c.Put(x+1, 0, fmt.Sprintf("%d %s", counts[s], [...]string{"waiting", "up", "troubled", "down"}[s]), Look{}) + 2
	}
	v.drawClock(c, x, m)
}

// drawClock draws what stands at the right edge of the first row, as far as it has room behind a column.
func (v *View) drawClock(c *Canvas, x int, m Moment) {
	parts := []string{clock(m.Now.Sub(m.Began)), c.timeOfDay(m.Now, m.Now)}
	if v.Interval > 0 {
		parts = append([]string{"every " + text.Duration(v.Interval)}, parts...)
	}
	if m.Replay != "" {
		parts = []string{m.Replay, c.timeOfDay(m.Now, m.Now)}
	}
	look := Look{Color: Dim}
	if v.Paused {
		parts, look = append([]string{"PAUSED"}, parts...), Look{Color: Warn, Bold: true}
	}
	for len(parts) > 0 {
		line := strings.Join(parts, "  ")
		if x+1+text.Columns(line) <= c.Width-1 {
			c.PutRight(c.Width-1, 0, line, look)
			return
		}
		parts = parts[:len(parts)-1]
	}
}

// drawTitles draws what the columns are, and the axis of the bars.
func (v *View) drawTitles(c *Canvas, l layout, a Axis) {
	dim := Look{Color: Dim}
	c.put(margin, 1, margin+l.name, "target", dim)
	x := margin + l.name + gap
	levels := c.levels()
	legend := levels[len(levels)-1] + " " + a.String()
	if long := "0 " + levels[0] + " to " + legend; text.Columns(long) <= l.spark {
		legend = long
	}
	c.PutRight(x+l.spark, 1, legend, dim)
	x += l.spark
	for _, column := range l.columns {
		x += column.width
		c.PutRight(x, 1, column.title, dim)
	}
}

// rows returns the rows of the targets that have room on the screen, with the selected one among them, and how they are set.
func (v *View) rows(c *Canvas, targets Targets, m Moment) ([]row, layout) {
	longest := 0
	for i := range targets.Len() {
		longest = max(longest, text.Columns(c.Style.Printable(targets.Brief(i).Name)))
	}
	l := newLayout(c.Width, longest)
	room := c.Height - 3
	if c.Height >= 8+detailHeight {
		room -= detailHeight
	}
	all := make([]row, len(v.shown))
	at, selected := 0, 0
	for i, number := range v.shown {
		if number == v.Selected {
			selected = i
		}
		all[i] = row{number: number, brief: targets.Brief(number), now: m.Now}
		all[i].name = nameLines(c, all[i].brief.Name, l.name)
	}
	at = min(v.top, selected)
	for height(all[at:min(selected+1, len(all))]) > room && at < selected {
		at++
	}
	for at > 0 && height(all[at-1:]) <= room {
		at--
	}
	v.top = at
	end := at
	for end < len(all) && height(all[at:end+1]) <= room {
		end++
	}
	v.visible = max(end-at, 1)
	return all[at:end], l
}

// height returns how many lines rows take.
func height(rows []row) (n int) {
	for _, r := range rows {
		n += len(r.name)
	}
	return n
}

// nameLines returns the lines of a name, of which none is ever cut: where it has no room beside the figures, it stands above
// them.
func nameLines(c *Canvas, name string, width int) []string {
	name = c.Style.Printable(name)
	if text.Columns(name) <= width {
		return []string{name}
	}
	return append(text.Wrap(name, c.Width-margin), "")
}

// drawRow draws a target, and returns the row behind it.
func (v *View) drawRow(c *Canvas, y int, l layout, a Axis, r *row) int {
	symbol, look := c.symbol(r.brief.state(r.now))
	c.put(1, y, c.Width, symbol, look)
	name := Look{}
	if r.number == v.Selected {
		name = Look{Bold: true}
	}
	for i, line := range r.name {
		c.put(margin, y+i, c.Width, line, name)
		if r.number == v.Selected && line != "" {
			c.Fill(margin, margin+max(l.name, text.Columns(line)), y+i, Look{Reverse: true, Bold: true})
		}
	}
	y += len(r.name) - 1
	x := margin + l.name + gap
	c.spark(x, x+l.spark, y, a, r.recent)
	x += l.spark
	for _, column := range l.columns {
		x += column.width
		value, look := column.cell(c, r)
		c.PutRight(x, y, value, look)
	}
	return y + 1
}

// drawSelected draws what there is to say of the selected target, from a row below the table on: in a line or two, and more as far as
// there is room.
func (v *View) drawSelected(c *Canvas, y int, targets Targets, m Moment) {
	c.Rule(y)
	place := fmt.Sprintf(" %d of %d ", v.place()+1, len(v.shown))
	if name := " " + c.Style.Printable(targets.Brief(v.Selected).Name) + " "; text.Columns(name)+len(place) < c.Width-4 {
		c.put(2, y, c.Width, name, Look{Bold: true})
	}
	c.PutRight(c.Width-1, y, place, Look{Color: Dim})
	for _, line := range sentences(c, targets, v.Selected, m) {
		for _, part := range text.Wrap(line.text, max(c.Width-2, 2)) {
			if y++; y < c.Height-1 {
				c.Put(1, y, part, line.look)
			}
		}
	}
	const worthwhile = historyHeight + 1
	if c.Height-2-y < worthwhile {
		return
	}
	figures := targets.Figures(v.Selected)
	for _, line := range v.targetLines(c, targets, &figures, m) {
		if y++; y < c.Height-1 {
			line(c, y)
		}
	}
}

// place returns where the selected target stands in the order.
func (v *View) place() int {
	for i, number := range v.shown {
		if number == v.Selected {
			return i
		}
	}
	return 0
}
