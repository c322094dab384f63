package monitor

import (
	"math"
	"math/bits"
	"net/netip"
	"slices"
	"sync"
	"time"

	"tcpprobe/internal/stats"
	"tcpprobe/probe"
)

// Target is what is known of one target. It is a prober.Observer: Result is for a worker, everything else for readers.
type Target struct {
	store *Store
	name  string

	mu      sync.Mutex // held for the time of a copy, and never while anything is kept, printed or waited for
	watched bool
	labels  []Label
	figures
}

// figures are what a Target counts and keeps.
type figures struct {
	total    uint64
	outcomes [Outcomes]uint64
	findings []finding // those that there were
	syns     uint64
	lost     uint64
	recent   ring
	trend    trend
	last     check // by its start
	address  netip.Addr
	phases   Phases // of the last
	rtts     stats.Histogram
	buckets  [Buckets + 1]uint64
	jitter   jitter
	outages  outages
	seconds  time.Duration // of outages, as told at the most: a counter does not fall
	kept     []kept
	failure  ID                         // the last one that was kept
	odd      map[Findings]time.Duration // when there was each finding last
}

// kept is evidence of a target.
type kept struct {
	start time.Duration // of the handshake
	id    ID
}

// mostKept is how much evidence there is of a target at the most: one that comes and goes does not push out that of others.
const mostKept = 8

// sameFinding is how long a finding that comes again is no news.
const sameFinding = time.Minute

// Outcomes is how many outcomes there are, with the one that is none yet.
const Outcomes = int(probe.OutcomeInterrupted)

// Name returns the target as HOST:PORT.
func (t *Target) Name() string { return t.name }

// Event does nothing: what is worth keeping is in the result.
func (t *Target) Event(*probe.Result, *probe.Event) {}

// Over does nothing.
func (t *Target) Over() {}

// Result takes the result of a handshake. Of a new failure or a new finding, r is copied.
func (t *Target) Result(r *probe.Result) {
	if r.Outcome == probe.OutcomeInterrupted || r.Outcome == probe.OutcomePending {
		return
	}
	c, news := t.add(r)
	if !news {
		return
	}
	t.keep(c, Evidence{Watched: true, Result: r.Clone()})
}

// add counts a result, and reports whether it is news: the first failure of an outage, another failure than the one before, or a
// finding that was not there in the last minute.
func (t *Target) add(r *probe.Result) (c check, news bool) {
	start := r.Start.User
	if start.IsZero() {
		start = r.Time
	}
	c = newCheck(r, start.Sub(t.store.zero))
	t.mu.Lock()
	defer t.mu.Unlock()
	before := t.last
	t.total++
	t.outcomes[c.outcome]++
	t.countFindings(c.findings)
	if r.TCP != nil {
		t.syns += uint64(r.TCP.SYNSent)
		t.lost += uint64(stats.SYNsLost(r))
	}
	if c.up() && c.rtt >= 0 {
		t.rtts.Add(c.rtt)
		t.buckets[bucketOf(c.rtt)]++
		t.jitter.add(c.rtt)
	}
	t.recent.add(c, t.store.options.History)
	t.trend.add(c, t.store.stretchOf(c.start))
	if t.total == 1 || c.start >= before.start {
		t.last, t.phases = c, PhasesOf(r)
		if r.Address.IsValid() {
			t.address = r.Address
		}
	}
	begins, found := t.outages.add(c, t.recent.nextUp), t.newFinding(c)
	return c, begins || found || !c.up() && before.outcome != c.outcome
}

// finding is how often one was there.
type finding struct {
	place uint8 // in probe.Findings
	count uint64
}

// countFindings counts the findings of a check.
func (f *figures) countFindings(set Findings) {
	for ; set != 0; set &= set - 1 {
		place := uint8(bits.TrailingZeros64(uint64(set)))
		i := slices.IndexFunc(f.findings, func(one finding) bool { return one.place == place })
		if i < 0 {
			i = len(f.findings)
			f.findings = append(f.findings, finding{place: place})
		}
		f.findings[i].count++
	}
}

// newFinding reports whether a check has a finding that none had in the last minute.
func (t *Target) newFinding(c check) (is bool) {
	for set := c.findings; set != 0; set &= set - 1 {
		one := set & -set
		if t.odd == nil {
			t.odd = make(map[Findings]time.Duration, 1)
		}
		last, was := t.odd[one]
		is = is || !was || c.start-last >= sameFinding
		t.odd[one] = c.start
	}
	return is
}

// keep keeps evidence of a check.
func (t *Target) keep(c check, e Evidence) ID {
	t.mu.Lock()
	before := t.failure
	t.mu.Unlock()
	id := t.store.evidence.add(e, before)
	if !e.Noteworthy() {
		return id
	}
	t.mu.Lock()
	if e.Failed() {
		t.failure = id
	}
	t.outages.noteEvidence(c.start, id)
	out := t.note(kept{c.start, id})
	t.mu.Unlock()
	if out != 0 {
		t.store.evidence.remove(out)
	}
	return id
}

// note notes what was kept, and returns what is to go for it: the oldest, but not the last failure.
func (f *figures) note(k kept) (out ID) {
	f.kept = append(f.kept, k)
	if len(f.kept) <= mostKept {
		return 0
	}
	i := slices.IndexFunc(f.kept, func(k kept) bool { return k.id != f.failure })
	out = f.kept[i].id
	f.kept = slices.Delete(f.kept, i, i+1)
	return out
}

// Reset forgets everything but the name, the labels and the evidence.
func (t *Target) Reset() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.figures = figures{}
}

// jitter is the mean of the differences, without their sign, between each round-trip time and the one before it.
type jitter struct {
	before time.Duration
	n      int     // round-trip times
	mean   float64 // nanoseconds
}

func (j *jitter) add(rtt time.Duration) {
	if j.n > 0 {
		j.mean += (math.Abs(float64(rtt-j.before)) - j.mean) / float64(j.n)
	}
	j.before, j.n = rtt, j.n+1
}

// The classic buckets of round-trip times end at 50 µs, and at twice the one before: the last of 20 at 26 s.
const (
	Buckets     = 20
	firstBucket = 50 * time.Microsecond
)

// BucketEnd returns the longest duration that belongs to a classic bucket, from 0 to Buckets-1.
func BucketEnd(i int) time.Duration { return firstBucket << i }

// bucketOf returns which classic bucket a duration belongs to; Buckets if it is longer than all.
func bucketOf(d time.Duration) int {
	for i := range Buckets {
		if d <= BucketEnd(i) {
			return i
		}
	}
	return Buckets
}
