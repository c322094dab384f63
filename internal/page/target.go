package page

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"tcpprobe/internal/monitor"
	"tcpprobe/internal/report"
	"tcpprobe/internal/text"
	"tcpprobe/internal/trace"
)

// Detail is what there is to say of one target.
type Detail struct {
	Now      time.Time // by both clocks
	Target   monitor.Snapshot
	Trend    []monitor.Stretch  // of the last day
	Failures []monitor.Evidence // of the target, the latest first: those that are kept
	Trace    *trace.Trace       // the last one; nil if there is none
	Traced   time.Time          // when that was
	Tracing  bool               // it goes on
	MayTrace bool               // one may be asked for
}

// Target renders the page of one target.
func (r *Renderer) Target(d Detail) ([]byte, error) {
	return r.render("target.html", r.detail(d))
}

// detail is what the template of a target takes. What is not known is empty.
type detail struct {
	frame
	Now      time.Time
	Target   monitor.Snapshot
	State    state
	Checks   checksRow
	Outage   string
	Figures  []figure
	Graphs   []*graph
	Outages  []outageLine // the latest first
	Failures []entry
	Failure  *handshake // the last one
	Trace    string
	Traced   time.Time
	Tracing  bool
	MayTrace bool
}

// figure is a number by its name.
type figure struct{ Name, Value, Unit string }

// graph is the smoke with its scales, and the same in figures.
type graph struct {
	smoke
	Title    string
	Scale    []string // from the top down
	From, To time.Time
	Length   time.Duration
	HalfWay  time.Time
	Lines    []string // data of paths: the lines of the scale
	Strip    string   // of outages, over the same time
	Buckets  []monitor.Stretch
}

// outageLine is an outage in words.
type outageLine struct {
	monitor.Outage
	Open     bool
	Evidence string // ID of what is kept of its first handshake; empty if nothing is
}

// The smoke of a target's page.
const (
	graphStretches = 60
	graphStep      = 12
	graphHeight    = 200
	graphFailures  = 24
)

func (r *Renderer) detail(d Detail) *detail {
	t := &d.Target
	v := &detail{
		frame: r.frame(text.Printable(t.Name)+" – tcpprobe", "../", "target"), Now: d.Now, Target: d.Target, State: stateOf(&t.Figures),
		Checks: newChecksRow(t.Checks), Figures: figures(t), Failures: entriesOf(d.Failures), Traced: d.Traced, Tracing: d.Tracing, MayTrace: d.MayTrace,
	}
	if !t.OutageStart.IsZero() {
		v.Outage = span(d.Now.Sub(t.OutageStart))
	}
	if len(t.Checks) > 0 {
		from, length, n := stretches(t.Checks, d.Now, graphStretches)
		v.Graphs = append(v.Graphs, newGraph("The latest "+text.Count(len(t.Checks), "handshake"), bucketize(t.Checks, from, length, n), length, t.Latest))
	}
	if len(d.Trend) > 1 {
		v.Graphs = append(v.Graphs, newGraph("The last day", day(d.Trend), monitor.TrendLength, t.Latest))
	}
	for _, o := range slices.Backward(t.Latest) {
		line := outageLine{Outage: o, Open: o.End.IsZero()}
		if o.Evidence != 0 {
			line.Evidence = o.Evidence.String()
		}
		v.Outages = append(v.Outages, line)
	}
	if i := slices.IndexFunc(d.Failures, monitor.Evidence.Failed); i >= 0 {
		v.Failure = newHandshake(d.Failures[i])
	}
	if d.Trace != nil {
		var b strings.Builder // which takes everything
		report.Trace(&b, report.Style{Style: text.Style{UTF8: true}}, d.Trace)
		v.Trace = b.String()
	}
	return v
}

// figures are the numbers of a target: its round-trip times, and what it adds up to.
func figures(t *monitor.Snapshot) (all []figure) {
	if t.HasRTT {
		for _, f := range [...]struct {
			name  string
			value time.Duration
		}{{"min", t.RTT.Min}, {"p50", t.RTT.P50}, {"p90", t.RTT.P90}, {"p99", t.RTT.P99}, {"max", t.RTT.Max}, {"mean", t.RTT.Avg}, {"mdev", t.RTT.MDev}} {
			all = append(all, figure{f.name, ms(f.value), "ms"})
		}
	}
	if t.HasJitter {
		all = append(all, figure{"jitter", ms(t.Jitter), "ms"})
	}
	all = append(all, figure{"handshakes", grouped(int(t.Handshakes)), ""})
	if t.SYNs > 0 {
		all = append(all, figure{"SYNs lost", percent(t.Loss()), ""})
	}
	if t.Outages > 0 {
		all = append(all, figure{"outages", grouped(int(t.Outages)), ""}, figure{"longest outage", span(t.Longest.Duration), ""})
	}
	return all
}

// newGraph draws stretches of a length, and the outages beneath them.
func newGraph(title string, buckets []monitor.Stretch, length time.Duration, outages []monitor.Outage) *graph {
	g := &graph{Title: title, Buckets: buckets, From: buckets[0].From, Length: length}
	g.To = g.From.Add(time.Duration(len(buckets)) * length)
	g.HalfWay = g.From.Add(g.To.Sub(g.From) / 2)
	g.smoke = newSmoke(buckets, graphStep, graphHeight, graphFailures)
	for i := range 5 {
		g.Scale = append(g.Scale, ms(g.Top*time.Duration(4-i)/4))
		g.Lines = append(g.Lines, "M0 "+strconv.Itoa(1+i*(graphHeight-graphFailures-2)/4)+"h"+strconv.Itoa(g.Width))
	}
	g.Strip = timeline(outages, g.From, g.To)
	return g
}

// Filled returns the stretches in which something happened.
func (g *graph) Filled() (filled []monitor.Stretch) {
	for _, b := range g.Buckets {
		if b.Handshakes > 0 {
			filled = append(filled, b)
		}
	}
	return filled
}
