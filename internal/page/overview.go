package page

import (
	"cmp"
	"slices"
	"time"

	"tcpprobe/internal/monitor"
)

// Overview is what there is to say of all targets.
type Overview struct {
	Now      time.Time // by both clocks
	Targets  []*monitor.Target
	Failures []monitor.Evidence // the latest first
	Probes   []monitor.Evidence // by /probe, the latest first
	Selection
}

// Overview renders the page of all targets.
func (r *Renderer) Overview(o Overview) ([]byte, error) {
	return r.render("overview.html", r.overview(o))
}

// overview is what the template of the overview takes.
type overview struct {
	frame
	Now              time.Time
	Headline         string
	Tone             string
	Down             []downTarget
	MoreDown         int // beyond these
	Targets          int // in all
	Selection        Selection
	Matching         int // of all targets, those that are selected
	Rows             []targetRow
	Shown            int // rows of the page, of which these may be a part
	Number, Pages    int // of the page, from 1, and how many there are
	Previous, Next   int // numbers of pages; 0 for none
	Outages          []outageRow
	OutagesFrom      time.Time
	Failures, Probes []entry
}

func (r *Renderer) overview(o Overview) *overview {
	figures := make([]monitor.Figures, len(o.Targets))
	for i, t := range o.Targets {
		figures[i] = t.Figures(o.Now)
	}
	v := &overview{
		frame: r.frame("tcpprobe", "", "overview"), Now: o.Now, Selection: o.Selection, Targets: len(o.Targets),
		Failures: entriesOf(o.Failures), Probes: entriesOf(o.Probes), OutagesFrom: o.Now.Add(-timelineReach),
	}
	v.summary(figures)
	v.table(o, figures)
	v.outages(o, figures)
	return v
}

// downTarget is a target that is down now.
type downTarget struct {
	Name string
	monitor.Check
	Since time.Time
	For   time.Duration
}

// maxDown is how many targets that are down are named above the table.
const maxDown = 20

// summary says how many targets are down, and which.
func (v *overview) summary(figures []monitor.Figures) {
	down, waiting := 0, 0
	for i := range figures {
		f := &figures[i]
		switch {
		case f.Handshakes == 0:
			waiting++
		case !f.Last.Up():
			if down++; down <= maxDown {
				d := downTarget{Name: f.Name, Check: f.Last, Since: f.Last.Time}
				if !f.OutageStart.IsZero() {
					d.Since = f.OutageStart
				}
				d.For = v.Now.Sub(d.Since)
				v.Down = append(v.Down, d)
			}
		}
	}
	v.MoreDown = max(down-maxDown, 0)
	v.Headline, v.Tone = headline(len(figures), down, waiting)
	if down > 0 {
		v.Title = "(" + grouped(down) + " down) tcpprobe"
	}
}

// headline says how the targets are, and the class of that.
func headline(targets, down, waiting int) (text, tone string) {
	switch {
	case targets == 0:
		return "No target is watched", "idle"
	case waiting == targets:
		return "No handshake has ended yet", "idle"
	case down == 0 && targets == 1:
		return "The target is up", "good"
	case down == 0 && waiting > 0:
		return grouped(targets-waiting) + " of " + grouped(targets) + " targets are up, none is down", "good"
	case down == 0:
		return "All " + grouped(targets) + " targets are up", "good"
	case targets == 1:
		return "The target is down", "bad"
	case down == 1:
		return "1 of " + grouped(targets) + " targets is down", "bad"
	}
	return grouped(down) + " of " + grouped(targets) + " targets are down", "bad"
}

