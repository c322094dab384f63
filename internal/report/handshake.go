package report

import (
	"io"
	"strings"
	"time"

	"tcpprobe/internal/spectator"
	"tcpprobe/internal/text"
	"tcpprobe/probe"
)

// Handshakes prints handshakes between others, a line each, and under it where that is wanted the packets.
type Handshakes struct {
	page page
	w    io.Writer
	day  string // of the latest line
	ends int    // columns that the addresses and ports of the handshakes so far take

	second      int64  // since 1970, of the latest line
	timeOfDay   string // of that second: "14:03:22."
	indent      string
	line, times []byte // which are written again
	column      int    // that the line has reached
	gap         int    // columns between it and what comes next
}

// NewHandshakes returns a Handshakes that writes to w.
func NewHandshakes(w io.Writer, s Style) *Handshakes {
	return &Handshakes{page: newPage(w, s), w: w, indent: strings.Repeat(" ", shortEnds)}
}

// shortEnds is how many columns the addresses and ports of two ends may take for others to be set as wide.
const shortEnds = 42

// handshakeIndent is where lines go on that say more about a handshake.
const handshakeIndent = len("14:03:22.120  ")

// Line prints one handshake: when, who and whom, how it ended, how long that took, what was found. What has no room in the line
// goes on below it.
func (p *Handshakes) Line(h *spectator.Handshake) error {
	p.newDay(h.Result.Time)
	if p.plain(h) {
		return p.plainLine(h)
	}
	outcome := h.Result.Outcome.String()
	ends := h.Client.String() + " " + p.page.Glyph("→", ">") + " " + h.Server.String()
	if n := text.Columns(ends); n <= shortEnds {
		p.ends = max(p.ends, n)
	}
	begin := p.page.TimeOfDay(h.Result.Time) + "  "
	lines := text.Fill(begin, handshakeIndent, 2, []string{text.PadRight(ends, p.ends), outcome})
	painted := len(lines) - 1
	before := strings.TrimSuffix(lines[painted], outcome)
	lines[painted] = text.PadRight(lines[painted], text.Columns(before)+len("established"))
	for _, part := range append([]string{handshakeClause(h)}, findingCodes(h.Result)...) {
		last := len(lines) - 1
		switch {
		case part == "":
		case text.Columns(lines[last])+2+text.Columns(part) <= text.Width:
			lines[last] += "  " + part
		default:
			lines = append(lines, text.Fill(strings.Repeat(" ", handshakeIndent), handshakeIndent, 1, strings.Fields(part))...)
		}
	}
	for i := range lines {
		lines[i] = strings.TrimRight(lines[i], " ")
	}
	lines[painted] = before + p.page.Paint(outcomeColor(h.Result.Outcome), outcome) + strings.TrimPrefix(lines[painted], before+outcome)
	p.page.Line(lines...)
	if err := p.page.Flush(); err != nil || !p.page.style.Verbose {
		return err
	}
	return p.packets(h)
}

// newDay adds a line with the date, where that is another than of the line before.
func (p *Handshakes) newDay(t time.Time) {
	second := t.Unix()
	if second == p.second && p.day != "" {
		return
	}
	p.second, p.timeOfDay = second, strings.TrimSuffix(p.page.TimeOfDay(time.Unix(second, 0)), "000")
	zone := p.page.Zone
	if zone == nil {
		zone = time.UTC
	}
	if day := t.In(zone).Format("Monday, 2 January 2006, MST"); day != p.day {
		p.day = day
		p.page.Line(p.page.Paint(text.Dim, day))
	}
}

// plain reports whether a handshake is shown without color and packets, and between addresses that leave room for its outcome.
func (p *Handshakes) plain(h *spectator.Handshake) bool {
	return !p.page.style.Color && !p.page.style.Verbose && h.Client.Addr().Is4()
}

// plainLine prints what Line prints, without its detours: this is what there is most of.
func (p *Handshakes) plainLine(h *spectator.Handshake) error {
	b := append(p.line[:0], p.timeOfDay...)
	ms := h.Result.Time.Nanosecond() / int(time.Millisecond)
	b = append(b, byte('0'+ms/100), byte('0'+ms/10%10), byte('0'+ms%10), ' ', ' ')
	b = append(append(h.Client.AppendTo(b), ' '), p.page.Glyph("→", ">")...)
	b = h.Server.AppendTo(append(b, ' '))
	columns := len(b) - handshakeIndent - len(p.page.Glyph("→", ">")) + 1
	if columns <= shortEnds {
		p.ends = max(p.ends, columns)
	}
	b = append(b, p.indent[:max(p.ends-columns, 0)]...)
	outcome := h.Result.Outcome.String()
	b = append(append(b, "  "...), outcome...)
	p.line, p.column = b, handshakeIndent+max(columns, p.ends)+2+len(outcome)
	p.gap = len("  established") - len(outcome)
	if plainTimes(h) {
		p.times = append(text.AppendMilliseconds(append(text.AppendMilliseconds(p.times[:0], h.Result.TCP.RTT), '+'), h.ClientRTT), " ms"...)
		p.addPart(p.times)
	} else {
		p.times = append(p.times[:0], handshakeClause(h)...)
		p.addPart(p.times)
	}
	for _, f := range h.Result.Findings {
		if isShown(f) {
			p.times = append(p.times[:0], f...)
			p.addPart(p.times)
		}
	}
	p.line = append(p.line, '\n')
	if err := p.page.Flush(); err != nil {
		return err
	}
	_, err := p.w.Write(p.line)
	return err
}

