package display

import (
	"fmt"
	"io"
	"maps"
	"net/netip"
	"slices"
	"sync"
	"time"

	"tcpprobe/internal/diagram"
	"tcpprobe/internal/exit"
	"tcpprobe/internal/prober"
	"tcpprobe/internal/report"
	"tcpprobe/internal/stats"
	"tcpprobe/internal/target"
	"tcpprobe/internal/text"
	"tcpprobe/probe"
)

// Options say how the targets of a run are shown.
type Options struct {
	JSON       bool
	Brief      bool // JSON without segments
	Mermaid    bool
	Explain    bool
	Checksums  bool // explained too
	Assertions []stats.Assertion
	FailOn     []probe.Finding
	Require    exit.Requirement
	Wanted     func(*probe.Result) bool // handshakes to be shown; nil for all
	Deadline   time.Time                // when the run ends by itself; zero if it does not
	Timestamps bool                     // the time of day stands in front of each line
	Silent     bool                     // nothing is shown of a run that has not failed
	Style      report.Style
	Bars       bool // the times of an only target are shown as bars, too
	Named      bool // targets were named in a file, and are shown by their verdicts alone
	Resumable  bool // the targets are told which of them are done

	// Permit says of addresses whether they may be probed; nil for all.
	Permit func(a netip.Addr, own bool) error
}

// MostShown is how many targets of a run are shown one by one. More are shown by their verdicts alone.
const MostShown = 16

// manyOvertake is how many handshakes of one of many targets may overtake another, with the longest outage and the jitter
// still exact.
const manyOvertake = 128

// words returns the writer for text that knows no style.
func (o Options) words(w io.Writer) io.Writer {
	if o.Style.UTF8 {
		return w
	}
	return text.ASCIIWriter(w)
}

// Display shows what becomes of the targets of a run. It is the source of their requests, each with its observer.
type Display struct {
	options Options
	targets *target.List
	spec    *prober.Spec
	queue   *Queue
	out     io.Writer // for what is shown: stdout, or held
	held    *held     // nil unless it is held
	stdout  *Output
	stderr  *Output
	files   *Files
	stop    func() // ends the run
	total   *total
	many    bool // targets are shown by their verdicts alone
	bars    bool // times are shown as bars, too

	mu    sync.Mutex
	taken int                // targets
	open  map[*observer]bool // of targets that are not over, unless they are shown by their verdicts alone
	free  []*observer        // for verdicts
	pages pages
}

// New returns a Display of the targets. It calls stop when there is nobody to go on for.
func New(o Options, targets *target.List, spec *prober.Spec, stdout, stderr *Output, files *Files, stop func()) *Display {
	o.Style.Address = spec.All
	d := &Display{
		options: o, targets: targets, spec: spec, queue: stdout.queue, stdout: stdout, out: stdout, stderr: stderr, files: files, stop: stop,
		total: newTotal(nameOf(targets), o.FailOn), open: make(map[*observer]bool),
		many: targets.Len() > MostShown || o.Named,
		bars: o.Bars && targets.Len() == 1 && !spec.All && !o.Style.Quiet,
	}
	if o.Silent && o.Require != exit.All { // or else what is wanted is what fails the run
		d.held = new(held)
		d.out = d.held
	}
	d.pages = pages{w: d.out, blank: !o.Style.Quiet}
	return d
}

// nameOf returns what all targets are called together.
func nameOf(targets *target.List) string {
	if targets.Len() == 1 {
		return targets.Argument()
	}
	return text.Count(targets.Len(), "target")
}

// Next returns the request for the next target.
func (d *Display) Next() (prober.Request, bool) {
	t, place, ok := d.targets.Take()
	if !ok {
		return prober.Request{}, false
	}
	request := prober.Request{Target: t, Spec: d.spec, Observer: d.observe(t), Permit: d.options.Permit}
	if d.options.Resumable {
		request.Observer = &doneObserver{Observer: request.Observer, done: func() { d.targets.Done(place) }}
	}
	return request, true
}

// Progress returns a line about how far the run has come.
func (d *Display) Progress() string { return d.total.progress(d.targets.Len()) }