// table makes the rows that are wanted.
func (v *overview) table(o Overview, figures []monitor.Figures) {
	chosen, all := o.Selection.choose(figures)
	v.Matching, v.Shown = all, len(chosen)
	v.Number, v.Pages = o.Page+1, max((all+pageRows-1)/pageRows, 1)
	if o.Page > 0 {
		v.Previous = min(o.Page, v.Pages)
	}
	if v.Number < v.Pages {
		v.Next = v.Number + 1
	}
	for i, target := range chosen {
		if o.Rows.contains(i) {
			v.Rows = append(v.Rows, newTargetRow(o.Targets[target].Snapshot(o.Now), o.Now))
		}
	}
}

// targetRow is a row of the table of targets. What is not known is empty.
type targetRow struct {
	Key, Name      string
	State          state
	Outcome        string
	Checks         checksRow
	Smoke          smoke
	Last, P50, P99 string
	Loss, Outage   string
}

// The smoke of a row: how many stretches at the most, their width, and the height of all, and of the failures at the foot.
const (
	rowStretches = 30
	rowStep      = 4
	rowSmoke     = 28
	rowFailures  = 6
)

func newTargetRow(s monitor.Snapshot, now time.Time) targetRow {
	row := targetRow{Key: segment(s.Name), Name: s.Name, State: stateOf(&s.Figures), Checks: newChecksRow(s.Checks)}
	if s.Handshakes == 0 {
		return row
	}
	row.Outcome = s.Last.Outcome.String()
	if s.Last.HasRTT {
		row.Last = ms(s.Last.RTT)
	}
	if s.HasRTT {
		row.P50, row.P99 = ms(s.RTT.P50), ms(s.RTT.P99)
	}
	if s.SYNs > 0 {
		row.Loss = percent(s.Loss())
	}
	if !s.OutageStart.IsZero() {
		row.Outage = span(now.Sub(s.OutageStart))
	}
	if len(s.Checks) > 0 {
		from, length, n := stretches(s.Checks, now, rowStretches)
		row.Smoke = newSmoke(bucketize(s.Checks, from, length, n), rowStep, rowSmoke, rowFailures)
	}
	return row
}

// state is how a target is, as a symbol, a word and a class.
type state struct{ Symbol, Word, Tone string }

func stateOf(f *monitor.Figures) state {
	switch {
	case f.Handshakes == 0:
		return state{"…", "waiting", "idle"}
	case f.Last.Up():
		return state{"✓", "up", "good"}
	}
	return state{"✗", "down", "bad"}
}

// outageRow is the outages of one target, in the timeline of all.
type outageRow struct {
	Name   string
	Strip  string // data of a path
	Count  int
	Total  time.Duration
	Latest monitor.Outage
	Down   bool
}

// The timeline of outages: how far back it reaches, how many targets it has at the most, and how many are looked at for that.
const (
	timelineReach = time.Hour
	maxTimelines  = 12
	maxCandidates = 100
)

// outages lines up the targets that were down lately, the longest first. Where very many were, those that are down now are
// looked at before others.
func (v *overview) outages(o Overview, figures []monitor.Figures) {
	var now, before []int
	for i := range figures {
		switch {
		case !figures[i].OutageStart.IsZero():
			now = append(now, i)
		case figures[i].Outages > 0:
			before = append(before, i)
		}
	}
	candidates := append(now, before...)
	for _, i := range candidates[:min(len(candidates), maxCandidates)] {
		s := o.Targets[i].Snapshot(o.Now)
		row := outageRow{Name: s.Name}
		for _, outage := range s.Latest {
			if from, to := within(outage, v.OutagesFrom, o.Now); to.After(from) {
				row.Count++
				row.Total += to.Sub(from)
				row.Latest = outage
			}
		}
		if row.Count > 0 {
			row.Strip = timeline(s.Latest, v.OutagesFrom, o.Now)
			row.Down = row.Latest.End.IsZero()
			v.Outages = append(v.Outages, row)
		}
	}
	slices.SortStableFunc(v.Outages, func(a, b outageRow) int { return cmp.Compare(b.Total, a.Total) })
	v.Outages = v.Outages[:min(len(v.Outages), maxTimelines)]
}