// plainTimes reports whether the times of a handshake are two that nothing is to be said of.
func plainTimes(h *spectator.Handshake) bool {
	t := h.Result.TCP
	return h.Result.Outcome == probe.OutcomeEstablished && t.Answered && h.Answered && !t.RTTAmbiguous && !h.ClientRTTAmbiguous
}

// addPart adds to the line, or below it, what more there is to say.
func (p *Handshakes) addPart(part []byte) {
	columns := text.Columns(string(part))
	switch {
	case columns == 0:
	case p.column+p.gap+columns <= text.Width:
		p.line = append(append(p.line, p.indent[:p.gap]...), part...)
		p.column += p.gap + columns
		p.gap = 2
	case handshakeIndent+columns <= text.Width:
		p.line = append(append(append(p.line, '\n'), p.indent[:handshakeIndent]...), part...)
		p.column, p.gap = handshakeIndent+columns, 2
	default:
		lines := text.Fill(p.indent[:handshakeIndent], handshakeIndent, 1, strings.Fields(string(part)))
		for _, line := range lines {
			p.line = append(append(p.line, '\n'), line...)
		}
		p.column, p.gap = text.Columns(lines[len(lines)-1]), 2
	}
}

// packets prints the packets of a handshake as those of a probe, and what was found.
func (p *Handshakes) packets(h *spectator.Handshake) error {
	s := p.page.style
	s.Verbose = false
	ladder := NewLadder(p.w, s)
	for i := range h.Result.Events {
		if err := ladder.Event(h.Result, &h.Result.Events[i]); err != nil {
			return err
		}
	}
	for _, note := range HandshakeNotes(h) {
		p.page.Paragraph("  note: ", 8, strings.Fields(p.page.Printable(note)))
	}
	return p.page.Flush()
}

// isShown reports whether a finding stands in the line of a handshake: but for one that says more of the host that captured, and that
// most captures have, all do.
func isShown(f probe.Finding) bool { return f != spectator.FindingOffload }

// findingCodes returns the codes of the findings that are shown.
func findingCodes(r *probe.Result) (codes []string) {
	for _, f := range r.Findings {
		if isShown(f) {
			codes = append(codes, string(f))
		}
	}
	return codes
}

// handshakeClause says how a handshake between others ended, in the words of a probe where they can be the same.
func handshakeClause(h *spectator.Handshake) string {
	r := h.Result
	switch r.Outcome {
	case probe.OutcomeEstablished:
		return handshakeTimes(h)
	case probe.OutcomeRefused:
		return text.Milliseconds(r.TCP.RTT) + " ms" + doubts(r.TCP)
	case probe.OutcomeTimeout:
		return text.Count(r.TCP.SYNSent, "SYN") + ", no answer in " + text.Seconds(h.Waited)
	case probe.OutcomeUnknown:
		return unknownBecause(h)
	}
	return explanation(r)
}

// handshakeTimes are the ways from the place of the capture to the server and back, and to the client and back.
func handshakeTimes(h *spectator.Handshake) string {
	t := h.Result.TCP
	if !t.Answered {
		return ""
	}
	server := text.Milliseconds(t.RTT)
	if !h.Answered {
		return server + " ms" + doubts(t)
	}
	times := server + "+" + text.Milliseconds(h.ClientRTT) + " ms"
	if t.RTTAmbiguous || h.ClientRTTAmbiguous {
		times += " (ambiguous)"
	}
	return times
}

// silence says how long nothing answered.
func silence(h *spectator.Handshake) string {
	return "no answer to " + text.Count(h.Result.TCP.SYNSent, "SYN") + " in " + text.Seconds(h.Waited)
}

// unknownBecause says why there is no verdict.
func unknownBecause(h *spectator.Handshake) string {
	switch {
	case !h.HasClient:
		return "the capture begins after the SYN"
	case hasFinding(h.Result, spectator.FindingEnded):
		return "broken off while an answer was waited for"
	case hasFinding(h.Result, spectator.FindingOneDirection):
		return "the server's packets are not there"
	}
	return "packets are missing"
}
