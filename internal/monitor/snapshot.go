package monitor

import (
	"net/netip"
	"slices"
	"time"

	"tcpprobe/internal/stats"
)

// Figures are what a target's handshakes amount to. A metric can be made of each.
type Figures struct {
	Name    string // HOST:PORT
	Labels  []Label
	Watched bool // it is probed continuously, and not on demand

	Handshakes uint64
	Outcomes   [Outcomes]uint64     // by outcome
	Findings   [MostFindings]uint64 // by place in probe.Findings
	SYNs       uint64
	SYNsLost   uint64

	Last    Check // by its start; nothing if there is no handshake
	Address netip.Addr
	Phases  Phases // of the last

	RTTs    uint64              // how many round-trip times there are: of established handshakes, but for those that are ambiguous
	RTTSum  time.Duration       // of all of them
	Buckets [Buckets + 1]uint64 // how many are in each classic bucket alone, the last for those that are longer

	Outages       uint64
	OutageSeconds float64   // of all of them, with the one that goes on up to the start of its last handshake; it never falls
	OutageStart   time.Time // of the one that goes on; zero if there is none
}

// Up reports whether the last handshake was established.
func (f *Figures) Up() bool { return f.Handshakes > 0 && f.Last.Up() }

// Loss returns the share of the SYNs, from 0 to 1, that were lost; 0 if there were none.
func (f *Figures) Loss() float64 {
	if f.SYNs == 0 {
		return 0
	}
	return float64(f.SYNsLost) / float64(f.SYNs)
}

// Snapshot is what there is to tell of a target.
type Snapshot struct {
	Figures
	Checks    []Check   // the latest, the one that started first in front
	Latest    []Outage  // outages, the oldest first; the last may go on
	Longest   Outage    // outage; nothing if there was none
	RTT       stats.RTT // exact as long as all round-trip times are in Checks
	HasRTT    bool
	Jitter    time.Duration // the mean of the differences between each round-trip time and the one before
	HasJitter bool
	Evidence  []ID // failures and findings that are kept, the oldest first
}

// Watched reports whether the target is probed continuously.
func (t *Target) Watched() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.watched
}

// Figures returns the figures of a target. now is what the times in them are true of, if the wall clock was set meanwhile.
func (t *Target) Figures(now time.Time) Figures {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.copyFigures(t.store.clock(now))
}

// RTTs returns the distribution of a target's round-trip times.
func (t *Target) RTTs() stats.Histogram {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.rtts.Clone()
}

// Trend returns the stretches of the last day in which handshakes began, the oldest first.
func (t *Target) Trend(now time.Time) []Stretch {
	clock := t.store.clock(now)
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.trend.stretches(clock, t.store.phase())
}

// Snapshot returns everything about a target but its Trend. now is the time, by both clocks.
func (t *Target) Snapshot(now time.Time) Snapshot {
	clock := t.store.clock(now)
	t.mu.Lock()
	s := Snapshot{Figures: t.copyFigures(clock)}
	recent := ring{checks: slices.Clone(t.recent.checks), next: t.recent.next}
	latest, on, longest := slices.Clone(t.outages.latest), t.outages.on, t.outages.longest
	rtts, j := t.rtts.Clone(), t.jitter
	noted := slices.Clone(t.kept)
	t.mu.Unlock()

	ids := make([]ID, len(noted))
	for i, k := range noted {
		ids[i] = k.id
	}
	s.Evidence = t.store.evidence.kept(ids)
	idOf := func(start time.Duration) ID {
		for _, k := range noted {
			if k.start == start && slices.Contains(s.Evidence, k.id) {
				return k.id
			}
		}
		return 0
	}
	sorted := recent.sorted()
	all := make([]time.Duration, 0, len(sorted))
	s.Checks = make([]Check, 0, len(sorted))
	for _, c := range sorted {
		s.Checks = append(s.Checks, clock.check(c, idOf(c.start)))
		if c.up() && c.rtt >= 0 {
			all = append(all, c.rtt)
		}
	}
	s.Last.Evidence = 0
	if n := len(s.Checks); n > 0 {
		s.Last.Evidence = s.Checks[n-1].Evidence
	}
	for i, o := range latest {
		s.Latest = append(s.Latest, clock.outage(o, on && i == len(latest)-1, s.Evidence))
	}
	if longest.handshakes > 0 {
		s.Longest = clock.outage(longest, false, s.Evidence)
	}
	if n := len(s.Latest); n > 0 && on && s.Latest[n-1].Duration > s.Longest.Duration {
		s.Longest = s.Latest[n-1]
	}
	if uint64(len(all)) == rtts.Len() {
		s.RTT, s.HasRTT = stats.Exact(all)
	} else {
		s.RTT, s.HasRTT = rtts.RTT()
	}
	s.Jitter, s.HasJitter = time.Duration(j.mean), j.n > 1
	return s
}

// copyFigures is Figures, for those who hold the lock.
func (t *Target) copyFigures(clock clock) Figures {
	f := Figures{
		Name: t.name, Labels: t.labels, Watched: t.watched,
		Handshakes: t.total, Outcomes: t.outcomes, SYNs: t.syns, SYNsLost: t.lost,
		Address: t.address, Phases: t.phases,
		RTTs: t.rtts.Len(), RTTSum: t.rtts.Sum(), Buckets: t.buckets, Outages: uint64(t.outages.count),
	}
	for _, one := range t.findings {
		f.Findings[one.place] = one.count
	}
	if t.total > 0 {
		f.Last = clock.check(t.last, 0)
	}
	seconds := t.outages.total
	if t.outages.on {
		seconds += t.outages.last().duration()
		f.OutageStart = clock.time(t.outages.last().start)
	}
	t.seconds = max(t.seconds, seconds)
	f.OutageSeconds = t.seconds.Seconds()
	return f
}

// clock tells the time of the wall for times since a Store's zero, as it is now: one that was set since then has always been right.
type clock struct {
	now   time.Time
	since time.Duration // zero
}

func (s *Store) clock(now time.Time) clock { return clock{now, now.Sub(s.zero)} }

func (c clock) time(at time.Duration) time.Time { return c.now.Add(at - c.since) }

func (c clock) check(k check, id ID) Check {
	return Check{
		Time: c.time(k.start), Outcome: k.outcome, RTT: max(k.rtt, 0), HasRTT: k.rtt >= 0,
		SYNs: int(k.syns), SYNsLost: int(k.lost), Findings: k.findings, Evidence: id,
	}
}

// outage returns an outage as readers see it, given which evidence is kept. One that goes on lasts until now.
func (c clock) outage(o outage, on bool, keptIDs []ID) Outage {
	out := Outage{Start: c.time(o.start), Duration: o.duration(), Handshakes: o.handshakes, Outcome: o.outcome}
	if slices.Contains(keptIDs, o.evidence) {
		out.Evidence = o.evidence
	}
	if on {
		out.Duration = max(c.since-o.start, 0)
	} else {
		out.End = c.time(o.end)
	}
	return out
}
