package display

import (
	"io"
	"net/netip"
	"slices"

	"tcpprobe/internal/capture"
	"tcpprobe/internal/explain"
	"tcpprobe/internal/report"
	"tcpprobe/internal/stats"
	"tcpprobe/internal/terminal"
	"tcpprobe/probe"
)

// view is one way of showing handshakes with a target. Whether what it writes arrives, its Output remembers.
type view interface {
	event(r *probe.Result, e *probe.Event) // something has just happened
	result(r *probe.Result)                // a handshake has ended
	end(s *stats.Summary)                  // all have
}

// ladderView shows one handshake as a ladder of its packets.
type ladderView struct {
	w      io.Writer
	style  report.Style
	ladder *report.Ladder // nil before the first event
}

func (v *ladderView) current() *report.Ladder {
	if v.ladder == nil {
		v.ladder = report.NewLadder(v.w, v.style)
	}
	return v.ladder
}

func (v *ladderView) event(r *probe.Result, e *probe.Event) { v.current().Event(r, e) }

func (v *ladderView) result(r *probe.Result) {
	v.current().Verdict(r)
	v.ladder = nil // the next handshake has one of its own
}

func (v *ladderView) end(*stats.Summary) {}

// lessonView explains every packet, and then has the verdict of the ladder.
type lessonView struct {
	w         io.Writer
	style     report.Style
	checksums bool
	lesson    *explain.Lesson // nil before the first event
}

func (v *lessonView) current() *explain.Lesson {
	if v.lesson == nil {
		v.lesson = explain.New(v.w, v.style, v.checksums)
	}
	return v.lesson
}

func (v *lessonView) event(r *probe.Result, e *probe.Event) { v.current().Event(r, e) }

func (v *lessonView) result(r *probe.Result) {
	v.current().Verdict(r)
	v.lesson = nil
	report.NewLadder(v.w, v.style).Verdict(r)
}

func (v *lessonView) end(*stats.Summary) {}

// whole explains a handshake that has ended.
func (v *lessonView) whole(r *probe.Result) {
	for i := range r.Events {
		v.event(r, &r.Events[i])
	}
	v.result(r)
}

// seriesView shows many handshakes, a line each, and on a terminal their times as bars below.
type seriesView struct {
	w      io.Writer
	series *report.Series
	bars   *report.Sparkline // nil without a terminal
	named  []netip.Addr      // the addresses that headers named
}

// newSeriesView returns a view of a series, whose lines and whose bars are written to two outputs, which may be one.
func newSeriesView(w, lines io.Writer, s report.Style, bars bool) *seriesView {
	v := &seriesView{w: w, series: report.NewSeries(lines, s)}
	if bars {
		v.bars = report.NewSparkline(w, s)
	}
	return v
}

// event shows the header as soon as the route is known: a target may be silent for a while.
func (v *seriesView) event(r *probe.Result, e *probe.Event) {
	if e.Kind == probe.EventRouteFound {
		v.header(r)
	}
}

func (v *seriesView) result(r *probe.Result) {
	if r.Outcome == probe.OutcomeInterrupted {
		return
	}
	if v.bars != nil {
		v.bars.Erase()
	}
	v.header(r)
	v.series.Line(r)
	if v.bars != nil {
		v.bars.Add(r)
		v.bars.Draw(terminal.Width(v.w))
	}
}

// header shows the header for an address that has none yet.
func (v *seriesView) header(r *probe.Result) {
	if r.Route == nil || slices.Contains(v.named, r.Address) {
		return
	}
	if v.bars != nil {
		v.bars.Erase()
	}
	v.named = append(v.named, r.Address)
	v.series.Header(r)
}

func (v *seriesView) end(s *stats.Summary) {
	if v.bars != nil {
		v.bars.Erase()
	}
	v.series.Summary(s)
}

// verdictView shows of each handshake the verdict alone.
type verdictView struct{ *report.Verdicts }

func (v verdictView) event(*probe.Result, *probe.Event) {}
func (v verdictView) result(r *probe.Result)            { v.Verdict(r) }
func (v verdictView) end(*stats.Summary)                {}

// jsonView writes an object for every handshake, and one for all of them.
type jsonView struct{ *report.JSON }

func (v jsonView) event(*probe.Result, *probe.Event) {}

func (v jsonView) result(r *probe.Result) {
	if r.Outcome != probe.OutcomeInterrupted {
		v.Probe(r)
	}
}

func (v jsonView) end(s *stats.Summary) { v.Summary(s) }

// captureView writes the packets into a file.
type captureView struct{ *capture.Writer }

func (v captureView) event(r *probe.Result, e *probe.Event) { v.Event(r, e) }
func (v captureView) result(r *probe.Result)                { v.Result(r) }
func (v captureView) end(*stats.Summary)                    {}

// finalView shows a handshake once it has ended.
type finalView func(r *probe.Result)

func (v finalView) event(*probe.Result, *probe.Event) {}
func (v finalView) result(r *probe.Result)            { v(r) }
func (v finalView) end(*stats.Summary)                {}