// observe returns who shows what becomes of a target.
func (d *Display) observe(t target.Target) *observer {
	d.mu.Lock()
	defer d.mu.Unlock()
	o := d.options
	once := d.spec.Count == 1
	alone := d.many && once && !o.JSON && !o.Explain && !o.Mermaid // the verdicts
	if alone && len(o.Assertions) == 0 {
		return d.verdicts()
	}
	shown := &observer{display: d, summaries: newSummaries(d.spec.All, func() *stats.Summary {
		sum := stats.NewSummary(t.Text)
		if d.many {
			sum.Expect(manyOvertake)
		}
		return sum
	})}
	if alone {
		shown.views = d.verdicts().views
		return shown
	}
	var main view
	switch {
	case o.JSON || !once:
		main = d.ofWanted(d.mainView(d.out))
	case o.Wanted != nil:
		main = d.ofWanted(finalView(d.whole))
	default:
		main = d.newBlocks(d.mainView)
	}
	shown.views = append([]view{main}, d.files.views()...)
	d.taken++
	shown.number = d.taken
	d.open[shown] = true
	return shown
}

// mainView returns the view of the results that is asked for.
func (d *Display) mainView(w io.Writer) view {
	o := d.options
	switch {
	case o.JSON:
		if o.Brief {
			return jsonView{report.NewBriefJSON(w)}
		}
		return jsonView{report.NewJSON(w)}
	case o.Mermaid:
		w = o.words(w)
		return finalView(func(r *probe.Result) { diagram.Mermaid(w, diagram.Handshake(r)) })
	case o.Explain:
		lesson := &lessonView{w: w, style: o.Style, checksums: o.Checksums}
		if d.spec.Count != 1 {
			return finalView(lesson.whole) // while it lasts, the next one may begin
		}
		return lesson
	case d.spec.Count == 1:
		return &ladderView{w: o.Stamp(w), style: o.Style}
	}
	style := o.Style
	style.Target = d.targets.Len() > 1
	return newSeriesView(w, o.Stamp(w), style, d.bars)
}

// verdicts returns an observer of one of many targets, of which nothing is said but the verdict.
func (d *Display) verdicts() *observer {
	if last := len(d.free) - 1; last >= 0 {
		o := d.free[last]
		d.free = d.free[:last]
		return o
	}
	lines := verdictView{report.NewVerdicts(d.options.Stamp(d.out), d.options.Style)}
	return &observer{display: d, views: append([]view{d.ofWanted(lines)}, d.files.views()...)}
}

// stopIfUnread ends the run if there is nobody to go on for.
func (d *Display) stopIfUnread() {
	if d.queue.Failed() {
		d.stop()
	}
}

// over shows the statistics of a target that is over.
func (d *Display) over(o *observer) {
	if o.summaries == nil {
		d.mu.Lock()
		defer d.mu.Unlock()
		d.free = append(d.free, o)
		return
	}
	for _, sum := range o.end(d.options.Assertions) {
		d.total.check(d.stderr, sum, d.spec.All)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.open, o)
}

// End shows what there is to be said in the end, when the run is over: of the targets that were broken off, and of all
// together. drops is how many frames found no room on their way in.
func (d *Display) End(drops int) {
	for _, o := range slices.SortedFunc(maps.Keys(d.open), func(a, b *observer) int { return a.number - b.number }) {
		d.over(o)
	}
	d.total.tellFound(d.stderr)
	all := d.total.report(d.targets.Len(), d.targets.Remaining(), drops)
	d.tellUnfinished(all)
	switch o := d.options; {
	case all.Targets == 1:
	case o.Silent && d.Verdict() == nil:
	case o.JSON:
		report.NewJSON(d.out).Total(all)
	case d.many && (!o.Style.Quiet || d.spec.Count != 1) && !o.Explain && !o.Mermaid:
		report.NewSeries(o.Stamp(d.out), o.Style).Total(all)
	}
	if d.held != nil && d.Verdict() != nil {
		d.held.show(d.stdout)
	}
}

// tellUnfinished writes a line about the handshakes that the deadline has left undone, if there are any: without them the run is
// not what was asked for.
func (d *Display) tellUnfinished(all report.Total) {
	if d.options.Deadline.IsZero() || time.Now().Before(d.options.Deadline) {
		return
	}
	n := all.NotBegun
	switch {
	case d.spec.All:
		n += all.Broken
	case d.spec.Count > 0:
		n = all.Targets*d.spec.Count - all.Sent
	}
	if n > 0 {
		d.total.unfinished(n)
		fmt.Fprintf(d.stderr, "tcpprobe: the time was over before %s had ended\n", text.Count(n, "handshake"))
	}
}

// Interim returns a line about what is known so far.
func (d *Display) Interim() string { return d.total.interim() }

// Verdict returns the exit code of the run, for what is required of it.
func (d *Display) Verdict() error { return d.total.verdict(d.options.Require) }
