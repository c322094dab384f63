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
	lines := r.fit(2, room-columnsAfter(step, 2))
	if len(lines) > 1 {
		if tight := r.fit(1, room-columnsAfter(step, 1)); len(tight) == 1 {
			lines = tight
		}
	}
	first := p.shorten(lines[0], room-columnsAfter(step, 1))
	if step != "" {
		first = padRight(first, room-columns(step)) + p.paint(dim, step)
	}
	head := p.paint(dim, padLeft(ms(r.at), timeColumns)) + "  " + padRight(r.protocol, 4) + " " + p.arrow(r.way) + "  "
	p.line(head + first)
	for _, text := range lines[1:] {
		p.line(strings.Repeat(" ", r.hang) + p.shorten(text, width-r.hang))
	}
}

// fit joins the texts with gap spaces between them into lines, the first of at most so many columns.
func (r row) fit(gap, first int) []string {
	lines := []string{r.texts[0]}
	room := first
	for i, text := range r.texts[1:] {
		last := &lines[len(lines)-1]
		start := columns(*last) + gap
		if tab := r.second - textColumn; i == 0 && gap > 1 && tab+columns(text) <= room {
			start = max(start, tab)
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

// detail adds a line under a row, which says more about it.
func (p *page) detail(label, text string) {
	p.paragraph(padRight(strings.Repeat(" ", labelColumn)+label, textColumn), text)
}
