package stats

import (
	"math"
	"math/bits"
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
// It is not ok if there are none. The percentiles are exact up to 10,000 samples, and within 1 % for more.
func (s *Summary) RTT() (rtt RTT, ok bool) {
	if s.rtts.n == 0 {
		return RTT{}, false
	}
	return s.rtts.distribution(), true
}

// maximumExact is how many samples are kept as they are.
const maximumExact = 10_000

// samples are durations of which the distribution is wanted.
type samples struct {
	n        int
	min, max time.Duration
	mean, m2 float64         // nanoseconds, and the sum of the squares of the distances from the mean (Welford)
	exact    []time.Duration // all of them, until there are too many
	buckets  []uint64        // how many fell into which bucket, from then on
}

func (s *samples) add(d time.Duration) {
	d = max(d, 0)
	if s.n == 0 || d < s.min {
		s.min = d
	}
	s.max = max(s.max, d)
	s.n++
	delta := float64(d) - s.mean
	s.mean += delta / float64(s.n)
	s.m2 += delta * (float64(d) - s.mean)

	if s.n <= maximumExact {
		s.exact = append(s.exact, d)
		return
	}
	if s.buckets == nil {
		s.buckets = make([]uint64, bucketCount)
		for _, d := range s.exact {
			s.buckets[bucket(d)]++
		}
		s.exact = nil
	}
	s.buckets[bucket(d)]++
}

func (s *samples) distribution() RTT {
	sorted := slices.Sorted(slices.Values(s.exact))
	percentile := func(p int) time.Duration {
		rank := (s.n*p + 99) / 100 // the nearest rank, from 1
		if s.buckets == nil {
			return sorted[rank-1]
		}
		return s.inBuckets(uint64(rank))
	}
	return RTT{
		Min: s.min, Max: s.max,
		Avg:  time.Duration(math.Round(s.mean)),
		MDev: time.Duration(math.Round(math.Sqrt(s.m2 / float64(s.n)))),
		P50:  percentile(50), P90: percentile(90), P99: percentile(99),
	}
}

// inBuckets returns the middle of the bucket that holds the sample with that rank.
func (s *samples) inBuckets(rank uint64) time.Duration {
	var seen uint64
	for i, n := range s.buckets {
		if seen += n; seen >= rank {
			return min(max(middle(i), s.min), s.max)
		}
	}
	return s.max
}

// The buckets are log-linear: every power of two of nanoseconds is cut into 64 equal ones, so that the middle of a
// bucket is within 1/128 of whatever fell into it. Durations below 64 ns have a bucket each.
const (
	subBits     = 6
	bucketCount = (64 - subBits) << subBits
)

// bucket returns the number of the bucket that a duration falls into.
func bucket(d time.Duration) int {
	v := uint64(d)
	shift := max(bits.Len64(v)-1-subBits, 0)
	return shift<<subBits + int(v>>shift)
}

// middle returns the duration in the middle of a bucket.
func middle(i int) time.Duration {
	shift := max(i>>subBits-1, 0)
	low := uint64(i-shift<<subBits) << shift
	return time.Duration(low + (uint64(1)<<shift)/2)
}
