package page

import (
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"tcpprobe/internal/monitor"
)

// bucketize divides the checks that began from one time on into n stretches of a length.
func bucketize(checks []monitor.Check, from time.Time, length time.Duration, n int) []monitor.Stretch {
	buckets := make([]monitor.Stretch, n)
	for i := range buckets {
		buckets[i].From = from.Add(time.Duration(i) * length)
	}
	rtts := make([]time.Duration, 0, len(checks))
	start, at := 0, -1
	finish := func() {
		if at >= 0 && len(rtts) > start {
			distribute(&buckets[at], rtts[start:])
		}
		start = len(rtts)
	}
	for _, c := range checks {
		i := int(c.Time.Sub(from) / length)
		if c.Time.Before(from) || i >= n {
			continue
		}
		if i != at {
			finish()
			at = i
		}
		b := &buckets[i]
		b.Handshakes++
		b.SYNs += c.SYNs
		b.SYNsLost += c.SYNsLost
		if !c.Up() {
			b.Failed++
		} else if c.HasRTT {
			rtts = append(rtts, c.RTT)
		}
	}
	finish()
	return buckets
}

// distribute takes the round-trip times of a stretch, which it sorts. Percentiles are by the nearest rank.
func distribute(b *monitor.Stretch, rtts []time.Duration) {
	slices.Sort(rtts)
	rank := func(p float64) time.Duration { return rtts[max(int(math.Ceil(p*float64(len(rtts))))-1, 0)] }
	b.HasRTT = true
	b.Min, b.P25, b.P50, b.P75, b.Max = rtts[0], rank(0.25), rank(0.5), rank(0.75), rtts[len(rtts)-1]
}

// day lays the stretches of a day out, with empty ones where nothing happened.
func day(trend []monitor.Stretch) []monitor.Stretch {
	from := trend[0].From
	n := int(trend[len(trend)-1].From.Sub(from)/monitor.TrendLength) + 1
	all := make([]monitor.Stretch, n)
	for i := range all {
		all[i].From = from.Add(time.Duration(i) * monitor.TrendLength)
	}
	for _, s := range trend {
		all[int(s.From.Sub(from)/monitor.TrendLength)] = s
	}
	return all
}

// smoke is a drawing of round-trip times over time, as smokeping has it: a median for each stretch of time, coloured by the
// SYNs lost in it, over grey bands of all and of the middle half. At the foot stands a bar for the share that failed.
type smoke struct {
	Width, Height int
	Step          int           // how wide a stretch is
	All, Middle   string        // data of paths: the bands
	Medians       [5]string     // by loss: none, up to 5 %, up to 20 %, up to 50 %, more
	Failures      string        // the bars of those that failed
	Top           time.Duration // what the upper edge stands for
}

// lossSteps are the upper bounds of the colours of a median, as shares.
var lossSteps = [...]float64{0, 0.05, 0.2, 0.5}

// lossStep returns which colour a share of loss has.
func lossStep(loss float64) int {
	for i, bound := range lossSteps {
		if loss <= bound {
			return i
		}
	}
	return len(lossSteps)
}

// newSmoke draws stretches, each so many units wide, in a drawing of a height, of which the lowest units are for the failures.
func newSmoke(buckets []monitor.Stretch, step, height, foot int) smoke {
	s := smoke{Width: step * len(buckets), Step: step, Height: height, Top: top(buckets)}
	room := height - foot - 2 // a median at either edge is drawn whole
	y := func(d time.Duration) int {
		if s.Top == 0 {
			return room
		}
		return 1 + room - int(math.Round(float64(min(d, s.Top))/float64(s.Top)*float64(room)))
	}
	var all, middle, failures strings.Builder
	var medians [5]strings.Builder
	for i, b := range buckets {
		x := i * step
		if b.HasRTT {
			bar(&all, x+step/2, y(b.Max), y(b.Min))
			bar(&middle, x+step/2, y(b.P75), y(b.P25))
			line := &medians[lossStep(b.Loss())]
			line.WriteString("M" + strconv.Itoa(x) + " " + strconv.Itoa(y(b.P50)) + "h" + strconv.Itoa(step))
		}
		if b.Failed > 0 {
			bar(&failures, x+step/2, height-max(int(math.Round(share(b.Failed, b.Handshakes)*float64(foot))), 1), height)
		}
	}
	s.All, s.Middle, s.Failures = all.String(), middle.String(), failures.String()
	for i := range medians {
		s.Medians[i] = medians[i].String()
	}
	return s
}

// bar adds an upright line from one height to another, which is drawn as wide as a stretch, unless it has no length.
func bar(b *strings.Builder, x, from, to int) {
	if to > from {
		b.WriteString("M" + strconv.Itoa(x) + " " + strconv.Itoa(from) + "v" + strconv.Itoa(to-from))
	}
}

// top returns what the upper edge of a drawing stands for: a round number not below the median of any stretch. Single
// stragglers may be above it: they would flatten all else.
func top(buckets []monitor.Stretch) time.Duration {
	var highest, straggler time.Duration
	for _, b := range buckets {
		if b.HasRTT {
			highest = max(highest, b.P75)
			straggler = max(straggler, b.Max)
		}
	}
	return roundUp(max(highest, min(straggler, highest*3/2)))
}

// roundUp returns the next duration a quarter of which is a round number, for a scale of four steps.
func roundUp(d time.Duration) time.Duration {
	if d <= 0 {
		return 0
	}
	for unit := 100 * time.Nanosecond; ; unit *= 10 {
		for _, n := range [...]time.Duration{10, 12, 16, 20, 24, 32, 40, 60, 80} {
			if n*unit >= d {
				return n * unit
			}
		}
	}
}
