package watch

import (
	"strings"

	"tcpprobe/internal/report"
	"tcpprobe/internal/text"
)

// looks are the looks of what [text.Style.Paint] calls for.
var looks = map[string]Look{
	string(text.Bold): {Bold: true}, string(text.Dim): {Color: Dim}, string(text.Red): {Color: Bad},
	string(text.Green): {Color: Good}, string(text.Yellow): {Color: Warn},
}

// putPainted writes a line that was painted for a terminal.
func (c *Canvas) putPainted(x, y int, line string) {
	look := Look{}
	for {
		before, after, more := strings.Cut(line, "\x1b[")
		x = c.Put(x, y, before, look)
		if !more {
			return
		}
		code, rest, _ := strings.Cut(after, "m")
		look, line = looks[code], rest
	}
}

// written returns the lines of what a report writes for the canvas, none of them wider than so many columns.
func (c *Canvas) written(columns int, write func(w *strings.Builder, s report.Style)) (lines []string) {
	var b strings.Builder
	write(&b, report.Style{Style: c.Style})
	for line := range strings.Lines(b.String()) {
		lines = append(lines, text.Fold(strings.TrimRight(line, "\n"), columns)...)
	}
	return lines
}
