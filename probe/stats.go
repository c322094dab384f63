package probe

import (
	"math"
	"math/bits"
	"net/netip"
	"slices"
	"time"

	"tcpprobe/internal/stamp"
)

// Summary is what many handshakes with one target amount to. It takes the same memory for a million of them as for ten
// thousand.
type Summary struct {
	Target  string     // as the user wrote it
	Address netip.Addr // that the SYNs went to; not valid if there were several, or none

	// How many handshakes there were, and how they ended. One that was interrupted before its verdict is not counted.
	Sent        int
	Established int
	Refused     int
	Unreachable int
	Timeout     int
	Failed      int // DNSError, NoRoute, ARPTimeout, LocalError: they say nothing of the target

	SYNs     int           // that left, retransmissions included
	SYNsLost int           // that left before the one that was answered, or that nothing answered
	Duration time.Duration // from the start of the first handshake to the last event, or change of state, of any

	Checks []Check // the assertions that were checked

	several bool // addresses
	started bool
	start   stamp.Stamp // of the first handshake
	rtts    samples
	course  course
}

// NewSummary returns the Summary of no handshakes yet.
func NewSummary(target string) *Summary { return &Summary{Target: target} }

// Add takes the result of a handshake that is over.
func (s *Summary) Add(r *Result) {
	switch r.Outcome {
	case OutcomeEstablished:
		s.Established++
	case OutcomeRefused:
		s.Refused++
	case OutcomeUnreachable:
		s.Unreachable++
	case OutcomeTimeout:
		s.Timeout++
	case OutcomeDNSError, OutcomeNoRoute, OutcomeARPTimeout, OutcomeLocalError:
		s.Failed++
	default:
		return
	}
	s.Sent++
	s.extend(r)
	t := r.TCP
	this := step{start: began(r).User, established: r.Outcome == OutcomeEstablished}
	if this.established && t != nil && t.Answered && !t.RTTAmbiguous {
		this.rtt, this.measured = t.RTT, true
		s.rtts.add(t.RTT)
	}
	s.course.add(this)
	if t == nil {
		return
	}
	switch address := t.Remote.Addr(); {
	case s.several:
	case !s.Address.IsValid():
		s.Address = address
	case s.Address != address:
		s.Address, s.several = netip.Addr{}, true
	}
	s.SYNs += t.SYNSent
	switch {
	case !t.Answered:
		s.SYNsLost += t.SYNSent
	case t.AnsweredSYN > 0:
		s.SYNsLost += t.AnsweredSYN - 1
	default:
		s.SYNsLost += t.SYNSent - 1 // as in its RTT, the last one is taken for the one that was answered
	}
}

// began returns when a handshake started: with its first event, or where it failed before any, when it was set about.
func began(r *Result) stamp.Stamp {
	if r.Start.IsZero() {
		return stamp.Stamp{User: r.Time}
	}
	return r.Start
}

// extend makes the Duration reach from the start of a result, which need not be the first to end, to its end.
func (s *Summary) extend(r *Result) {
	start := began(r)
	switch {
	case !s.started:
		s.started, s.start = true, start
	case start.User.Before(s.start.User):
		d, _ := stamp.Between(start, s.start)
		s.Duration += d
		s.start = start
	}
	until := func(at stamp.Stamp) {
		d, _ := stamp.Between(s.start, at)
		s.Duration = max(s.Duration, d)
	}
	until(start)
	if n := len(r.Events); n > 0 {
		until(r.Events[n-1].At)
	}
	if t := r.TCP; t != nil && len(t.States) > 0 {
		until(t.States[len(t.States)-1].At)
	}
}

// Loss returns the share of the handshakes, 0 to 1, that the peer did not answer by SYN-ACK or RST. It is 0 if there
// were none.
func (s *Summary) Loss() float64 {
	if s.Sent == 0 {
		return 0
	}
	return float64(s.Sent-s.Established-s.Refused) / float64(s.Sent)
}

// Expect says how many handshakes that began later may end before one does, with the Course still exact, in place of
// 4,096. It takes some 100 octets of memory for each: with many targets, that counts.
func (s *Summary) Expect(overtaking int) { s.course.most = overtaking }

// Course returns what the handshakes show in the order of their starts. It is exact as long as no handshake is overtaken by
// more than 4,096 that began later and end before it.
func (s *Summary) Course() Course { return s.course.until(s.start.User.Add(s.Duration)) }

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
