package text

import (
	"io"
	"strings"
)

// Page collects lines and writes them at once.
type Page struct {
	Style
	w     io.Writer
	lines strings.Builder
}

// NewPage returns an empty Page that writes to w.
func NewPage(w io.Writer, s Style) Page { return Page{Style: s, w: w} }

// Line adds lines.
func (p *Page) Line(lines ...string) {
	for _, line := range lines {
		p.lines.WriteString(line)
		p.lines.WriteByte('\n')
	}
}

// Paragraph adds words, each of which stays in one line. The first line begins with the given text, the others are
// indented.
func (p *Page) Paragraph(begin string, indent int, words []string) {
	p.Line(Fill(begin, indent, 1, words)...)
}

// Flush writes the lines in one piece, unless there are none. The error is the writer's.
func (p *Page) Flush() error {
	s := p.lines.String()
	p.lines.Reset()
	if s == "" {
		return nil
	}
	_, err := io.WriteString(p.w, s)
	return err
}
