//go:build linux

package main

import (
	"io"
	"os"
	"strings"
	"sync"

	"github.com/urfave/cli/v2"
	"golang.org/x/sys/unix"

	"tcpprobe/internal/report"
	"tcpprobe/probe"
)

// presenter shows what becomes of one target: as a ladder if there is one handshake, as lines and statistics if there
// are many, as JSON if that is asked for. Errors of the output are remembered by the output.
type presenter struct {
	newLadder func() *report.Ladder
	ladder    *report.Ladder
	series    *report.Series
	json      *report.JSON

	mu      sync.Mutex
	summary *probe.Summary
	begun   bool // the header of the series was printed
}

func newPresenter(w io.Writer, o options, s report.Style, t target) *presenter {
	p := &presenter{summary: probe.NewSummary(t.text)}
	switch {
	case o.json:
		p.json = report.NewJSON(w)
	case o.count == 1:
		p.newLadder = func() *report.Ladder { return report.NewLadder(w, s) }
		p.ladder = p.newLadder()
	default:
		p.series = report.NewSeries(w, s)
	}
	return p
}

// event shows something that has just happened.
func (p *presenter) event(r *probe.Result, e *probe.Event) {
	if p.ladder != nil {
		p.ladder.Event(r, e)
	}
}

// result shows how a handshake ended. One that was broken off is shown only where it is the only one.
func (p *presenter) result(r *probe.Result) {
	if r.Outcome != probe.Interrupted {
		p.mu.Lock()
		p.summary.Add(r)
		p.mu.Unlock()
	}
	switch {
	case p.ladder != nil:
		p.ladder.Verdict(r)
		p.ladder = p.newLadder() // the next address has one of its own
	case r.Outcome == probe.Interrupted:
	case p.json != nil:
		p.json.Probe(r)
	default:
		if !p.begun && r.Route != nil {
			p.series.Header(r)
			p.begun = true
		}
		p.series.Line(r)
	}
}

// interim returns a line about what is known so far.
func (p *presenter) interim() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return report.NewSeries(io.Discard, report.Style{}).Interim(p.summary)
}

// end shows the statistics.
func (p *presenter) end() {
	switch {
	case p.json != nil:
		p.json.Summary(p.summary)
	case p.series != nil:
		p.series.Summary(p.summary)
	}
}

// styleOf returns how text is to look on the output that there is.
func styleOf(c *cli.Context, o options) report.Style {
	color := o.color == "always"
	if o.color == "auto" {
		color = isTerminal(c.App.Writer) && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb"
	}
	return report.Style{Color: color, UTF8: speaksUTF8(), Verbose: o.verbose, Quiet: o.quiet}
}

// speaksUTF8 reports whether the locale's character set is UTF-8 (POSIX, Internationalization Variables).
func speaksUTF8() bool {
	for _, name := range []string{"LC_ALL", "LC_CTYPE", "LANG"} {
		if value := os.Getenv(name); value != "" {
			value = strings.ToUpper(value)
			return strings.Contains(value, "UTF-8") || strings.Contains(value, "UTF8")
		}
	}
	return false
}

// isTerminal reports whether what is written is seen on a terminal.
func isTerminal(w io.Writer) bool {
	if o, ok := w.(*output); ok {
		w = o.w
	}
	f, ok := w.(*os.File)
	if !ok {
		return false
	}
	_, err := unix.IoctlGetTermios(int(f.Fd()), unix.TCGETS)
	return err == nil
}
