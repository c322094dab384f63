package report

import (
	"io"
	"strings"

	"tcpprobe/internal/text"
)

// Style is how results are to be told.
type Style struct {
	text.Style
	Verbose bool // what the headers and options say, under each packet
	Quiet   bool // the verdicts alone, of a series the statistics
	OneLine bool // verdicts in one line, however long, for those who set it in another way
	Target  bool // lines of a series say which target they are about
	Address bool // lines of a series say which address of it, if one is known
}

// page is where text is set before it is written.
type page struct {
	text.Page
	style Style
}

// newPage returns an empty page that is written to w.
func newPage(w io.Writer, s Style) page { return page{text.NewPage(w, s.Style), s} }

// verdictLines adds lines that begin with the word of an outcome, in its color.
func (p *page) verdictLines(c text.Color, word string, lines ...string) {
	p.Line(p.Paint(c, word) + strings.TrimPrefix(lines[0], word))
	p.Line(lines[1:]...)
}

// listed appends a comma to all words but the last.
func listed(words []string) []string {
	for i := range len(words) - 1 {
		words[i] += ","
	}
	return words
}
