// Package diagram draws the exchange of a handshake as a sequence diagram: as SVG, and as text for Mermaid.
//
// Both are pure functions of a result. Each party has a line, each packet an arrow, and time runs downwards. What
// nothing answered ends in a cross half-way, since nobody here knows how far it came; an ICMP error comes from the line
// of the router that sent it.
package diagram

import (
	"encoding/xml"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"
	"time"

	"tcpprobe/internal/text"
	"tcpprobe/probe"
)

// Options say how to draw.
type Options struct {
	ToScale bool // time is to scale, with breaks for long silences; otherwise steps are evenly spaced
}

// SVG writes the scene as a drawing at least 800 pixels wide, for light and dark pages. It needs no fonts of its own,
// and holds nothing of what was received or typed that is not printable. The error is the writer's.
func SVG(w io.Writer, s *Scene, o Options) error {
	d := &drawing{Scene: s, layout: arrange(s, o), options: o}
	_, err := io.WriteString(w, d.draw())
	return err
}

// drawing is an SVG document under construction.
type drawing struct {
	*Scene
	*layout
	options Options
	b       strings.Builder
}

// Style is the look, which stands in the drawing. Color only adds to what words and shapes say already.
const Style = `
text { font-family: ui-monospace, Menlo, Consolas, "DejaVu Sans Mono", monospace; font-size: 12px; fill: #1f2328; }
.title { font-family: system-ui, "Segoe UI", Helvetica, Arial, "DejaVu Sans", sans-serif; font-size: 17px; font-weight: 600; }
.label { stroke: #ffffff; stroke-width: 4px; stroke-linejoin: round; paint-order: stroke; }
.strong { font-weight: 700; }
.small { font-size: 11px; }
.muted { fill: #59636e; }
.page { fill: #ffffff; }
.box { fill: #f6f8fa; stroke: #d1d9e0; }
.life { fill: none; stroke: #b7bfc8; stroke-width: 1.5; }
.dotted { stroke-dasharray: 1.5 4; }
.arrow { fill: none; stroke-width: 1.8; }
.lost { stroke-dasharray: 7 4; }
.cross { fill: none; stroke-width: 2.4; stroke: #cf222e; }
.out { stroke: #0969da; } .head.out { fill: #0969da; stroke: none; }
.in { stroke: #1a7f37; } .head.in { fill: #1a7f37; stroke: none; }
.error { stroke: #bc4c00; } .head.error { fill: #bc4c00; stroke: none; }
.good { fill: #1a7f37; } .doubtful { fill: #9a6700; } .bad { fill: #cf222e; }
@media (prefers-color-scheme: dark) {
text { fill: #e6edf3; }
.label { stroke: #0d1117; }
.muted { fill: #9198a1; }
.page { fill: #0d1117; }
.box { fill: #151b23; stroke: #3d444d; }
.life { stroke: #4b535d; }
.cross { stroke: #f85149; }
.out { stroke: #4493f8; } .head.out { fill: #4493f8; }
.in { stroke: #3fb950; } .head.in { fill: #3fb950; }
.error { stroke: #f0883e; } .head.error { fill: #f0883e; }
.good { fill: #3fb950; } .doubtful { fill: #d29922; } .bad { fill: #f85149; }
}
`

// draw returns the document.
func (d *drawing) draw() string {
	d.heads()
	d.lives()
	for i := range d.steps {
		d.step(i)
	}
	d.conclusion()
	body := d.b.String()
	d.b.Reset()
	d.add(`<svg xmlns="http://www.w3.org/2000/svg" width="%s" height="%s" viewBox="0 0 %[1]s %[2]s" role="img" aria-labelledby="title desc">`+"\n",
		number(d.width), number(d.height))
	d.add("<title id=\"title\">%s</title>\n<desc id=\"desc\">%s</desc>\n", escape(d.Scene.title), escape(d.description()))
	d.add("<style>%s</style>\n", Style)
	d.add(`<rect class="page" width="%s" height="%s"/>`+"\n", number(d.width), number(d.height))
	return d.b.String() + body + "</svg>\n"
}

// description says it all in words, for those who cannot see.
func (d *drawing) description() string {
	var lines []string
	for i := range d.steps {
		s := &d.steps[i]
		line := s.time() + ": " + s.protocol + " " + s.what
		switch {
		case s.peer == nobody:
		case s.lost:
			line += ", to " + d.peers[s.peer].name() + ", not answered"
		case s.out:
			line += ", to " + d.peers[s.peer].name()
		default:
			line += ", from " + d.peers[s.peer].name()
		}
		lines = append(lines, line+".")
	}
	return strings.Join(append(lines, d.verdict+"."), " ")
}

