package watch

import (
	"strings"
	"unicode/utf8"

	"tcpprobe/internal/text"
)

// Look is how a cell looks. Colors are those of the terminal's own palette, so that they go with its background.
type Look struct {
	Color   Color
	Bold    bool
	Reverse bool
}

// Color is a color by its meaning.
type Color uint8

// The colors. None of them says what a character or a word does not say too.
const (
	Plain  Color = iota
	Dim          // what stands around it
	Good         // green
	Warn         // yellow
	Bad          // red
	Accent       // blue: what can be done
)

// Cell is one column of one row.
type Cell struct {
	Text string // a character, with the marks that combine with it; empty behind one that is two columns wide
	Look Look
}

// Canvas is a screen of cells.
type Canvas struct {
	Width, Height int
	Style         text.Style
	cells         []Cell
}

// NewCanvas returns an empty Canvas of a size.
func NewCanvas(width, height int, style text.Style) *Canvas {
	c := &Canvas{Style: style}
	c.Resize(width, height)
	return c
}

// Resize gives the Canvas another size, and empties it.
func (c *Canvas) Resize(width, height int) {
	c.Width, c.Height = max(width, 0), max(height, 0)
	if n := c.Width * c.Height; cap(c.cells) < n {
		c.cells = make([]Cell, n)
	} else {
		c.cells = c.cells[:n]
	}
	for i := range c.cells {
		c.cells[i] = Cell{Text: " "}
	}
}

// At returns a cell, which is empty outside of the Canvas.
func (c *Canvas) At(x, y int) Cell {
	if x < 0 || y < 0 || x >= c.Width || y >= c.Height {
		return Cell{Text: " "}
	}
	return c.cells[y*c.Width+x]
}

// Put writes text from a cell on, as far as the row goes, and returns the column behind it. What does not print is escaped.
func (c *Canvas) Put(x, y int, s string, look Look) int {
	return c.put(x, y, c.Width, c.Style.Printable(s), look)
}

// put writes text that prints, up to a column.
func (c *Canvas) put(x, y, end int, s string, look Look) int {
	if y < 0 || y >= c.Height {
		return x
	}
	row := c.cells[y*c.Width : (y+1)*c.Width]
	for len(s) > 0 {
		size := characterSize(s)
		columns := text.Columns(s[:size])
		if x+columns > min(end, c.Width) {
			return x
		}
		if x >= 0 {
			row[x] = Cell{s[:size], look}
			for i := 1; i < columns; i++ {
				row[x+i] = Cell{"", look}
			}
		}
		x, s = x+columns, s[size:]
	}
	return x
}

// PutRight writes text that ends before a column.
func (c *Canvas) PutRight(end, y int, s string, look Look) {
	s = c.Style.Printable(s)
	c.put(end-text.Columns(s), y, end, s, look)
}

// Fill gives all cells of a row a look from one column to before another.
func (c *Canvas) Fill(x, end, y int, look Look) {
	for ; x < min(end, c.Width) && y >= 0 && y < c.Height; x++ {
		cell := &c.cells[y*c.Width+x]
		cell.Look.Reverse, cell.Look.Bold = look.Reverse, cell.Look.Bold || look.Bold
	}
}

// Rule draws a line across a row.
func (c *Canvas) Rule(y int) {
	c.put(0, y, c.Width, strings.Repeat(c.Style.Glyph("─", "-"), c.Width), Look{Color: Dim})
}

// String returns the text of the Canvas, row by row, without spaces at their ends.
func (c *Canvas) String() string {
	var b strings.Builder
	for y := range c.Height {
		var row strings.Builder
		for _, cell := range c.cells[y*c.Width : (y+1)*c.Width] {
			row.WriteString(cell.Text)
		}
		b.WriteString(strings.TrimRight(row.String(), " "))
		b.WriteByte('\n')
	}
	return b.String()
}

// characterSize returns how many octets the first character takes, with the marks that combine with it.
func characterSize(s string) int {
	_, size := utf8.DecodeRuneInString(s)
	for size < len(s) {
		_, next := utf8.DecodeRuneInString(s[size:])
		if text.Columns(s[size:size+next]) > 0 {
			break
		}
		size += next
	}
	return size
}
