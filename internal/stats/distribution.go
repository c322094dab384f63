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
// It is not ok if there are none. The percentiles are exact up to 5,000 samples, and within 1 % for more.
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
	n        int
	min, max time.Duration
	mean, m2 float64         // nanoseconds, and the sum of the squares of the distances from the mean (Welford)
	exact    []time.Duration // all of them, until there are too many
	buckets  []bucket        // how many fell into which, from then on: those that are not empty, in order
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
	if s.exact != nil {
		slices.Sort(s.exact)
		for _, d := range s.exact {
			s.count(d)
		}
		s.exact = nil
	}
	s.count(d)
}

// count counts a sample in its bucket.
func (s *samples) count(d time.Duration) {
	number := bucketOf(d)
	i, found := slices.BinarySearchFunc(s.buckets, number, func(b bucket, n uint16) int { return int(b.number) - int(n) })
	if !found {
		s.buckets = slices.Insert(s.buckets, i, bucket{number: number})
	}
	s.buckets[i].count++
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
	for _, b := range s.buckets {
		if seen += b.count; seen >= rank {
			return min(max(b.middle(), s.min), s.max)
		}
	}
	return s.max
}

// The buckets are log-linear: every power of two of nanoseconds is cut into 64 equal ones, so that the middle of a
// bucket is within 1/128 of whatever fell into it. Durations below 64 ns have a bucket each.
const subBits = 6

// bucket is a range of durations, and how many samples fell into it. Those of one target lie close together: of the 3,712
// buckets that there are, few are ever used.
type bucket struct {
	number uint16
	count  uint64
}

// bucketOf returns the number of the bucket that a duration falls into.
func bucketOf(d time.Duration) uint16 {
	v := uint64(d)
	shift := max(bits.Len64(v)-1-subBits, 0)
	return uint16(shift<<subBits + int(v>>shift))
}

// middle returns the duration in the middle of the bucket.
func (b bucket) middle() time.Duration {
	i := int(b.number)
	shift := max(i>>subBits-1, 0)
	low := uint64(i-shift<<subBits) << shift
	return time.Duration(low + (uint64(1)<<shift)/2)
}
