package watch

import (
	"slices"
	"time"

	"tcpprobe/internal/text"
	"tcpprobe/internal/trace"
	"tcpprobe/probe"
)

// Page is what the screen shows.
type Page uint8

// The pages.
const (
	PageTargets Page = iota // all of them
	PageTarget              // one
	PageTrace               // the path to one
)

// View is where the user is.
type View struct {
	Page     Page
	Sort     Sort
	Selected int // target; the first on the screen until the user chooses one
	Paused   bool
	Help     bool
	Zoom     int // how many times a column of the history is doubled
	Names    bool
	Flows    bool

	PathAlone bool // there is no other page than the path

	Interval time.Duration // between two handshakes with one target; 0 if it is not known
	Replay   bool          // what is shown is a recording
	Message  string        // about what was asked for last; empty for the keys

	Path *Path // the latest; nil before there is one

	chosen  bool  // the user chose the selected target
	shown   []int // targets in the order in which they stand on the screen
	top     int   // the first row of those that are on it
	scroll  int   // the first line of a page
	visible int   // how many lines of the page are on the screen
	lines   int   // how many there are
}

// Path is what is known of the path to a target.
type Path struct {
	Trace   *trace.Trace
	Flows   *trace.FlowSet  // nil unless several flows were traced
	Results []*probe.Result // the latest SYNs
	Failed  string          // why there is none
}

// Moment is the time that the screen shows.
type Moment struct {
	Now    time.Time
	Began  time.Time
	Replay string // how far a recording has come; empty if it is none
}

// Draw fills the canvas with what the user is to see.
func (v *View) Draw(c *Canvas, targets Targets, m Moment) {
	v.arrange(targets, m.Now)
	if c.Height < 3 || c.Width < 10 {
		c.Put(0, 0, "tcpprobe", Look{Bold: true})
		return
	}
	switch {
	case v.Help:
		v.drawHelp(c)
	case v.Page == PageTarget:
		v.drawTarget(c, targets, m)
	case v.Page == PageTrace:
		v.drawTrace(c, targets)
	default:
		v.drawTargets(c, targets, m)
	}
	v.drawFoot(c)
}

// arrange puts the targets in order, and keeps that where it is while the user looks at it.
func (v *View) arrange(targets Targets, now time.Time) {
	if v.Paused && len(v.shown) == targets.Len() {
		return
	}
	v.shown = order(targets, v.Sort, now)
	v.Selected = min(max(v.Selected, 0), max(targets.Len()-1, 0))
	if !v.chosen && len(v.shown) > 0 {
		v.Selected = v.shown[0]
	}
}

// drawFoot draws the last row: what was asked for last, or the keys.
func (v *View) drawFoot(c *Canvas) {
	y := c.Height - 1
	if v.Message != "" {
		c.Put(1, y, v.Message, Look{Color: Accent, Bold: true})
		return
	}
	x, end := 1, c.Width
	if left := v.lines - v.scroll - v.visible; left > 0 && (v.Help || v.Page != PageTargets) {
		more := c.Style.Glyph("↓", "v") + " " + text.Count(left, "line")
		end -= text.Columns(more) + 2
		c.PutRight(c.Width-1, y, more, Look{Color: Dim})
	}
	for _, hint := range v.hints(c) {
		need := text.Columns(hint[0]) + 1 + text.Columns(hint[1])
		if x+need > end {
			return
		}
		x = c.Put(x, y, hint[0], Look{Color: Accent, Bold: true})
		x = c.Put(x+1, y, hint[1], Look{Color: Dim}) + 2
	}
}

// hints returns the keys that matter on a page, with what they do.
func (v *View) hints(c *Canvas) [][2]string {
	enter := c.Style.Glyph("⏎", "Enter")
	pause := [2]string{"p", "pause"}
	if v.Paused {
		pause[1] = "go on"
	}
	var hints [][2]string
	switch {
	case v.Help:
		return [][2]string{{"Esc", "back"}, {"q", "quit"}}
	case v.Page == PageTarget:
		hints = [][2]string{{"Esc", "back"}, {"t", "trace"}, {"+ -", "zoom"}, {"w", "write"}, {"r", "reset"}, pause}
	case v.PathAlone:
		hints = [][2]string{{"q", "quit"}, {"?", "help"}, {"n", "names"}, {"f", "flows"}, {"w", "write"}, {"r", "reset"}, pause}
	case v.Page == PageTrace:
		hints = [][2]string{{"Esc", "back"}, {"n", "names"}, {"f", "flows"}, {"w", "write"}, pause}
	default:
		hints = [][2]string{{"q", "quit"}, {"?", "help"}, {enter, "target"}, {"t", "trace"}, {"s", "sort: " + v.Sort.String()}, pause, {"w", "write"}, {"r", "reset"}}
	}
	if v.Replay {
		hints = slices.DeleteFunc(hints, func(h [2]string) bool { return h[0] == "t" })
		hints = append(hints, [2]string{", .", "seek"}, [2]string{"[ ]", "speed"})
	}
	return hints
}

// scrollTo moves the lines of a page so that they fill the screen as far as they can.
func (v *View) scrollTo(first, lines, visible int) {
	v.lines, v.visible = lines, visible
	v.scroll = max(min(first, lines-visible), 0)
}
