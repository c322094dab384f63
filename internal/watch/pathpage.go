package watch

import (
	"fmt"
	"strings"

	"tcpprobe/internal/report"
	"tcpprobe/internal/text"
	"tcpprobe/internal/trace"
)

// drawTrace draws the page of the path to the selected target.
func (v *View) drawTrace(c *Canvas, targets Targets) {
	name := targets.Brief(v.Selected).Name
	state := v.pathState()
	x, y := 0, 0
	for _, part := range text.Wrap("path to "+c.Style.Printable(name), max(c.Width-2, 2)) {
		x = c.Put(1, y, part, Look{Bold: true})
		y++
	}
	if x+2+text.Columns(state) > c.Width-1 {
		y++
	}
	c.PutRight(c.Width-1, y-1, state, Look{Color: Dim})
	lines := v.pathLines(c)
	v.scrollTo(v.scroll, len(lines), c.Height-1-y)
	for i, line := range lines[v.scroll:] {
		if y+i >= c.Height-1 {
			break
		}
		line(c, y+i)
	}
}

// pathState says how far the trace has come.
func (v *View) pathState() string {
	switch p := v.Path; {
	case p == nil:
		return "the first SYNs are under way"
	case p.Flows != nil:
		return text.Count(len(p.Flows.Flows), "flow")
	case p.Trace != nil && len(p.Trace.Rounds) > 0:
		return text.Count(len(p.Trace.Rounds), "round")
	}
	return "the first round is under way"
}

// pathLines returns the lines about the path.
func (v *View) pathLines(c *Canvas) (lines []drawn) {
	switch p := v.Path; {
	case p == nil:
		return nil
	case p.Failed != "":
		return wrappedLines(c, 1, p.Failed, Look{Color: Bad})
	case p.Flows != nil:
		for _, line := range c.written(c.Width, func(w *strings.Builder, s report.Style) { report.Flows(w, s, p.Flows) }) {
			lines = append(lines, painted(line))
		}
		return lines
	case p.Trace != nil:
		return tracedLines(c, p.Trace)
	}
	return nil
}

// tracedLines returns the lines about the path of one flow.
func tracedLines(c *Canvas, t *trace.Trace) (lines []drawn) {
	if t.Failed != nil && len(t.Path()) == 0 {
		return wrappedLines(c, 1, report.Reason(t.Failed), Look{Color: Bad})
	}
	lines = append(lines, hopTitles(c))
	path := t.Path()
	begins, loss, lossy := lossBegins(path)
	for _, hop := range path {
		lines = append(lines, hopLines(c, t, hop, lossy && hop.TTL == begins)...)
	}
	_, ended := t.End()
	if !ended && len(t.Rounds) > 0 {
		lines = append(lines, wrappedLines(c, hopMargin, fmt.Sprintf("nothing from hop %d or behind it", t.First+len(path)), Look{Color: Bad})...)
	}
	lines = append(lines, func(*Canvas, int) {})
	if len(t.Rounds) > 0 {
		for _, s := range append([]string{report.TraceVerdict(t)}, report.TraceNotes(t)...) {
			lines = append(lines, wrappedLines(c, 1, s, Look{})...)
		}
	}
	return append(lines, wrappedLines(c, 1, caveat(path, loss, lossy), Look{Color: Dim})...)
}

// caveat says what the losses of hops mean.
func caveat(path []trace.Hop, loss float64, lossy bool) string {
	if lossy {
		return fmt.Sprintf("%s of the SYNs are lost up to the end of the path. A hop that answers none of its own while those behind it answer limits its ICMP errors, and loses nothing.", percent(loss))
	}
	for _, hop := range path {
		if hop.Unanswered() > 0 {
			return "The loss of single hops is no loss of the path: routers limit how many ICMP errors they send, and what passes them arrives."
		}
	}
	return ""
}
