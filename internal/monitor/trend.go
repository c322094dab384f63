package monitor

import (
	"math"
	"slices"
	"time"
)

// Stretch is the handshakes of a target that started in a stretch of time, in short.
type Stretch struct {
	From       time.Time
	Handshakes int
	Failed     int // that were not established
	SYNs       int
	SYNsLost   int

	// The distribution of the round-trip times of established handshakes. There is none without HasRTT.
	HasRTT                  bool
	Min, P25, P50, P75, Max time.Duration
}

// Loss returns the share of the SYNs, from 0 to 1, that were lost; 0 if there were none.
func (s Stretch) Loss() float64 {
	if s.SYNs == 0 {
		return 0
	}
	return float64(s.SYNsLost) / float64(s.SYNs)
}

// A trend reaches back a day, in stretches of TrendLength, the last of which is not over.
const (
	TrendLength   = 15 * time.Minute
	mostStretches = int(24 * time.Hour / TrendLength)
)

// trend is what became of a target's handshakes in a day. There may be very many targets.
type trend struct {
	over    []stretch // the oldest first
	current sample
}

// stretch is a Stretch as it is kept.
type stretch struct {
	number       int32 // of those since the Store's zero
	n, failed    uint16
	syns, lost   uint16
	distribution [5]code // zeros if there is none
}

// sample is the stretch that is not over, and some of its round-trip times: every one, or every second, fourth, …
type sample struct {
	stretch
	rtts   []code
	every  uint16
	passed uint16 // since the last that was taken
	low    code
	high   code
}

// sampled is how many round-trip times of a stretch are kept, for percentiles that need not be exact.
const sampled = 64

// add takes a check of the stretch with a number.
func (t *trend) add(c check, number int32) {
	if number > t.current.number {
		t.next(number)
	}
	s := t.find(number)
	if s == nil {
		return // it is older than all that is kept
	}
	increase(&s.n, 1)
	increase(&s.syns, uint16(c.syns))
	increase(&s.lost, uint16(c.lost))
	if !c.up() {
		increase(&s.failed, 1)
	} else if c.rtt >= 0 && s == &t.current.stretch {
		t.current.add(codeOf(c.rtt))
	}
}

// next begins the stretch with a number, in place of the current one.
func (t *trend) next(number int32) {
	if t.current.n > 0 {
		t.current.distribute()
		if len(t.over) == mostStretches {
			t.over = slices.Delete(t.over, 0, 1)
		}
		if t.over == nil {
			t.over = make([]stretch, 0, mostStretches) // append would leave room for a third more
		}
		t.over = append(t.over, t.current.stretch)
	}
	t.current = sample{stretch: stretch{number: number}, rtts: t.current.rtts[:0], every: 1}
}

// find returns the stretch with a number: one that is over, if a handshake took its time.
func (t *trend) find(number int32) *stretch {
	if number == t.current.number {
		return &t.current.stretch
	}
	for i := range t.over {
		if t.over[i].number == number {
			return &t.over[i]
		}
	}
	return nil
}

// add takes a round-trip time. Once there are too many, every second of them goes.
func (s *sample) add(c code) {
	if len(s.rtts) == 0 && s.low == 0 {
		s.low, s.high = c, c
	}
	s.low, s.high = min(s.low, c), max(s.high, c)
	if s.passed++; s.passed < s.every {
		return
	}
	s.passed = 0
	if len(s.rtts) == sampled {
		for i := range sampled / 2 {
			s.rtts[i] = s.rtts[2*i+1]
		}
		s.rtts = s.rtts[:sampled/2]
		s.every = 2 * max(s.every, 1)
	}
	s.rtts = append(s.rtts, c)
}

// distribute makes the distribution of what was sampled.
func (s *sample) distribute() {
	if len(s.rtts) == 0 {
		return
	}
	sorted := slices.Sorted(slices.Values(s.rtts))
	rank := func(p float64) code { return sorted[max(int(math.Ceil(p*float64(len(sorted))))-1, 0)] }
	s.distribution = [5]code{s.low, rank(0.25), rank(0.5), rank(0.75), s.high}
}

// stretches returns the trend, the current stretch included.
func (t *trend) stretches(clock clock, phase time.Duration) []Stretch {
	current := t.current
	current.distribute()
	all := make([]Stretch, 0, len(t.over)+1)
	for _, s := range append(slices.Clone(t.over), current.stretch) {
		if s.n == 0 {
			continue
		}
		d := s.distribution
		all = append(all, Stretch{
			From:       clock.time(time.Duration(s.number)*TrendLength - phase),
			Handshakes: int(s.n), Failed: int(s.failed), SYNs: int(s.syns), SYNsLost: int(s.lost),
			HasRTT: d != [5]code{}, Min: d[0].duration(), P25: d[1].duration(), P50: d[2].duration(), P75: d[3].duration(), Max: d[4].duration(),
		})
	}
	return all
}

// phase is how long before the Store's zero a stretch began by the wall clock, so that stretches begin on the quarter of an hour.
func (s *Store) phase() time.Duration { return s.zero.Sub(s.zero.Truncate(TrendLength)) }

// stretchOf returns the number of the stretch in which a time is.
func (s *Store) stretchOf(start time.Duration) int32 {
	return int32((start + s.phase()) / TrendLength)
}

// increase adds to a counter that does not overflow.
func increase(counter *uint16, by uint16) {
	*counter = uint16(min(uint32(*counter)+uint32(by), math.MaxUint16))
}

// code is a duration within 0.04 %: its logarithm. 0 is none.
type code uint16

// codes is how many codes there are from one duration to twice as much.
const codes = 1024

func codeOf(d time.Duration) code {
	return code(min(math.Round(codes*math.Log2(float64(max(d, 2)))), math.MaxUint16))
}

func (c code) duration() time.Duration {
	if c == 0 {
		return 0
	}
	return time.Duration(math.Round(math.Exp2(float64(c) / codes)))
}
