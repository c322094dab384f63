package stats

import (
	"iter"
	"math"
	"slices"
	"time"
)

// finest is the schema of a Histogram's own buckets.
const finest = 6

// zeros is the number of the bucket of durations of 0, which is before all others.
const zeros = math.MinInt16

// Histogram is the distribution of durations, in memory that grows with how different they are and not with how many there are: a
// bucket that nothing fell into takes none. The zero value has none.
//
// The buckets are those of Prometheus' native histograms of schema 6: their bounds are the powers of 2^(1/64) seconds, so that the
// middle of a bucket is within 0.6 % of whatever fell into it.
type Histogram struct {
	moments
	numbers []int16  // of the buckets that something fell into, in order: bucket i ends at 2^(i/64) s, which belongs to it
	counts  []uint64 // how many
}

// moments are what is known of durations without keeping them.
type moments struct {
	n        uint64
	min, max time.Duration
	mean, m2 float64 // nanoseconds, and the sum of the squares of the distances from the mean (Welford)
	sum      time.Duration
}

func (m *moments) add(d time.Duration) {
	if m.n == 0 || d < m.min {
		m.min = d
	}
	m.max = max(m.max, d)
	m.n++
	m.sum += d
	delta := float64(d) - m.mean
	m.mean += delta / float64(m.n)
	m.m2 += delta * (float64(d) - m.mean)
}

// Add counts a duration. One below 0 counts as 0.
func (h *Histogram) Add(d time.Duration) {
	d = max(d, 0)
	h.moments.add(d)
	h.count(d)
}

// Len returns how many durations were added.
func (h *Histogram) Len() uint64 { return h.n }

// Sum returns the sum of all durations.
func (h *Histogram) Sum() time.Duration { return h.sum }

// Clone returns a copy.
func (h *Histogram) Clone() Histogram {
	c := *h
	c.numbers, c.counts = slices.Clone(h.numbers), slices.Clone(h.counts)
	return c
}

// RTT returns the distribution. It is not ok if there are no durations.
func (h *Histogram) RTT() (rtt RTT, ok bool) {
	if h.n == 0 {
		return RTT{}, false
	}
	return h.distribution(h.atRank), true
}

// Buckets yields the buckets that something fell into, and how many, from the shortest durations on, of a schema from 0 to 6:
// bucket i ends at 2^(i/2^schema) seconds, which belongs to it. Durations of 0 are in none.
func (h *Histogram) Buckets(schema int) iter.Seq2[int, uint64] {
	shift := finest - schema
	first := 0
	if h.Zeros() > 0 {
		first = 1
	}
	return func(yield func(int, uint64) bool) {
		for i := first; i < len(h.numbers); {
			number, count := coarser(h.numbers[i], shift), uint64(0)
			for ; i < len(h.numbers) && coarser(h.numbers[i], shift) == number; i++ {
				count += h.counts[i]
			}
			if !yield(number, count) {
				return
			}
		}
	}
}

// Zeros returns how many durations were 0.
func (h *Histogram) Zeros() uint64 {
	if len(h.numbers) == 0 || h.numbers[0] != zeros {
		return 0
	}
	return h.counts[0]
}

// coarser returns the number of the bucket that contains another, where there are 2^shift times fewer.
func coarser(number int16, shift int) int { return (int(number) + 1<<shift - 1) >> shift }

// count counts a duration in its bucket.
func (h *Histogram) count(d time.Duration) {
	number := int16(zeros)
	if d > 0 {
		number = int16(math.Ceil(math.Log2(d.Seconds()) * (1 << finest)))
	}
	i, found := slices.BinarySearch(h.numbers, number)
	if !found {
		h.numbers, h.counts = insert(h.numbers, i, number), insert(h.counts, i, 0)
	}
	h.counts[i]++
}

// insert is slices.Insert, with room for few more: very many targets have a Histogram each.
func insert[E any](s []E, i int, e E) []E {
	const more = 16
	if len(s) == cap(s) {
		grown := make([]E, len(s), len(s)+more)
		copy(grown, s)
		s = grown
	}
	return slices.Insert(s, i, e)
}

// atRank returns the middle of the bucket that holds the duration with a rank, from 1.
func (h *Histogram) atRank(rank uint64) time.Duration {
	var seen uint64
	for i, count := range h.counts {
		if seen += count; seen < rank {
			continue
		}
		if h.numbers[i] == zeros {
			return 0
		}
		middle := math.Exp2((float64(h.numbers[i])-0.5)/(1<<finest)) * float64(time.Second)
		if middle >= float64(h.max) {
			return h.max
		}
		return max(time.Duration(math.Round(middle)), h.min)
	}
	return h.max
}

// distribution returns the distribution, given the duration with a rank, from 1.
func (m *moments) distribution(atRank func(uint64) time.Duration) RTT {
	percentile := func(p uint64) time.Duration { return atRank((m.n*p + 99) / 100) } // the nearest rank
	return RTT{
		Min: m.min, Max: m.max,
		Avg:  time.Duration(math.Round(m.mean)),
		MDev: time.Duration(math.Round(math.Sqrt(m.m2 / float64(m.n)))),
		P50:  percentile(50), P90: percentile(90), P99: percentile(99),
	}
}
