//go:build linux

package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"runtime/debug"
	"sync"
	"time"

	"tcpprobe/internal/exit"
	"tcpprobe/internal/report"
	"tcpprobe/internal/stamp"
	"tcpprobe/internal/stats"
	"tcpprobe/internal/target"
	"tcpprobe/internal/text"
	"tcpprobe/probe"
	"tcpprobe/rawip"
)

// Of how many targets a run makes a matter of lines, and of how many a matter of speed.
const (
	manyTargets = 16  // more are shown by their verdicts alone
	massTargets = 256 // more share ports, and the processors
)

// massGC is how much garbage may come together before it is collected, in percent of what is in use: little is in use.
const massGC = 400

// campaign is all handshakes of one run. Its lanes share its methods.
type campaign struct {
	*shared
	stop     context.CancelFunc
	targets  *target.List
	out      *spool
	show     audience
	record   bool          // somebody wants to know what happened, not only how it ended
	apart    bool          // every handshake has a port of its own
	together time.Duration // how long those that the pace holds back are collected, to begin side by side
	lanes    []*lane

	mu      sync.Mutex
	pace    *probe.Pace // nil for as fast as the path takes
	all     exit.Tally
	sum     *stats.Summary // over all targets
	broken  int            // handshakes that were broken off before there was a verdict
	drops   int            // frames that found no room on their way in
	started time.Time
}

// A process that wakes up for every one of many handshakes does little else. So some are begun together.
const (
	mostTogether    = 50
	longestTogether = 5 * time.Millisecond
)

// oneLane is how many handshakes a second are no burden for one processor.
const oneLane = 20_000

// audience is who is told of what becomes of the targets of a run.
type audience interface {
	present(t target.Target) *presenter // a target is taken on
	over(p *presenter)                  // all handshakes with it have ended
	end()                               // all have
	interim() string                    // a line about what is known so far, or nothing
}

// newCampaign opens everything that a run takes. What is written to out is for show, which may be set before the run.
func newCampaign(ctx context.Context, o options, t *target.List, out io.Writer) (*campaign, error) {
	ctx, stop := context.WithCancel(ctx)
	s, err := share(ctx, o)
	if err != nil {
		stop()
		return nil, err
	}
	c := &campaign{shared: s, stop: stop, targets: t, sum: stats.NewSummary(targetsInWords(t.Len())), started: time.Now()}
	c.out = newSpool(out, c.wake)
	mass := t.Len() > massTargets
	files := o.pcap != "" || o.diagram != ""
	c.apart = !mass
	c.record = !mass || o.json || o.output != "text" || o.explain || files
	if !c.record && os.Getenv("GOGC") == "" {
		debug.SetGCPercent(massGC)
	}
	if o.rate > 0 {
		c.pace = probe.NewPace(o.rate)
	}
	if mass && o.rate > 0 {
		c.together = min(mostTogether*time.Second/time.Duration(o.rate), longestTogether)
	}
	lanes := 1
	paced := 0 < o.rate && o.rate <= oneLane
	if mass && o.sourcePort == 0 && !o.explain && !files && !paced {
		lanes = runtime.GOMAXPROCS(0)
	}
	often := mass && paced && runtime.GOMAXPROCS(0) > 1
	for range lanes {
		j, err := s.journey(rawip.WireOptions{Interface: o.iface, Mark: o.mark, Mass: mass, Brief: !c.record, Often: often})
		if err != nil {
			return nil, errors.Join(err, c.close())
		}
		c.lanes = append(c.lanes, newLane(j, c))
	}
	return c, nil
}

// run makes the handshakes, and shows how each ends.
func (c *campaign) run() error {
	errs := make(chan error, len(c.lanes))
	for _, l := range c.lanes[1:] {
		go func() { errs <- l.work() }()
	}
	errs <- c.lanes[0].work()
	var err error
	for range c.lanes {
		err = errors.Join(err, <-errs)
	}
	if err == nil {
		err = c.targets.Close()
	}
	c.show.end()
	c.out.Close() // what went wrong with it, the writer behind it says
	return err
}

// close closes what was opened. It takes some milliseconds: everything is to be said before.
func (c *campaign) close() error {
	c.stop()
	var journeys []*journey
	for _, l := range c.lanes {
		journeys = append(journeys, l.journey)
	}
	return closeJourneys(c.shared, journeys...)
}

// wake has all lanes look whether there is something to do.
func (c *campaign) wake() {
	for _, l := range c.lanes {
		l.wire.Wake()
	}
}

// mayBegin takes leave to begin a handshake now, or says when to ask again.
func (c *campaign) mayBegin(clock *stamp.Clock) (again time.Time, ok bool) {
	if c.pace == nil {
		return time.Time{}, true
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.pace.Take(clock.Now()) // what was done since the engine looked at the clock may have taken a while
}

// left takes note that the handshakes begun since a time had left by another.
func (c *campaign) left(since, by time.Time) {
	if c.pace == nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.pace.Left(since, by)
}

// add takes note of how an attempt has ended.
func (c *campaign) add(r *probe.Result) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.all.Add(r)
	if r.Outcome == probe.OutcomeInterrupted {
		c.broken++
		return
	}
	c.sum.Add(r)
}

// check takes note of the assertions that did not hold for a target, and writes a line for each that says why.
func (c *campaign) check(w io.Writer, s *stats.Summary) {
	for _, check := range s.Checks {
		if check.Held {
			continue
		}
		c.mu.Lock()
		c.all.AddFailure()
		c.mu.Unlock()
		fmt.Fprintf(w, "tcpprobe: %s: %s\n", text.Printable(s.Target), report.Failure(check))
	}
}

// dropped takes note of frames that found no room on their way in.
func (c *campaign) dropped(n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.drops += n
}

// total returns what there is to say of all targets together.
func (c *campaign) total() report.Total {
	c.mu.Lock()
	defer c.mu.Unlock()
	return report.Total{Summary: c.sum, Targets: c.targets.Len(), NotBegun: c.targets.Remaining(), Broken: c.broken, Drops: c.drops}
}

// progress returns a line about how far the run has come.
func (c *campaign) progress() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return progressLine(c.sum.Sent, c.targets.Len(), c.sum.Established, time.Since(c.started))
}

// interim returns a line about what is known so far.
func (c *campaign) interim() string {
	if line := c.show.interim(); line != "" {
		return line
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return report.NewSeries(io.Discard, report.Style{}).Interim(c.sum)
}

func targetsInWords(n int) string { return fmt.Sprintf("%d targets", n) }
