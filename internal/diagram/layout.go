package diagram

import (
	"math"
	"time"

	"tcpprobe/internal/stamp"
)

// The measures of a drawing, in pixels of a drawing that is shown at its own size.
const (
	minimumWidth = 800
	hostX        = 112.0 // of this host's line
	edge         = 96.0  // from the last line to the right edge
	minimumGap   = 118.0 // between two lines
	headY        = 64.0  // of the boxes with the names
	headHeight   = 42.0
	firstY       = headY + headHeight + 40
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

// quiet is from when on a silence is marked, where times are not to scale.
const quiet = 200 * time.Millisecond

// layout says where everything goes.
type layout struct {
	width, height float64
	peerX         []float64 // of the lines of the peers
	stepY         []float64 // of the steps at this host's line
	gaps          []gap     // before each step
	end           float64   // y of the end of the lines
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
	scale := pixelsPerSecond(s)
	y := firstY
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
	return l
}

// pitch returns the least height between two steps, at which their texts do not touch.
func pitch(above, below step) float64 {
	h := 34.0
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
