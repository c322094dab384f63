package report

import (
	"slices"
	"strings"
	"time"

	"tcpprobe/internal/text"
)

// The columns of the ladder, counted from 0.
const (
	timeColumns  = 9
	labelColumn  = 11 // of the protocol, and of the labels of details
	textColumn   = 21
	secondColumn = 52 // of the second part of DNS and ARP
	proofColumn  = 40 // of what a segment says, after its control bits

	textRoom = text.Width - textColumn // columns of what an event says
)

// row is one event of the ladder.
type row struct {
	at       time.Duration
	protocol string
	way      text.Direction
	texts    []string
	second   int           // column of texts[1], where there is room; 0 to follow the first
	hang     int           // column of what has no room in the first line
	step     time.Duration // 0 for none
}

// arrow returns the three columns that say which way.
func (p *page) arrow(d text.Direction) string {
	if d == text.Silence {
		return p.Paint(text.Red, p.Arrow(d))
	}
	return p.Arrow(d)
}

// row adds a row. What a value has no room for in the first line goes into lines below.
func (p *page) row(r row) {
	step := ""
	if r.step > 0 {
		step = text.Milliseconds(r.step) + " ms"
	}
	room := textRoom
	var lines []string
	for _, g := range spacings {
		lines = r.fit(g, room-columnsAfter(step, g.step))
		if len(lines) == 1 {
			break
		}
	}
	// A text that is longer than the line, as a name may be, goes on below it.
	first := lines[0]
	if room := room - columnsAfter(step, 1); text.Columns(first) > room {
		first = text.Wrap(first, room)[0]
		lines = slices.Insert(lines, 1, strings.TrimLeft(strings.TrimPrefix(lines[0], first), " "))
	}
	if step != "" {
		first = text.PadRight(first, room-text.Columns(step)) + p.Paint(text.Dim, step)
	}
	at := clock(r.at)
	space := text.PadRight("", labelColumn-text.Columns(at))
	p.Line(p.Paint(text.Dim, at) + space + text.PadRight(r.protocol, 4) + " " + p.arrow(r.way) + "  " + first)
	for _, part := range lines[1:] {
		for _, line := range text.Wrap(part, text.Width-r.hang) {
			p.Line(strings.Repeat(" ", r.hang) + line)
		}
	}
}

// clock writes a time of the ladder, right-aligned. A long one takes a space of those that follow, a longer one loses
// decimals.
func clock(at time.Duration) string {
	n := 3
	for n > 0 && text.Columns(text.Decimals(at, n)) >= labelColumn {
		n--
	}
	return text.PadLeft(text.Decimals(at, n), timeColumns)
}

// spacing is how many spaces stand after the first text of a row, between the others, and before the step.
type spacing struct{ first, others, step int }

// spacings are tried until everything fits in one line. If nothing helps, it is the last, in several.
var spacings = []spacing{{2, 2, 2}, {2, 2, 1}, {2, 1, 1}, {1, 1, 1}, {2, 2, 2}}

// fit joins the texts into lines, the first of at most so many columns.
func (r row) fit(g spacing, room int) []string {
	lines := []string{r.texts[0]}
	for i, part := range r.texts[1:] {
		last := &lines[len(lines)-1]
		start := text.Columns(*last) + g.others
		if i == 0 {
			start = text.Columns(*last) + g.first
			if second := r.second - textColumn; second+text.Columns(part) <= room {
				start = max(start, second)
			}
		}
		if start+text.Columns(part) > room {
			lines = append(lines, part)
			room = text.Width - r.hang
			continue
		}
		*last = text.PadRight(*last, start) + part
	}
	return lines
}

// columnsAfter returns the columns that s takes with a gap before it, none if there is no s.
func columnsAfter(s string, gap int) int {
	if s == "" {
		return 0
	}
	return gap + text.Columns(s)
}

// detail adds a line under a row, which says more about it in words that stay in one line.
func (p *page) detail(label string, words ...string) {
	p.Paragraph(text.PadRight(strings.Repeat(" ", labelColumn)+label, textColumn), textColumn, words)
}
