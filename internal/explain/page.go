package explain

import (
	"fmt"
	"io"
	"strings"
	"time"

	"tcpprobe/internal/report"
	"tcpprobe/internal/stamp"
	"tcpprobe/internal/text"
	"tcpprobe/probe"
)

// page is where text is set before it is written.
type page struct {
	text.Page
	quiet bool
}

// newPage returns an empty page that is written to w.
func newPage(w io.Writer, s report.Style) page { return page{text.NewPage(w, s.Style), s.Quiet} }

// prose adds a paragraph. Sentences that are empty are left out.
func (p *page) prose(sentences ...string) {
	p.Line(text.Wrap(strings.Join(sentences, " "), text.Width)...)
}

// headline adds the line that begins the explanation of an event: time, protocol, direction and name.
func (p *page) headline(r *probe.Result, e *probe.Event, protocol string, d text.Direction, name string) {
	at := time.Duration(0) // of what was never sent
	if !r.Start.IsZero() && !e.At.IsZero() {
		at, _ = stamp.Between(r.Start, e.At)
	}
	begin := fmt.Sprintf("%9s ms  %-4s %s  ", text.Milliseconds(at), protocol, p.Arrow(d))
	color := text.Bold
	if d == text.Silence {
		color = text.Red
	}
	for _, line := range text.Wrap(name, text.Width-text.Columns(begin)) {
		p.Line(p.Paint(color, begin+line))
		begin = text.PadRight("", text.Columns(begin))
	}
}

// sourced puts a source at the right edge of a line.
func (p *page) sourced(line, source string) string {
	return text.PadRight(line, text.Width-text.Columns(source)) + p.Paint(text.Dim, source)
}
