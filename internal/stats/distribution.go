package stats

import (
	"slices"
	"time"
)

// RTT is the distribution of the round-trip times.
type RTT struct {
	Min, Avg, Max time.Duration
	MDev          time.Duration // standard deviation, as ping(8) calls it
	P50, P90, P99 time.Duration // percentiles, by the nearest rank
}

// RTT returns the distribution of the round-trip times of the established handshakes, without those that are ambiguous.
// It is not ok if there are none. The percentiles are exact up to 5,000 samples, or as many as Expect says, and within 1 % for more.
func (s *Summary) RTT() (rtt RTT, ok bool) {
	if s.rtts.n == 0 {
		return RTT{}, false
	}
	return s.rtts.distribution(), true
}

// maximumExact is how many samples are kept as they are.
const maximumExact = 5_000

// samples are durations of which the distribution is wanted.
type samples struct {
	Histogram                 // of all of them, once there are too many to keep
	exact     []time.Duration // all of them, until then
	most      int             // exact ones; 0 is maximumExact
}

func (s *samples) add(d time.Duration) {
	d = max(d, 0)
	s.moments.add(d)
	most := s.most
	if most == 0 {
		most = maximumExact
	}
	if s.n <= uint64(most) {
		s.exact = append(s.exact, d)
		return
	}
	for _, d := range s.exact {
		s.count(d)
	}
	s.exact = nil
	s.count(d)
}

func (s *samples) distribution() RTT {
	if s.exact == nil {
		return s.moments.distribution(s.atRank)
	}
	sorted := slices.Sorted(slices.Values(s.exact))
	return s.moments.distribution(func(rank uint64) time.Duration { return sorted[rank-1] })
}

// Exact returns the distribution of durations, none of which is below 0, with exact percentiles. It is not ok if there are none.
func Exact(durations []time.Duration) (rtt RTT, ok bool) {
	var s samples
	for _, d := range durations {
		s.moments.add(d)
	}
	if s.n == 0 {
		return RTT{}, false
	}
	s.exact = durations
	return s.distribution(), true
}
