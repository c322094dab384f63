package report

import (
	"io"
	"strings"
	"time"

	"tcpprobe/internal/text"
	"tcpprobe/probe"
)

// Sparkline draws the latest round-trip times as bars, in one line that is drawn anew in its place. That is for a terminal,
// which understands \r and Erase in Line (ECMA-48), beside what a Series prints: erase it, print, and draw it again.
type Sparkline struct {
	page page
	w    io.Writer
	rtts []time.Duration // the latest last; noRTT for a handshake that was not established
}

// maxBars is how many handshakes are shown at the most.
const maxBars = 60

const noRTT time.Duration = -1

// eraseLine goes to the beginning of the line and erases it.
const eraseLine = "\r\x1b[K"

// NewSparkline returns a Sparkline that writes to w.
func NewSparkline(w io.Writer, s Style) *Sparkline { return &Sparkline{page: newPage(w, s), w: w} }

// Add takes in how a handshake ended. It draws nothing.
func (s *Sparkline) Add(r *probe.Result) {
	rtt := noRTT
	if r.Outcome == probe.OutcomeEstablished {
		rtt = r.TCP.RTT
	}
	s.rtts = append(s.rtts, rtt)
	s.rtts = s.rtts[max(len(s.rtts)-maxBars, 0):]
}

// Draw draws the line in the place of the one before: a bar for each of the latest handshakes, 60 at the most, or x where
// none was established, and behind them what the lowest and the highest bar stand for. The terminal has so many columns;
// fewer bars are drawn where it is narrow.
func (s *Sparkline) Draw(columns int) error {
	line := ""
	for shown := s.rtts; len(shown) > 0; shown = shown[1:] {
		legend := s.legend(shown)
		// The last column stays free: where the cursor is behind it, terminals do not agree.
		if len(shown)+text.Columns(legend) < columns {
			line = s.draw(shown) + legend
			break
		}
	}
	_, err := io.WriteString(s.w, eraseLine+line)
	return err
}

// Erase takes the line away.
func (s *Sparkline) Erase() error {
	_, err := io.WriteString(s.w, eraseLine)
	return err
}

// levels returns the bars, the lowest first.
func (s *Sparkline) levels() []rune {
	return []rune(s.page.Glyph("▁▂▃▄▅▆▇█", "_.-~^#"))
}

// draw returns the bars for round-trip times, from the shortest to the longest of them.
func (s *Sparkline) draw(rtts []time.Duration) string {
	low, high := extremes(rtts)
	levels := s.levels()
	var b strings.Builder
	for _, rtt := range rtts {
		switch {
		case rtt == noRTT:
			b.WriteString(s.page.Paint(text.Red, "x"))
		case low == high:
			b.WriteRune(levels[0])
		default:
			b.WriteRune(levels[int64(rtt-low)*int64(len(levels)-1)/int64(high-low)])
		}
	}
	return b.String()
}

// legend says what the lowest and the highest bar stand for, if there are any.
func (s *Sparkline) legend(rtts []time.Duration) string {
	levels := s.levels()
	lowest, highest := string(levels[0]), string(levels[len(levels)-1])
	switch low, high := extremes(rtts); {
	case low == noRTT:
		return ""
	case low == high:
		return "  " + lowest + " " + text.Milliseconds(low) + " ms"
	default:
		return "  " + lowest + " " + text.Milliseconds(low) + "  " + highest + " " + text.Milliseconds(high) + " ms"
	}
}

// extremes returns the shortest and the longest round-trip time, or noRTT for both if there is none.
func extremes(rtts []time.Duration) (low, high time.Duration) {
	low, high = noRTT, noRTT
	for _, rtt := range rtts {
		if rtt == noRTT {
			continue
		}
		if low == noRTT || rtt < low {
			low = rtt
		}
		high = max(high, rtt)
	}
	return low, high
}
