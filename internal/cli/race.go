//go:build linux

package cli

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/urfave/cli/v2"

	"tcpprobe/internal/display"
	"tcpprobe/internal/exit"
	"tcpprobe/internal/prober"
	"tcpprobe/internal/race"
	"tcpprobe/internal/report"
	"tcpprobe/internal/target"
	"tcpprobe/probe"
)

// raceInterval is the time between the beginnings of two handshakes of a race: the Connection Attempt Delay of RFC 8305 8.
const raceInterval = 250 * time.Millisecond

// raceAddresses makes a handshake with every address of each name as Happy Eyeballs would begin them, and shows who wins. The
// exit code is that of the winner, or of all addresses if both families are required or there is no winner; a finding that fails the
// run does so at any address.
func raceAddresses(c *cli.Context, o options, targets *target.List) error {
	stdout, shownOn := o.outputs(c)
	_, stderr := outputsOf(c)
	p, err := openProber(o, 1, false, stdout.Queue())
	if err != nil {
		return notOpened(err)
	}
	defer p.Close()
	if err := o.enterSandbox(stderr); err != nil {
		return err
	}
	ran := make(chan error, 1)
	go func() { ran <- p.Run(c.Context) }()
	var tally exit.Tally
	failing := display.NewFailing(o.failOn)
	for t, ok := targets.Next(); ok && shownOn.Err() == nil; t, ok = targets.Next() {
		run, whole := runRace(p, prober.Request{Target: t, Spec: &o.spec, Permit: o.permit()})
		o.countRace(&tally, run)
		if !whole {
			break
		}
		for _, r := range run.Results {
			failing.Look(r, &tally)
		}
		switch {
		case !o.wantsRace(run):
		case o.json:
			report.NewJSON(shownOn).Race(run)
		default:
			report.Race(shownOn, o.style(shownOn), run)
		}
	}
	p.Finish()
	failing.Tell(stderr)
	if err := errors.Join(<-ran, stdout.Queue().Flush(context.WithoutCancel(c.Context))); err != nil {
		return exit.With(exit.System, err)
	}
	return tally.Err(exit.All)
}

// wantsRace reports whether a race is to be shown: by its winner, unless both families are required.
func (o options) wantsRace(r *race.Race) bool {
	_, won := r.Winner()
	if families := r.Families(); o.require.Both() {
		won = len(families) == 2 && families[0].Established() && families[1].Established()
	}
	open, failed := o.shows()
	if won {
		return open
	}
	return failed
}

// countRace counts a race: by its winner, unless both families are required.
func (o options) countRace(tally *exit.Tally, r *race.Race) {
	winner, ok := r.Winner()
	families := r.Families()
	switch {
	case ok && !o.require.Both():
		tally.Add(winner.Result)
		return
	case len(families) < 2 && o.require.Both():
		tally.AddFailure()
	}
	for _, run := range families {
		tally.Add(run.Result)
	}
}

// runRace makes the handshakes of a request with the addresses of one name. It is not whole if the run has ended before.
func runRace(p *prober.Prober, r prober.Request) (_ *race.Race, whole bool) {
	o := &racers{over: make(chan struct{})}
	t := r.Target
	r.Observer = o
	p.Submit(prober.One(r))
	select {
	case <-o.over:
	case <-p.Ended():
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	whole = len(o.results) > 0 && !slices.ContainsFunc(o.results, func(r *probe.Result) bool { return r.Outcome == probe.OutcomeInterrupted })
	if len(o.results) == 0 {
		o.results = []*probe.Result{{Target: t.Text, Host: t.Host, Port: t.Port, Outcome: probe.OutcomeInterrupted}}
	}
	order := o.results[0] // that knows the order of the addresses
	for _, r := range o.results {
		if r.DNS != nil {
			order = r
		}
	}
	if order.DNS != nil {
		slices.SortStableFunc(o.results, func(a, b *probe.Result) int {
			return slices.Index(order.DNS.Addresses, a.Address) - slices.Index(order.DNS.Addresses, b.Address)
		})
	}
	return &race.Race{Target: t.Text, Results: o.results}, whole
}

// racers observes the handshakes of a race.
type racers struct {
	over chan struct{}

	mu      sync.Mutex
	results []*probe.Result
}

// Event does nothing: what happened is in the result.
func (*racers) Event(*probe.Result, *probe.Event) {}

// Result keeps the result.
func (o *racers) Result(r *probe.Result) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.results = append(o.results, r)
}

// Over says that there are no more.
func (o *racers) Over() { close(o.over) }
