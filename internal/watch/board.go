package watch

import (
	"sync"
	"time"

	"tcpprobe/internal/monitor"
	"tcpprobe/internal/stats"
	"tcpprobe/probe"
)

// Board is what is known of the targets that are watched. Results are added while others look at it.
type Board struct {
	store *monitor.Store

	mu    sync.Mutex
	seats []*seat
}

// seat is what the Board has of one target.
type seat struct {
	target *monitor.Target

	mu       sync.Mutex
	brief    Brief
	evidence Evidence
}

// mostChecks is how many handshakes are kept in short, of all targets together; leastHistory is how many of each are in any case.
const (
	mostChecks   = 1 << 19
	mostHistory  = 1 << 13
	leastHistory = 1 << 8
)

// NewBoard returns a Board for so many targets, on which nothing stands before a time.
func NewBoard(targets int, now time.Time) *Board {
	history := min(max(mostChecks/max(targets, 1), leastHistory), mostHistory)
	const octets = 1 // what is kept whole is kept here
	return &Board{store: monitor.New(monitor.Options{History: history, Octets: octets}, now)}
}

// Add adds a target at the end, and returns its number.
func (b *Board) Add(name string) int {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.seats = append(b.seats, &seat{target: b.store.Watch(name), brief: newBrief(name)})
	return len(b.seats) - 1
}

func newBrief(name string) Brief { return Brief{Name: name, Outcome: probe.OutcomePending, RTT: -1} }

// Result takes the result of a handshake with a target, which nobody changes any more.
func (b *Board) Result(i int, r *probe.Result) {
	if r.Outcome == probe.OutcomeInterrupted || r.Outcome == probe.OutcomePending {
		return
	}
	s := b.seat(i)
	s.target.Result(r)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.brief.add(r)
	if s.brief.Latest.Equal(r.Time) {
		s.evidence.Last = r
	}
	if r.Outcome != probe.OutcomeEstablished {
		s.evidence.Failed = r
	}
}

func (b *Board) seat(i int) *seat {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.seats[i]
}

// add counts a result.
func (b *Brief) add(r *probe.Result) {
	b.Sent++
	switch r.Outcome {
	case probe.OutcomeEstablished:
		b.Established++
		b.Answered++
	case probe.OutcomeRefused:
		b.Answered++
	}
	if !r.Time.Before(b.Latest) { // a timeout ends after handshakes that began later
		b.latest(r)
	}
	if t := r.TCP; t != nil {
		b.SYNs += t.SYNSent
		b.SYNsLost += stats.SYNsLost(r)
	}
	if n := len(r.Findings); n > 0 {
		b.Finding = r.Findings[n-1]
	}
	if r.Outcome != probe.OutcomeEstablished || len(r.Findings) > 0 {
		b.Troubled = r.Time
	}
}

// latest takes the result of the handshake that began last.
func (b *Brief) latest(r *probe.Result) {
	b.Latest, b.Outcome, b.RTT = r.Time, r.Outcome, -1
	if t := r.TCP; t != nil && t.Answered && !t.RTTAmbiguous {
		b.RTT = max(t.RTT, 0)
	}
	switch {
	case r.Outcome == probe.OutcomeEstablished:
		b.OutageSince = time.Time{}
	case b.OutageSince.IsZero():
		b.OutageSince = r.Time
	}
}

// Reset forgets what was counted so far.
func (b *Board) Reset() {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, s := range b.seats {
		s.target.Reset()
		s.mu.Lock()
		s.brief, s.evidence = newBrief(s.brief.Name), Evidence{}
		s.mu.Unlock()
	}
}

// At returns what is known at a time, now.
func (b *Board) At(now time.Time) Targets {
	b.mu.Lock()
	seats := b.seats[:len(b.seats):len(b.seats)]
	b.mu.Unlock()
	f := &frame{now: now, seats: seats, briefs: make([]Brief, len(seats)), snapshots: make(map[int]*monitor.Snapshot)}
	for i, s := range seats {
		s.mu.Lock()
		f.briefs[i] = s.brief
		s.mu.Unlock()
	}
	return f
}

// frame is the Board at one moment. It is for one goroutine.
type frame struct {
	now       time.Time
	seats     []*seat
	briefs    []Brief
	snapshots map[int]*monitor.Snapshot // those that were asked for
}

// Len returns how many targets there are.
func (f *frame) Len() int { return len(f.seats) }

// Brief returns what all targets are sorted and counted by.
func (f *frame) Brief(i int) Brief { return f.briefs[i] }

// Evidence returns the handshakes that are kept whole.
func (f *frame) Evidence(i int) Evidence {
	s := f.seats[i]
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.evidence
}

// Recent returns the latest handshakes of a target.
func (f *frame) Recent(i, most int) []Check {
	checks := f.snapshot(i).Checks
	checks = checks[max(len(checks)-most, 0):]
	all := make([]Check, len(checks))
	for k, c := range checks {
		all[k] = Check{Time: c.Time, Outcome: c.Outcome, RTT: -1, SYNs: c.SYNs, Findings: c.Findings != 0}
		if c.HasRTT {
			all[k].RTT = c.RTT
		}
	}
	return all
}

// Figures returns the statistics of a target.
func (f *frame) Figures(i int) Figures {
	s := f.snapshot(i)
	all := Figures{RTT: s.RTT, HasRTT: s.HasRTT, Jitter: s.Jitter, HasJitter: s.HasJitter}
	for _, o := range s.Latest {
		all.Outages = append(all.Outages, outageOf(o))
	}
	if s.Longest.Handshakes > 0 {
		all.Longest = outageOf(s.Longest)
	}
	all.Flaps = int(s.Outages)
	return all
}

func outageOf(o monitor.Outage) Outage {
	return Outage{Began: o.Start, Duration: o.Duration, Handshakes: o.Handshakes, Over: !o.End.IsZero()}
}

func (f *frame) snapshot(i int) *monitor.Snapshot {
	s := f.snapshots[i]
	if s == nil {
		taken := f.seats[i].target.Snapshot(f.now)
		s = &taken
		f.snapshots[i] = s
	}
	return s
}
