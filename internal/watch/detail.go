package watch

import (
	"fmt"
	"strings"

	"tcpprobe/internal/explain"
	"tcpprobe/internal/report"
	"tcpprobe/internal/text"
	"tcpprobe/probe"
)

// drawTarget draws the page of the selected target.
func (v *View) drawTarget(c *Canvas, targets Targets, m Moment) {
	brief, figures := targets.Brief(v.Selected), targets.Figures(v.Selected)
	symbol, look := c.symbol(brief.state(m.Now))
	x := c.Put(1, 0, symbol, look) + 1
	name := text.Wrap(c.Style.Printable(brief.Name), c.Width-4)
	y := 0
	for i, part := range name {
		end := c.Put(3, i, part, Look{Bold: true})
		x, y = end+2, i
	}
	v.drawClock(c, x, m)
	y++
	for _, sentence := range sentences(c, targets, v.Selected, m) {
		for _, part := range text.Wrap(sentence.text, c.Width-2) {
			c.Put(1, y, part, sentence.look)
			y++
		}
	}
	top := y
	lines := v.targetLines(c, targets, &figures, m)
	v.scrollTo(v.scroll, len(lines), c.Height-1-top)
	for i, line := range lines[v.scroll:] {
		if top+i >= c.Height-1 {
			break
		}
		line(c, top+i)
	}
}

// drawn is a line that draws itself in a row.
type drawn func(c *Canvas, y int)

// painted returns a line of text that was painted.
func painted(s string) drawn { return func(c *Canvas, y int) { c.putPainted(0, y, s) } }

// heading returns a line above a part of a page.
func heading(title, about string) drawn {
	return func(c *Canvas, y int) {
		c.Rule(y)
		x := c.put(2, y, c.Width, " "+title+" ", Look{Bold: true})
		if about != "" {
			c.PutRight(max(c.Width-1, x+text.Columns(about)+2), y, " "+about+" ", Look{Color: Dim})
		}
	}
}

// targetLines returns the lines of the page of a target.
func (v *View) targetLines(c *Canvas, targets Targets, f *Figures, m Moment) (lines []drawn) {
	lines = append(lines, v.history(c, targets)...)
	evidence := targets.Evidence(v.Selected)
	if evidence.Last != nil && evidence.Last != evidence.Failed {
		lines = append(lines, heading("last handshake", c.when(evidence.Last, m)))
		lines = append(lines, ladder(c, evidence.Last)...)
	}
	if evidence.Failed != nil {
		title := "last failure"
		if evidence.Last == evidence.Failed {
			title = "last handshake, which failed"
		}
		lines = append(lines, heading(title, c.when(evidence.Failed, m)))
		lines = append(lines, ladder(c, evidence.Failed)...)
		lines = append(lines, lesson(c, evidence.Failed)...)
	}
	lines = append(lines, histogram(c, rtts(targets.Recent(v.Selected, mostHistory)))...)
	return append(lines, outages(c, f, m)...)
}

// when says when a handshake was.
func (c *Canvas) when(r *probe.Result, m Moment) string {
	return fmt.Sprintf("seq=%d at %s", r.Seq, c.timeOfDay(r.Time, m.Now))
}

// ladder returns the lines of the ladder of a handshake.
func ladder(c *Canvas, r *probe.Result) (lines []drawn) {
	for _, line := range c.written(c.Width, func(w *strings.Builder, s report.Style) {
		l := report.NewLadder(w, s)
		for i := range r.Events {
			l.Event(r, &r.Events[i])
		}
		l.Verdict(r)
	}) {
		lines = append(lines, painted(line))
	}
	return lines
}

// lesson returns the lines that explain a handshake, octet by octet: none for one of a recording, which keeps no octets.
func lesson(c *Canvas, r *probe.Result) (lines []drawn) {
	if !hasOctets([]*probe.Result{r}) {
		return nil
	}
	written := c.written(c.Width, func(w *strings.Builder, s report.Style) {
		l := explain.New(w, s, false)
		for i := range r.Events {
			l.Event(r, &r.Events[i])
		}
		l.Verdict(r)
	})
	for _, line := range written {
		lines = append(lines, painted(line))
	}
	if len(lines) > 0 {
		lines = append([]drawn{heading("what it means", "")}, lines...)
	}
	return lines
}

// outages returns the lines about the times in which nothing was established, the latest first.
func outages(c *Canvas, f *Figures, m Moment) (lines []drawn) {
	if len(f.Outages) == 0 {
		return nil
	}
	lines = append(lines, heading("outages", text.Count(len(f.Outages), "outage")))
	for i := len(f.Outages) - 1; i >= 0; i-- {
		o := f.Outages[i]
		s, look := fmt.Sprintf("%12s  %6s  %s", c.timeOfDay(o.Began, m.Now), span(o.Duration), text.Count(o.Handshakes, "handshake")), Look{}
		if !o.Over {
			s, look = s+", not over", Look{Color: Bad}
		}
		lines = append(lines, func(c *Canvas, y int) { c.Put(1, y, s, look) })
	}
	return lines
}
