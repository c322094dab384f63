package watch

import (
	"time"

	"tcpprobe/internal/stats"
	"tcpprobe/probe"
)

// Targets is what is known of the targets that are watched, at one moment. What takes time to find out is asked for what is on the screen
// alone.
type Targets interface {
	// Len returns how many targets there are.
	Len() int
	// Brief returns what all targets are sorted and counted by.
	Brief(i int) Brief
	// Figures returns the statistics of a target.
	Figures(i int) Figures
	// Recent returns the latest handshakes of a target, as many at the most, the latest last.
	Recent(i, most int) []Check
	// Evidence returns the handshakes of a target that are kept whole.
	Evidence(i int) Evidence
}

// Brief is how a target is doing.
type Brief struct {
	Name        string // as the user wrote it
	Sent        int    // handshakes that have ended
	Established int
	Answered    int // by SYN-ACK or RST
	SYNs        int
	SYNsLost    int
	Latest      time.Time     // when the one of them began that began last; what is said of the latest is said of that
	Outcome     probe.Outcome // of the latest
	RTT         time.Duration // of the latest; negative if it has none
	OutageSince time.Time     // zero unless there is one now
	Finding     probe.Finding // of the latest handshake that had one; empty if none had
	Troubled    time.Time     // when the latest began that was not established, or had a finding; zero if all is well
}

// Up reports whether the latest handshake was established.
func (b Brief) Up() bool { return b.Outcome == probe.OutcomeEstablished }

// Loss returns the share of the handshakes that were not answered.
func (b Brief) Loss() float64 {
	if b.Sent == 0 {
		return 0
	}
	return 1 - float64(b.Answered)/float64(b.Sent)
}

// Figures are the statistics of a target.
type Figures struct {
	RTT       stats.RTT
	HasRTT    bool
	Jitter    time.Duration
	HasJitter bool
	Flaps     int      // how many outages there were
	Outages   []Outage // as far back as they are kept, the latest last
	Longest   Outage   // zero if there was none
}

// Outage is a time in which no handshake was established.
type Outage struct {
	Began      time.Time
	Duration   time.Duration // up to now if it is not over
	Handshakes int
	Over       bool
}

// Check is how one handshake ended.
type Check struct {
	Time     time.Time // of its start
	Outcome  probe.Outcome
	RTT      time.Duration // negative if there is none to rely on
	SYNs     int           // that left
	Findings bool          // there are some
}

// Evidence is the handshakes that are kept whole; nil for what there was not.
type Evidence struct {
	Last   *probe.Result
	Failed *probe.Result // the latest that was not established
}
