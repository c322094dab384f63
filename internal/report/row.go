package report

import (
	"strings"
	"time"
)

// The columns of the ladder, counted from 0.
const (
	timeColumns  = 9
	labelColumn  = 11 // of the protocol, and of the labels of details
	textColumn   = 21
	secondColumn = 52 // of the second text of DNS and ARP
	proofColumn  = 40 // of what a segment says, after its control bits
)

// direction is which way something went.
type direction uint8

const (
	nowhere direction = iota
	out
	in
	silence
)

// row is one event of the ladder.
type row struct {
	at       time.Duration
	protocol string
	way      direction
	texts    []string
	second   int           // column of texts[1], where there is room; 0 to follow the first
	hang     int           // column of what has no room in the first line
	step     time.Duration // 0 for none
}

// arrow returns the three columns that say which way.
func (p *page) arrow(d direction) string {
	switch d {
	case out:
		return p.glyph("──▶", "-->")
	case in:
		return p.glyph("◀──", "<--")
	case silence:
		return p.paint(red, p.glyph(" ✗ ", " x "))
	}
	return "   "
}

// row adds a row. What a value has no room for in the first line goes into lines below.
func (p *page) row(r row) {
	step := ""
	if r.step > 0 {
		step = ms(r.step) + " ms"
	}
	room := width - textColumn
	var lines []string
	for _, g := range spacings {
		lines = r.fit(g, room-columnsAfter(step, g.step))
		if len(lines) == 1 {
			break
		}
	}
	first := p.shorten(lines[0], room-columnsAfter(step, 1))
	if step != "" {
		first = padRight(first, room-columns(step)) + p.paint(dim, step)
	}
	at := clock(r.at)
	space := padRight("", labelColumn-columns(at))
	p.line(p.paint(dim, at) + space + padRight(r.protocol, 4) + " " + p.arrow(r.way) + "  " + first)
	for _, text := range lines[1:] {
		p.line(strings.Repeat(" ", r.hang) + p.shorten(text, width-r.hang))
	}
}

// clock writes a time of the ladder, right-aligned. A long one takes a space of those that follow, a longer one loses
// decimals.
func clock(at time.Duration) string {
	n := 3
	for n > 0 && columns(decimals(at, n)) >= labelColumn {
		n--
	}
	return padLeft(decimals(at, n), timeColumns)
}

// spacing is how many spaces stand after the first text of a row, between the others, and before the step.
type spacing struct{ first, others, step int }

// spacings are tried until everything fits in one line. If nothing helps, it is the last, in several.
var spacings = []spacing{{2, 2, 2}, {2, 2, 1}, {2, 1, 1}, {1, 1, 1}, {2, 2, 2}}

// fit joins the texts into lines, the first of at most so many columns.
func (r row) fit(g spacing, room int) []string {
	lines := []string{r.texts[0]}
	for i, text := range r.texts[1:] {
		last := &lines[len(lines)-1]
		start := columns(*last) + g.others
		if i == 0 {
			start = columns(*last) + g.first
			if second := r.second - textColumn; second+columns(text) <= room {
				start = max(start, second)
			}
		}
		if start+columns(text) > room {
			lines = append(lines, text)
			room = width - r.hang
			continue
		}
		*last = padRight(*last, start) + text
	}
	return lines
}

// columnsAfter returns the columns that s takes with a gap before it, none if there is no s.
func columnsAfter(s string, gap int) int {
	if s == "" {
		return 0
	}
	return gap + columns(s)
}

// detail adds a line under a row, which says more about it in words that stay in one line.
func (p *page) detail(label string, words ...string) {
	p.paragraph(padRight(strings.Repeat(" ", labelColumn)+label, textColumn), textColumn, words)
}
