package main

import (
	"encoding/xml"
	"fmt"
	"strings"

	"tcpprobe/internal/text"
	"tcpprobe/internal/watch"
)

// Sizes in pixels: of a cell, of its font, and of what is around the cells.
const (
	cellWidth  = 8.4
	cellHeight = 18.0
	fontSize   = 14
	baseline   = 13.4
	margin     = 14.0
	bar        = 28.0 // above the cells, as a window has it
)

// palette is the colors of a page: those of GitHub's pages, as package diagram has them.
type palette struct{ page, edge, text, dim, good, warn, bad, accent string }

var (
	light = [...]palette{{"#ffffff", "#d1d9e0", "#1f2328", "#818b98", "#1a7f37", "#9a6700", "#cf222e", "#0969da"}}
	dark  = [...]palette{{"#0d1117", "#3d444d", "#e6edf3", "#7d8590", "#3fb950", "#d29922", "#f85149", "#4493f8"}}
)

// rules returns the rules of a palette for the classes of the picture.
func (p palette) rules() string {
	var b strings.Builder
	fmt.Fprintf(&b, ".page{fill:%s;stroke:%s}.edge{stroke:%[2]s}", p.page, p.edge)
	for i, color := range []string{p.text, p.dim, p.good, p.warn, p.bad, p.accent} {
		fmt.Fprintf(&b, ".c%d{fill:%s}.l%[1]d{stroke:%[2]s}", i, color)
	}
	fmt.Fprintf(&b, ".r{fill:%s}", p.page)
	return b.String()
}

// style returns the style sheet for a theme: light, dark, or auto for the one that the reader has.
func style(theme string) string {
	const font = "text{font-family:ui-monospace,\"SFMono-Regular\",Menlo,Consolas,\"DejaVu Sans Mono\",\"Liberation Mono\",monospace;font-size:14px;white-space:pre}.b{font-weight:700}.n{stroke-width:1.3;fill:none}"
	switch theme {
	case "light":
		return font + light[0].rules()
	case "dark":
		return font + dark[0].rules()
	}
	return font + light[0].rules() + "@media (prefers-color-scheme:dark){" + dark[0].rules() + "}"
}

// picture is an SVG under construction.
type picture struct {
	b strings.Builder
	c *watch.Canvas
}

// SVG returns a picture of a canvas, with words about it for those who do not see it.
func SVG(c *watch.Canvas, theme, about string) string {
	p := &picture{c: c}
	width, height := 2*margin+cellWidth*float64(c.Width), bar+margin+cellHeight*float64(c.Height)
	p.add(`<svg xmlns="http://www.w3.org/2000/svg" width="%.0f" height="%.0f" viewBox="0 0 %[1]g %[2]g" role="img">`+"\n", width, height)
	p.add("<title>%s</title>\n<style>%s</style>\n", escaped(about), style(theme))
	p.add(`<rect class="page" x="0.5" y="0.5" width="%.1f" height="%.1f" rx="8"/>`+"\n", width-1, height-1)
	for i, color := range []int{4, 3, 2} {
		p.add(`<circle class="c%d" cx="%d" cy="15" r="5"/>`, color, 18+18*i)
	}
	p.add("\n")
	for y := range c.Height {
		p.row(y)
	}
	p.add("</svg>\n")
	return p.b.String()
}

func (p *picture) add(format string, a ...any) { fmt.Fprintf(&p.b, format, a...) }

// row draws a row, in runs of cells that look alike.
func (p *picture) row(y int) {
	for x := 0; x < p.c.Width; {
		first := p.c.At(x, y)
		if n := p.shape(x, y, first); n > 0 {
			x += n
			continue
		}
		end, run := x, ""
		for end < p.c.Width && p.c.At(end, y).Look == first.Look && !isShape(p.c.At(end, y).Text) {
			run += p.c.At(end, y).Text
			end++
		}
		p.run(x, y, end-x, run, first.Look)
		x = end
	}
}

