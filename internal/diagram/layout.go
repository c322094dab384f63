package diagram

import (
	"math"
	"strings"
	"time"

	"tcpprobe/internal/stamp"
	"tcpprobe/internal/text"
)

// The measures of a drawing, in pixels of a drawing that is shown at its own size.
const (
	minimumWidth = 800
	hostX        = 112.0 // of this host's line
	edge         = 96.0  // from the last line to the right edge
	minimumGap   = 118.0 // between two lines
	titleY       = 30.0
	titleHeight  = 21.0 // of a line
	headHeight   = 14.0 // of the boxes with the names, beside that of their lines
	lineHeight   = 14.0
	detailHeight = 13.0 // of a line that says more of a step
	slope        = 0.03 // of arrows: symbolic, since only the times at this host are known
	rttHeight    = 220  // of the round-trip time, where times are to scale
	longest      = 1.5 * rttHeight
	breakHeight  = 26.0 // of the mark of a silence that was cut out
)

// The widths of characters, as they are in most fonts of one width.
const (
	boldWidth  = 7.23
	smallWidth = 6.63
)

// How many characters there is room for.
const (
	titleColumns  = 56
	labelColumns  = 64
	detailColumns = 96
)

// quiet is from when on a silence is marked, where times are not to scale.
const quiet = 200 * time.Millisecond

// layout says where everything goes.
type layout struct {
	width, height  float64
	title          []string
	subtitle       []string
	headRoom       float64   // the width of the boxes with the names
	headY, headEnd float64   // of these boxes
	peerX          []float64 // of the lines of the peers
	stepY          []float64 // of the steps at this host's line
	gaps           []gap     // before each step
	end            float64   // y of the end of the lines
}

// gap is how the time between two steps is drawn.
type gap uint8

const (
	toScale   gap = iota // or as tall as the others
	stretched            // taller than to scale: there is text to make room for
	cut                  // shorter, with a mark
)

// arrange finds a place for everything.
func arrange(s *Scene, o Options) *layout {
	l := &layout{width: max(minimumWidth, hostX+edge+minimumGap*float64(len(s.peers)))}
	for i := range s.peers {
		l.peerX = append(l.peerX, hostX+(l.width-hostX-edge)*float64(i+1)/float64(len(s.peers)))
	}
	l.heads(s)
	scale := pixelsPerSecond(s)
	y := l.headEnd + 40
	if len(s.steps) > 0 {
		y += s.steps[0].above()
	}
	for i, step := range s.steps {
		kind := toScale
		if i > 0 {
			waited := between(s.steps[i-1], step)
			height := pitch(s.steps[i-1], step)
			switch {
			case o.ToScale:
				height, kind = scaled(waited, scale, height)
			case waited >= quiet:
				height, kind = height+breakHeight, cut
			}
			y += height
		}
		l.stepY = append(l.stepY, y)
		l.gaps = append(l.gaps, kind)
	}
	l.end = y + 40
	if n := len(s.steps); n > 0 {
		l.end += s.steps[n-1].below()
	}
	return l
}

// heads finds a place for the title, and for the names in their boxes.
func (l *layout) heads(s *Scene) {
	l.title, l.subtitle = text.Wrap(s.title, titleColumns), text.Wrap(s.subtitle, detailColumns)
	l.headY = titleY + titleHeight*float64(len(l.title)) + lineHeight*float64(max(len(l.subtitle), 1)) - 1
	l.headRoom = minimumGap - 8
	if n := len(l.peerX); n > 0 {
		l.headRoom = min((l.width-hostX-edge)/float64(n)-8, 2*(edge-24))
	}
	most := 2
	for _, p := range append([]party{s.host}, s.peers...) {
		names, labels := l.head(p)
		most = max(most, len(names)+len(labels))
	}
	l.headEnd = l.headY + headHeight + lineHeight*float64(most)
}

// head returns what stands in the box of a party.
func (l *layout) head(p party) (names, labels []string) {
	return text.Wrap(p.name(), int((l.headRoom-4)/boldWidth)), text.Wrap(p.label, int((l.headRoom-4)/smallWidth))
}

// lines returns what a step is in lines, and what there is to say more of it.
func (s *step) lines() (what, details []string) {
	if s.peer == nobody {
		return nil, text.Wrap(s.protocol+" "+strings.Join(append([]string{s.what}, s.details...), ", "), detailColumns-4)
	}
	return text.Wrap(s.what, labelColumns), text.Wrap(strings.Join(s.details, ", "), detailColumns)
}

// above returns how much more height than one line what a step is takes.
func (s *step) above() float64 {
	what, _ := s.lines()
	return detailHeight * float64(max(len(what)-1, 0))
}

// below returns how much more height than one line takes what there is to say more of a step.
func (s *step) below() float64 {
	_, details := s.lines()
	return detailHeight * float64(max(len(details)-1, 0))
}

// pitch returns the least height between two steps, at which their texts do not touch.
func pitch(above, below step) float64 {
	h := 34.0 + above.below() + below.above()
	if len(above.details) > 0 && above.peer != nobody {
		h += 13
	}
	if above.out && above.peer != nobody && !below.out && below.peer != nobody {
		h += 14 // the one goes down to the right, the other comes from there
	}
	return h
}

// between returns the time between two steps.
func between(a, b step) time.Duration {
	d, _ := stamp.Between(a.at, b.at)
	return d
}

// scaled returns the height of a time, which is at least the given one.
func scaled(d time.Duration, pixelsPerSecond, least float64) (float64, gap) {
	switch h := d.Seconds() * pixelsPerSecond; {
	case h > longest:
		return least + breakHeight, cut
	case h < least:
		return least, stretched
	default:
		return h, toScale
	}
}

// pixelsPerSecond returns the scale at which the round-trip time is easy to see; if there is none, the longest time
// between two steps.
func pixelsPerSecond(s *Scene) float64 {
	most := s.rtt
	for i := 1; i < len(s.steps) && s.rtt == 0; i++ {
		most = max(most, between(s.steps[i-1], s.steps[i]))
	}
	return rttHeight / max(most.Seconds(), 1e-6)
}

// angle is the slope in degrees.
var angle = math.Atan(slope) * 180 / math.Pi