// heads draws the title, and the boxes at the upper ends of the lines.
func (d *drawing) heads() {
	y := titleY
	for _, line := range d.layout.title {
		d.text(24, y, "title", line)
		y += titleHeight
	}
	y -= 2
	for _, line := range d.layout.subtitle {
		d.text(24, y, "small muted", line)
		y += lineHeight
	}
	d.head(hostX, d.host)
	for i, p := range d.peers {
		d.head(d.peerX[i], p)
	}
}

// head draws the box of a party.
func (d *drawing) head(x float64, p party) {
	height := d.headEnd - d.headY
	d.add(`<rect class="box" x="%s" y="%s" width="%s" height="%s" rx="6"/>`+"\n",
		number(x-d.headRoom/2), number(d.headY), number(d.headRoom), number(height))
	names, labels := d.layout.head(p)
	y := d.headY + 4 + (height-lineHeight*float64(len(names)+len(labels)))/2 + 7
	for _, line := range names {
		d.text(x, y, "strong centered", line)
		y += lineHeight
	}
	for _, line := range labels {
		d.text(x, y+2, "small muted centered", line)
		y += lineHeight
	}
}

// lives draws the lines of the parties, and on that of this host what became of time.
func (d *drawing) lives() {
	for _, x := range d.peerX {
		d.life(x, d.headEnd, d.end, "")
	}
	y := d.headEnd
	for i, next := range d.stepY {
		class := ""
		if d.gaps[i] != toScale {
			class = " dotted"
		}
		d.life(hostX, y, next, class)
		if d.gaps[i] == cut {
			d.silence((y+next)/2, between(d.steps[i-1], d.steps[i]))
		}
		y = next
	}
	d.life(hostX, y, d.end, "")
}

// silence breaks the line of this host where nothing happened for a long time.
func (d *drawing) silence(y float64, waited time.Duration) {
	d.add(`<rect class="page" x="%s" y="%s" width="24" height="8"/>`+"\n", number(hostX-12), number(y-4))
	d.add(`<path class="life" d="M%s %sl6-4 6 8 6-8 6 4m-24 8l6-4 6 8 6-8 6 4"/>`+"\n", number(hostX-12), number(y-4))
	d.text(hostX+20, y+4, "small muted label", "… "+strconv.FormatFloat(waited.Seconds(), 'f', 3, 64)+" s")
}

// life draws a part of a line.
func (d *drawing) life(x, from, to float64, class string) {
	d.add(`<path class="life%s" d="M%s %sV%s"/>`+"\n", class, number(x), number(from), number(to))
}

// step draws a step: an arrow with its texts, or a text alone.
func (d *drawing) step(i int) {
	s := &d.steps[i]
	y := d.stepY[i]
	if i == 0 || !s.at.IsZero() || s.mark != d.steps[i-1].mark {
		d.text(hostX-14, y+4, "small muted right", s.mark)
	}
	if s.state != "" {
		d.text(hostX-14, y+18, "small strong right label", s.state)
	}
	if s.peer == nobody {
		class := "small muted label"
		if s.silence {
			class = "bad strong label"
			d.add(`<path class="cross" d="M%s %sl10 10m0-10l-10 10"/>`+"\n", number(hostX-5), number(y-5))
		} else {
			d.add(`<circle class="box" cx="%s" cy="%s" r="4"/>`+"\n", number(hostX), number(y))
		}
		d.details(s, hostX+14, y+4, class)
		return
	}
	turn := angle
	class := "out"
	if !s.out {
		turn = -turn
		class = "in"
	}
	if s.rejected {
		class = "error"
	}
	d.add(`<g transform="translate(%s %s) rotate(%.2f)">`+"\n", number(hostX), number(y), turn)
	d.arrow(s, class, d.peerX[s.peer]-hostX)
	d.label(s)
	d.details(s, 14, 15, "small muted label")
	d.add("</g>\n")
}

// details writes what there is to say more of a step, from a line down.
func (d *drawing) details(s *step, x, y float64, class string) {
	_, details := s.lines()
	for i, line := range details {
		d.text(x, y+detailHeight*float64(i), class, line)
	}
}

// arrow draws an arrow from here to a distance, or back from there. A lost one ends between two lines.
func (d *drawing) arrow(s *step, class string, distance float64) {
	switch {
	case s.lost:
		end := d.lostAt(s, distance)
		d.add(`<path class="arrow lost %s" d="M0 0H%s"/>`+"\n", class, number(end-8))
		d.add(`<path class="cross" d="M%s -6l12 12m0-12l-12 12"/>`+"\n", number(end-6))
	case s.out:
		d.add(`<path class="arrow %s" d="M0 0H%s"/><path class="head %[1]s" d="M%[3]s 0l-11-5v10z"/>`+"\n",
			class, number(distance-8), number(distance))
	default:
		d.add(`<path class="arrow %s" d="M%s 0H8"/><path class="head %[1]s" d="M0 0l11-5v10z"/>`+"\n", class, number(distance))
	}
	for _, peer := range s.via {
		d.add(`<circle class="head %s" cx="%s" cy="0" r="4"/>`+"\n", class, number(d.peerX[peer]-hostX))
	}
}

