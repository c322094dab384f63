//go:build linux

package cli

import (
	"io"
	"os"
	"strings"
	"sync"

	"golang.org/x/sys/unix"

	"tcpprobe/internal/report"
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
	summary *probe.Summary // nil if nobody wants it
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
	if r.Outcome != probe.Interrupted && p.summary != nil {
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
func (p *presenter) end(assertions []probe.Assertion) *probe.Summary {
	p.summary.Check(assertions)
	for _, v := range p.views {
		v.end(p.summary)
	}
	return p.summary
}

// styleOf returns how text is to look on the output that there is.
func styleOf(w io.Writer, o options) report.Style {
	color := o.color == "always"
	if o.color == "auto" {
		color = isTerminal(w) && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb"
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
