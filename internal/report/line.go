package report

import (
	"io"
	"strings"

	"tcpprobe/internal/text"
	"tcpprobe/probe"
)

// Line is what the ladder says of an event, without its columns: for renderers that set it in another way. It is
// printable.
type Line struct {
	At       string   // milliseconds since the start: "13.874"
	Protocol string   // "DNS", "IP", "ARP", "TCP" or "ICMP"
	Texts    []string // the first for itself, such as "SYN,ACK [010010]"; each of those after it adds something
	Step     string   // how long the step took that ends with the event: "11.573 ms"; empty if none does
}

// Lines puts the events of one result into words, in their order.
type Lines struct{ ladder *Ladder }

// NewLines returns Lines for a result.
func NewLines() *Lines { return &Lines{NewLadder(nil, Style{Style: text.Style{UTF8: true}})} }

// Event puts the next event of the result, which may be unfinished, into words.
func (l *Lines) Event(r *probe.Result, e *probe.Event) Line {
	row := l.ladder.tell(r, e)
	for i, part := range row.texts {
		row.texts[i] = strings.Join(strings.Fields(part), " ")
	}
	line := Line{At: text.Milliseconds(row.at), Protocol: row.protocol, Texts: row.texts}
	if row.step > 0 {
		line.Step = text.Milliseconds(row.step) + " ms"
	}
	return line
}

// quietly returns what a renderer writes where the verdict alone is wanted: one line, without its end.
func quietly(render func(io.Writer, Style) error) string {
	var b strings.Builder // which takes everything
	render(&b, Style{Style: text.Style{UTF8: true}, Quiet: true, OneLine: true})
	return strings.TrimSuffix(b.String(), "\n")
}

// Verdict returns the verdict of a result in one line, as the ladder ends with it.
func Verdict(r *probe.Result) string {
	return quietly(func(w io.Writer, s Style) error {
		p := newPage(w, s)
		p.verdict(r)
		return p.Flush()
	})
}