// lostAt returns where a lost arrow ends: behind the last party that is known to have passed it on, and between two.
func (d *drawing) lostAt(s *step, distance float64) float64 {
	gaps := float64(s.peer + 1)
	if n := len(s.via); n > 0 {
		last := s.via[n-1]
		return (d.peerX[last]+d.peerX[min(last+1, len(d.peerX)-1)])/2 - hostX
	}
	return distance * (math.Floor(gaps/2) + 0.5) / gaps
}

// label writes what a packet is, above its arrow.
func (d *drawing) label(s *step) {
	what, _ := s.lines()
	y := -7 - s.above()
	d.add(`<text class="label" x="14" y="%s"><tspan class="muted">%s</tspan>`, number(y), s.protocol)
	for i, line := range what {
		if i == 0 {
			d.add(` <tspan class="strong">%s</tspan>`, escape(line))
		} else {
			d.add(`<tspan class="strong" x="14" dy="%s">%s</tspan>`, number(detailHeight), escape(line))
		}
	}
	if s.numbers != "" {
		d.add(`<tspan class="muted" dx="10">%s</tspan>`, escape(s.numbers))
	}
	d.add("</text>\n")
}

// conclusion writes how it ended, and what the drawing does not say by itself.
func (d *drawing) conclusion() {
	y := d.end + 16
	word, rest, _ := strings.Cut(d.verdict, " ")
	verdict := text.Wrap(strings.ReplaceAll(strings.TrimSpace(rest), "  ", " · "), detailColumns-len(word)-2)
	if len(verdict) == 0 {
		verdict = []string{""}
	}
	lines := verdict[1:]
	for _, note := range d.notes {
		lines = append(lines, text.Wrap("note: "+note, detailColumns)...)
	}
	for _, line := range d.advice {
		lines = append(lines, text.Wrap(line, detailColumns)...)
	}
	d.add(`<rect class="box" x="24" y="%s" width="%s" height="%s" rx="6"/>`+"\n",
		number(y), number(d.width-48), number(34+17*float64(len(lines))))
	d.add(`<text x="38" y="%s"><tspan class="strong %s">%s</tspan><tspan dx="12">%s</tspan></text>`+"\n", number(y+22), tone(d.outcome), escape(word), escape(verdict[0]))
	y += 22
	for i, line := range lines {
		y += 17
		class := "muted"
		if i < len(verdict)-1 {
			class = "verdict" // which has no look of its own
		}
		d.text(38, y, class, line)
	}
	y += 14
	for _, line := range d.explanations() {
		y += 18
		d.text(24, y, "small muted", line)
	}
	d.height = y + 18
}

// tone returns the class of an outcome.
func tone(o probe.Outcome) string {
	switch o {
	case probe.OutcomeEstablished:
		return "good"
	case probe.OutcomeTimeout, probe.OutcomeInterrupted, probe.OutcomePending:
		return "doubtful"
	}
	return "bad"
}

// explanations say how to read the drawing.
func (d *drawing) explanations() (lines []string) {
	if d.any(func(s step) bool { return s.peer != nobody }) {
		lines = append(lines, d.legend...)
	}
	if d.any(func(s step) bool { return s.lost }) {
		lines = append(lines, "A cross: no answer came. It was lost or dropped, or its answer was: nobody here knows where.")
	}
	if d.options.ToScale {
		lines = append(lines, "Time is to scale where the line of this host is solid, and stretched or cut where it is dotted.")
	}
	return lines
}

// text writes a text.
func (d *drawing) text(x, y float64, class, s string) {
	anchor := ""
	for _, a := range []struct{ class, anchor string }{{" centered", "middle"}, {" right", "end"}} {
		if strings.Contains(class, a.class) {
			class = strings.Replace(class, a.class, "", 1)
			anchor = ` text-anchor="` + a.anchor + `"`
		}
	}
	d.add(`<text class="%s" x="%s" y="%s"%s>%s</text>`+"\n", class, number(x), number(y), anchor, escape(s))
}

// add appends to the document.
func (d *drawing) add(format string, a ...any) { fmt.Fprintf(&d.b, format, a...) }

// escape makes text fit to stand in XML.
func escape(s string) string {
	var b strings.Builder
	_ = xml.EscapeText(&b, []byte(s)) // a strings.Builder takes everything
	return b.String()
}

// number writes a coordinate.
func number(f float64) string {
	return strings.TrimSuffix(strconv.FormatFloat(f, 'f', 1, 64), ".0")
}
