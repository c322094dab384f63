// Package report renders results: as a ladder of packets with a verdict for one handshake, as lines and statistics for
// many, and as JSON for programs.
//
// A renderer is a pure function of results and a Style. It reads no clock and no terminal, writes whole lines, and
// returns the errors of the writer. Text is at most 80 columns wide, whatever the values, with one rune to a column, and
// holds nothing of what was received or typed that is not printable.
package report

import (
	"io"
	"strings"
	"unicode/utf8"
)

// Style is how text is to look.
type Style struct {
	Color   bool // SGR sequences; they add to words that carry the meaning already
	UTF8    bool // arrows and other characters beyond ASCII
	Verbose bool // what the headers and options say, under each packet
	Quiet   bool // the verdicts alone
	Target  bool // lines of a series say which target they are about
	Address bool // lines of a series say which address of it, if one is known
}

// width is how many columns a line may take.
const width = 80

// page collects lines and writes them at once.
type page struct {
	w     io.Writer
	style Style
	lines strings.Builder
}

// line adds a line.
func (p *page) line(s string) {
	p.lines.WriteString(s)
	p.lines.WriteByte('\n')
}

// flush writes the lines.
func (p *page) flush() error {
	s := p.lines.String()
	p.lines.Reset()
	if s == "" {
		return nil
	}
	_, err := io.WriteString(p.w, s)
	return err
}

// paragraph adds words, each of which stays in one line. The first line begins with the given text, the others are
// indented.
func (p *page) paragraph(begin string, indent int, words []string) {
	line := begin
	for i, word := range words {
		word = p.shorten(word, width-indent)
		switch {
		case i == 0:
			line += word
		case columns(line)+1+columns(word) <= width:
			line += " " + word
		default:
			p.line(line)
			line = strings.Repeat(" ", indent) + word
		}
	}
	p.line(line)
}

// printable is Printable for the character set of the style.
func (p *page) printable(s string) string { return escape(s, p.style.UTF8) }

// glyph returns one or the other spelling of the same thing.
func (p *page) glyph(utf8, ascii string) string {
	if p.style.UTF8 {
		return utf8
	}
	return ascii
}

// shorten takes out of the middle of s what is more than n columns.
func (p *page) shorten(s string, n int) string {
	if columns(s) <= n {
		return s
	}
	dots := p.glyph("…", "...")
	keep := max(n-columns(dots), 0)
	r := []rune(s)
	return string(r[:(keep+1)/2]) + dots + string(r[len(r)-keep/2:])
}

// cut takes from the end of s what is more than n columns.
func (p *page) cut(s string, n int) string {
	if columns(s) <= n {
		return s
	}
	dots := p.glyph("…", "...")
	return string([]rune(s)[:max(n-columns(dots), 0)]) + dots
}

// columns returns how many columns s takes.
func columns(s string) int { return utf8.RuneCountInString(s) }

// padRight appends spaces to s up to n columns.
func padRight(s string, n int) string { return s + strings.Repeat(" ", max(n-columns(s), 0)) }

// padLeft puts spaces before s up to n columns.
func padLeft(s string, n int) string { return strings.Repeat(" ", max(n-columns(s), 0)) + s }

// A color is what Select Graphic Rendition (ECMA-48) calls for.
type color string

const (
	red    color = "31"
	green  color = "32"
	yellow color = "33"
	dim    color = "2"
)

// paint colors s, if the style asks for it.
func (p *page) paint(c color, s string) string {
	if !p.style.Color || s == "" {
		return s
	}
	return "\x1b[" + string(c) + "m" + s + "\x1b[0m"
}
