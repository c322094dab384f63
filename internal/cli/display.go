//go:build linux

package cli

import (
	"io"
	"maps"
	"slices"
	"sync"

	"tcpprobe/internal/diagram"
	"tcpprobe/internal/report"
	"tcpprobe/internal/stats"
	"tcpprobe/internal/target"
	"tcpprobe/internal/terminal"
	"tcpprobe/probe"
)

// manyOvertake is how many handshakes of one of many targets may overtake another, with the longest outage and the jitter
// still exact.
const manyOvertake = 256

// display is where what becomes of the targets of a run is shown. Lanes share it.
type display struct {
	run    *campaign
	files  *artifacts
	stderr io.Writer
	style  report.Style
	many   bool // targets are shown by their verdicts alone
	bars   bool // times are shown as bars, too

	mu    sync.Mutex
	taken int                 // targets
	open  map[*presenter]bool // of targets that are not over, unless they are shown by their verdicts alone
	free  []*presenter        // for verdicts
	pages []*page             // of those that are shown one below the other
	begun bool                // there was a page
}

func newDisplay(c *campaign, stdout, stderr io.Writer, files *artifacts) *display {
	return &display{
		run: c, files: files, stderr: stderr, open: make(map[*presenter]bool), style: styleOf(stdout, c.o),
		many: c.targets.Len() > manyTargets || c.o.targets != "",
		bars: c.targets.Len() == 1 && terminal.MovesCursor(stdout) && !c.o.quiet,
	}
}

// mainView returns the view of the results that the flags ask for.
func (s *display) mainView(w io.Writer) view {
	o, style := s.run.o, s.style
	switch {
	case o.json:
		return jsonView{report.NewJSON(w)}
	case o.output == "mermaid":
		return finalView(func(r *probe.Result) { diagram.Mermaid(w, diagram.Handshake(r)) })
	case o.explain:
		lesson := &lessonView{w: w, style: style, checksums: o.checksums}
		if o.count != 1 {
			return finalView(lesson.whole) // while it lasts, the next one may begin
		}
		return lesson
	case o.count == 1:
		return &ladderView{w: w, style: style}
	}
	style.Target, style.Address = s.run.targets.Len() > 1 || o.all, o.all
	return newSeriesView(w, style, s.bars)
}

// present returns who shows what becomes of a target.
func (s *display) present(t target.Target) *presenter {
	s.mu.Lock()
	defer s.mu.Unlock()
	o := s.run.o
	alone := s.many && o.count == 1 && !o.json && !o.explain && o.output == "text" // the verdicts
	if alone && len(o.assertions) == 0 {
		return s.verdicts()
	}
	p := &presenter{summary: stats.NewSummary(t.Text), stop: s.stopIfUnread}
	if s.many {
		p.summary.Expect(manyOvertake)
	}
	if alone {
		p.views = s.verdicts().views
		return p
	}
	var main view
	if o.json || o.count != 1 {
		main = s.mainView(s.run.out)
	} else {
		p.page = s.newPage()
		main = s.mainView(p.page)
	}
	p.views = append([]view{main}, s.files.views...)
	s.taken++
	p.number = s.taken
	s.open[p] = true
	return p
}

// verdicts returns a presenter for one of many targets, of which nothing is said but the verdict.
func (s *display) verdicts() *presenter {
	if last := len(s.free) - 1; last >= 0 {
		p := s.free[last]
		s.free = s.free[:last]
		return p
	}
	lines := verdictView{report.NewVerdicts(s.run.out, s.style)}
	return &presenter{views: append([]view{lines}, s.files.views...), stop: s.stopIfUnread}
}

// stopIfUnread ends the run if there is nobody to go on for.
func (s *display) stopIfUnread() {
	if s.run.out.Failed() || s.files.failed() {
		s.run.stop()
	}
}

// over takes note that a target is over.
func (s *display) over(p *presenter) {
	if p.summary == nil {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.free = append(s.free, p)
		return
	}
	sum := p.end(s.run.o.assertions)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.run.check(s.stderr, sum)
	delete(s.open, p)
	s.turnPage(p.page)
}

// end shows what there is to be said in the end: of the targets that were broken off, and of all together.
func (s *display) end() {
	for _, p := range slices.SortedFunc(maps.Keys(s.open), func(a, b *presenter) int { return a.number - b.number }) {
		s.over(p)
	}
	total := s.run.total()
	switch {
	case total.Targets == 1:
	case s.run.o.json:
		report.NewJSON(s.run.out).Total(total)
	case s.many && !s.run.o.quiet && !s.run.o.explain && s.run.o.output == "text":
		report.NewSeries(s.run.out, s.style).Total(total)
	}
}

// interim returns a line about the only target.
func (s *display) interim() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.run.targets.Len() != 1 || len(s.open) != 1 {
		return ""
	}
	for p := range s.open {
		return p.interim()
	}
	return ""
}

// page is the output for one target of several that are shown one below the other. What is said of a target before its
// turn has come is kept until then.
type page struct {
	w    io.Writer
	kept []byte
	turn bool
	over bool
}

func (p *page) Write(b []byte) (int, error) {
	if p.turn {
		return p.w.Write(b)
	}
	p.kept = append(p.kept, b...)
	return len(b), nil
}

// newPage returns the page after those that there are.
func (s *display) newPage() *page {
	p := &page{w: s.run.out, turn: len(s.pages) == 0}
	if s.begun && !s.style.Quiet {
		p.kept = []byte{'\n'}
	}
	s.begun = true
	s.pages = append(s.pages, p)
	if p.turn {
		s.give(p)
	}
	return p
}

// give gives a page its turn.
func (s *display) give(p *page) {
	p.turn = true
	p.w.Write(p.kept) // which remembers that it failed
	p.kept = nil
}

// turnPage closes a page, and gives the turn to the next that is not complete.
func (s *display) turnPage(closed *page) {
	if closed == nil {
		return
	}
	closed.over = true
	for len(s.pages) > 0 && s.pages[0].over {
		s.pages = s.pages[1:]
		if len(s.pages) > 0 {
			s.give(s.pages[0])
		}
	}
}
