package report

import (
	"io"
	"strings"

	"tcpprobe/internal/sends"
	"tcpprobe/internal/text"
	"tcpprobe/probe"
)

// Sends prints what became of a SYN in frames, by the kernel's IP and by connect(2): a line for each, and where they part. The
// first word of the verdict is the outcome of connect(2).
func Sends(w io.Writer, s Style, c *sends.Comparison) error {
	p := newPage(w, s)
	connect := c.Connect.Result
	if !s.Quiet {
		for _, way := range []sends.Way{c.Link, c.IP, c.Connect} {
			p.sendsRow(way)
		}
	}
	p.conclude(outcomeColor(connect.Outcome), outcomeWord(connect.Outcome), p.Printable(c.Target), 1, []string{"parts at " + string(c.PartsAt())})
	if !s.Quiet {
		p.Paragraph("  ", 2, strings.Fields(p.Printable(SendsSentence(c))))
		p.Paragraph("  evidence: ", 4, strings.Fields(p.Printable(strings.Join(c.Evidence(), "; "))))
	}
	return p.Flush()
}

// SendsSentence says where the ways part, as a sentence.
func SendsSentence(c *sends.Comparison) string {
	s := c.Sentence()
	if strings.HasPrefix(s, "connect(2)") { // which is a name
		return s + "."
	}
	return strings.ToUpper(s[:1]) + s[1:] + "."
}

// sendsRow adds the line of one way.
func (p *page) sendsRow(way sends.Way) {
	const nameColumns, outcomeColumns = 9, 13
	r := way.Result
	outcome := r.Outcome.String()
	what, gap := strings.Fields(text.Printable(explanation(r))), 1
	if r.Outcome == probe.OutcomeEstablished {
		what, gap = measurements(r), 2
	}
	head := text.PadRight(way.Name, nameColumns) + text.PadRight(outcome, outcomeColumns)
	lines := text.Fill(head, nameColumns+outcomeColumns, gap, what)
	lines[0] = strings.Replace(lines[0], outcome, p.Paint(outcomeColor(r.Outcome), outcome), 1)
	p.Line(lines...)
}
