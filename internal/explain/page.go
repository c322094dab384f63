package explain

import (
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"tcpprobe/internal/report"
	"tcpprobe/internal/stamp"
	"tcpprobe/probe"
)

// width is how many columns a line may take.
const width = 80

// page collects lines and writes them at once.
type page struct {
	w     io.Writer
	style report.Style
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
	_, err := io.WriteString(p.w, s)
	return err
}

// prose adds a paragraph. Sentences that are empty are left out.
func (p *page) prose(sentences ...string) {
	for _, line := range wrap(strings.Join(sentences, " "), width) {
		p.line(line)
	}
}

// direction is which way a packet went.
type direction uint8

const (
	nowhere direction = iota
	out
	in
	silence
)

// arrow returns the three columns that say which way.
func (p *page) arrow(d direction) string {
	switch d {
	case out:
		return p.glyph("──▶", "-->")
	case in:
		return p.glyph("◀──", "<--")
	case silence:
		return p.glyph(" ✗ ", " x ")
	}
	return "   "
}

// headline adds the line that begins the explanation of an event: time, protocol, direction and name.
func (p *page) headline(r *probe.Result, e *probe.Event, protocol string, d direction, name string) {
	at := time.Duration(0) // of what was never sent
	if !r.Start.IsZero() && !e.At.IsZero() {
		at, _ = stamp.Between(r.Start, e.At)
	}
	begin := fmt.Sprintf("%9s ms  %-4s %s  ", ms(at), protocol, p.arrow(d))
	c := bold
	if d == silence {
		c = red
	}
	for i, line := range wrap(name, width-utf8.RuneCountInString(begin)) {
		if i > 0 {
			begin = strings.Repeat(" ", utf8.RuneCountInString(begin))
		}
		p.line(p.paint(c, begin+line))
	}
}

// text returns a string of others so that it can be printed.
func (p *page) text(s string) string {
	s = report.Printable(s)
	if p.style.UTF8 {
		return s
	}
	var b strings.Builder
	for _, r := range s {
		if r < utf8.RuneSelf {
			b.WriteRune(r)
		} else {
			b.WriteString(strings.Trim(strconv.QuoteRuneToASCII(r), "'"))
		}
	}
	return b.String()
}

// glyph returns one or the other spelling of the same thing.
func (p *page) glyph(utf8, ascii string) string {
	if p.style.UTF8 {
		return utf8
	}
	return ascii
}

// A color is what Select Graphic Rendition (ECMA-48) calls for.
type color string

const (
	plain color = ""
	bold  color = "1"
	dim   color = "2"
	red   color = "31"
	green color = "32"
)

// paint colors s, if the style asks for it.
func (p *page) paint(c color, s string) string {
	if !p.style.Color || s == "" || c == plain {
		return s
	}
	return "\x1b[" + string(c) + "m" + s + "\x1b[0m"
}

// wrap breaks text into lines of at most so many columns, between words, or within those that are longer than a line.
func wrap(text string, columns int) []string {
	var lines []string
	line, used := "", 0
	for word := range strings.FieldsSeq(text) {
		n := utf8.RuneCountInString(word)
		switch {
		case used == 0:
		case used+1+n <= columns:
			line += " "
			used++
		default:
			lines = append(lines, line)
			line, used = "", 0
		}
		for ; used+n > columns; n -= columns {
			letters := []rune(word)
			lines = append(lines, string(letters[:columns]))
			word = string(letters[columns:])
		}
		line += word
		used += n
	}
	if used > 0 {
		lines = append(lines, line)
	}
	return lines
}

// ms writes a duration in milliseconds with three decimals: "11.573".
func ms(d time.Duration) string {
	return strconv.FormatFloat(float64(d)/float64(time.Millisecond), 'f', 3, 64)
}

// seconds writes a duration in seconds without zeros at the end: "2.998 s", "1 s".
func seconds(d time.Duration) string {
	return strconv.FormatFloat(d.Round(time.Millisecond).Seconds(), 'f', -1, 64) + " s"
}

// count writes a number of things: "1 octet", "2 octets".
func count(n int, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	return fmt.Sprintf("%d %ss", n, thing)
}