// run draws cells of one look. The text takes just their width, whatever the font.
func (p *picture) run(x, y, columns int, run string, look watch.Look) {
	left, top := margin+cellWidth*float64(x), bar+cellHeight*float64(y)
	class := fmt.Sprintf("c%d", look.Color)
	if look.Reverse {
		p.add(`<rect class="%s" x="%.1f" y="%.1f" width="%.1f" height="%.1f"/>`, class, left, top, cellWidth*float64(columns), cellHeight)
		class = "r"
	}
	if look.Bold {
		class += " b"
	}
	blank := len(run) - len(strings.TrimLeft(run, " "))
	run = strings.TrimRight(run[blank:], " ")
	if run == "" {
		return
	}
	left += cellWidth * float64(blank)
	p.add(`<text class="%s" x="%.1f" y="%.1f" textLength="%.1f" lengthAdjust="spacingAndGlyphs" xml:space="preserve">%s</text>`+"\n",
		class, left, top+baseline, cellWidth*float64(text.Columns(run)), escaped(run))
}

// blocks are the characters that are drawn as rectangles, with the share of a cell that they fill from below, and from the left.
var blocks = map[string][2]float64{
	"▁": {1. / 8, 1}, "▂": {2. / 8, 1}, "▃": {3. / 8, 1}, "▄": {4. / 8, 1}, "▅": {5. / 8, 1}, "▆": {6. / 8, 1}, "▇": {7. / 8, 1}, "█": {1, 1},
	"▏": {1, 1. / 8}, "▎": {1, 2. / 8}, "▍": {1, 3. / 8}, "▌": {1, 4. / 8}, "▋": {1, 5. / 8}, "▊": {1, 6. / 8}, "▉": {1, 7. / 8},
}

// lines are the characters that are drawn as lines, with their ends in shares of a cell.
var lines = map[string][][4]float64{
	"─": {{0, .5, 1, .5}}, "│": {{.5, 0, .5, 1}}, "┤": {{.5, 0, .5, 1}, {0, .5, .5, .5}},
}

func isShape(s string) bool { return blocks[s] != [2]float64{} || lines[s] != nil }

// shape draws a cell that is a block or a line, with those beside it that are the same bar, and returns how many it has drawn.
func (p *picture) shape(x, y int, cell watch.Cell) int {
	left, top := margin+cellWidth*float64(x), bar+cellHeight*float64(y)
	if b, ok := blocks[cell.Text]; ok {
		n := 1
		width := cellWidth*b[1] - 1 // the gap tells the bars of handshakes apart
		if p.across(x, y) {
			for p.c.At(x+n, y).Text == "█" && cell.Text == "█" {
				n++
			}
			width = cellWidth*float64(n-1) + cellWidth*b[1]
		}
		height := cellHeight * b[0]
		p.add(`<rect class="c%d" x="%.1f" y="%.2f" width="%.1f" height="%.2f"/>`+"\n", cell.Look.Color, left, top+cellHeight-height, width, height+seam)
		return n
	}
	for _, l := range lines[cell.Text] {
		p.add(`<path class="n l%d" d="M%.1f %.1fL%.1f %.1f"/>`, cell.Look.Color, left+cellWidth*l[0], top+cellHeight*l[1], left+cellWidth*l[2], top+cellHeight*l[3])
	}
	return min(len(lines[cell.Text]), 1)
}

// seam is how far a block reaches into the row below it, so that none shows between the two.
const seam = 0.4

// across reports whether a full block is part of a bar that lies: of a histogram, whose rows begin with their bounds.
func (p *picture) across(x, y int) bool {
	for ; x >= 0; x-- {
		if t := p.c.At(x, y).Text; blocks[t] == [2]float64{} {
			return t == " " && p.c.At(x-1, y).Text == "s"
		}
	}
	return false
}

func escaped(s string) string {
	var b strings.Builder
	_ = xml.EscapeText(&b, []byte(s))
	return b.String()
}
