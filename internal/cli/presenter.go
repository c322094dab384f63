//go:build linux

package cli

import (
	"io"
	"sync"

	"tcpprobe/internal/report"
	"tcpprobe/internal/stats"
	"tcpprobe/internal/terminal"
	"tcpprobe/internal/text"
	"tcpprobe/probe"
)

// presenter shows what becomes of one target, in one or several views.
type presenter struct {
	views   []view
	stop    func() // called after everything that was shown: it may end the run
	page    *page  // that the target has for itself; nil if it has none
	courses int    // that are not over
	number  int    // of the target, in the order in which they were taken on

	mu      sync.Mutex
	summary *stats.Summary // nil if nobody wants it
}

// event shows something that has just happened.
func (p *presenter) event(r *probe.Result, e *probe.Event) {
	for _, v := range p.views {
		v.event(r, e)
	}
	p.stop()
}

// result shows how a handshake ended.
func (p *presenter) result(r *probe.Result) {
	if r.Outcome != probe.OutcomeInterrupted && p.summary != nil {
		p.mu.Lock()
		p.summary.Add(r)
		p.mu.Unlock()
	}
	for _, v := range p.views {
		v.result(r)
	}
	p.stop()
}

// interim returns a line about what is known so far.
func (p *presenter) interim() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return report.NewSeries(io.Discard, report.Style{}).Interim(p.summary)
}

// end checks what is asserted, and shows and returns the statistics.
func (p *presenter) end(assertions []stats.Assertion) *stats.Summary {
	p.summary.Check(assertions)
	for _, v := range p.views {
		v.end(p.summary)
	}
	return p.summary
}

// styleOf returns how text is to look on the output that there is.
func styleOf(w io.Writer, o options) report.Style {
	return report.Style{Style: text.Style{Color: terminal.Color(w, o.color), UTF8: terminal.UTF8()}, Verbose: o.verbose, Quiet: o.quiet}
}
