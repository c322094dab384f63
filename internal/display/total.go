package display

import (
	"fmt"
	"io"
	"sync"
	"time"

	"tcpprobe/internal/exit"
	"tcpprobe/internal/report"
	"tcpprobe/internal/stats"
	"tcpprobe/internal/text"
	"tcpprobe/probe"
)

// total is what is known of all targets together.
type total struct {
	began time.Time

	mu      sync.Mutex
	tally   exit.Tally
	summary *stats.Summary
	broken  int // handshakes that were broken off before there was a verdict
	failing *Failing
}

func newTotal(name string, failOn []probe.Finding) *total {
	return &total{
		summary: stats.NewTotal(name), began: time.Now(),
		failing: NewFailing(failOn),
	}
}

// add takes note of how a handshake has ended, and whether that counts for the exit code.
func (t *total) add(r *probe.Result, counts bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if counts {
		t.tally.Add(r)
	}
	if r.Outcome == probe.OutcomeInterrupted {
		t.broken++
		return
	}
	t.summary.Add(r)
	t.failing.Look(r, &t.tally)
}

// tellFound writes a line for each finding that fails the run.
func (t *total) tellFound(w io.Writer) {
	t.mu.Lock()
	failing := t.failing.clone()
	t.mu.Unlock()
	failing.Tell(w)
}

// count counts the last handshake of a series that went on until one was established, as all that there was of it.
func (t *total) count(code int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.tally.AddCode(code)
}

// unfinished takes note of handshakes that the run has left undone.
func (t *total) unfinished(n int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.tally.AddUnfinished(n)
}

// check takes note of the assertions that did not hold for a target, or for an address of it if that is to be named, and
// writes a line for each that says why.
func (t *total) check(w io.Writer, s *stats.Summary, named bool) {
	target := text.Printable(s.Target)
	if named && s.Address.IsValid() {
		target += fmt.Sprintf(" (%v)", s.Address)
	}
	for _, check := range s.Checks {
		if check.Held {
			continue
		}
		t.mu.Lock()
		t.tally.AddFailure()
		t.mu.Unlock()
		fmt.Fprintf(w, "tcpprobe: %s: %s\n", target, report.Failure(check))
	}
}

// report returns what there is to say in the end.
func (t *total) report(targets, notBegun, drops int) report.Total {
	t.mu.Lock()
	defer t.mu.Unlock()
	return report.Total{Summary: t.summary, Targets: targets, NotBegun: notBegun, Broken: t.broken, Drops: drops}
}

// progress returns a line about how far the run has come.
func (t *total) progress(targets int) string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return progress(t.summary.Sent, targets, t.summary.Established, time.Since(t.began))
}

// interim returns a line about what is known so far.
func (t *total) interim() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return interimLine(t.summary)
}

func interimLine(s *stats.Summary) string {
	return report.NewSeries(io.Discard, report.Style{}).Interim(s)
}

// verdict returns the exit code for all that has ended.
func (t *total) verdict(r exit.Requirement) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.tally.Err(r)
}
