//go:build linux

package cli

import (
	"context"
	"errors"

	"github.com/urfave/cli/v2"

	"tcpprobe/internal/exit"
	"tcpprobe/internal/hostpolicy"
	"tcpprobe/internal/prober"
	"tcpprobe/internal/report"
	"tcpprobe/internal/sends"
	"tcpprobe/internal/target"
	"tcpprobe/probe"
)

// compareSends makes a handshake with each target by every way, one after the other, and shows where they part. The exit code is
// that of connect(2), which is what an application meets.
func compareSends(c *cli.Context, o options, targets *target.List) error {
	stdout, shownOn := o.outputs(c)
	_, stderr := outputsOf(c)
	counters := hostpolicy.OpenCounters()
	defer counters.Close()
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
	for t, ok := targets.Next(); ok; t, ok = targets.Next() {
		compared, whole := o.compareWith(p, t, counters)
		tally.Add(compared.Connect.Result)
		if !whole {
			break
		}
		switch {
		case o.quiet > 1 && compared.Connect.Result.Outcome == probe.OutcomeEstablished:
		case o.json:
			report.NewJSON(shownOn).Sends(compared)
		default:
			report.Sends(shownOn, o.style(shownOn), compared)
		}
		if shownOn.Err() != nil {
			break
		}
	}
	p.Finish()
	if err := errors.Join(<-ran, stdout.Queue().Flush(context.WithoutCancel(c.Context))); err != nil {
		return exit.With(exit.System, err)
	}
	return tally.Err(exit.All)
}

// compareWith makes a handshake with one target by every way. It is not whole if the run has ended before.
func (o options) compareWith(p *prober.Prober, t target.Target, counters *hostpolicy.CounterFiles) (_ *sends.Comparison, whole bool) {
	one := &sends.Comparison{Target: t.Text, Policy: p.HostPolicy()}
	for _, way := range []struct {
		send prober.Send
		way  *sends.Way
	}{{prober.SendLink, &one.Link}, {prober.SendIP, &one.IP}, {prober.SendConnect, &one.Connect}} {
		spec := o.spec
		spec.Send = way.send
		before := counters.Read()
		result := handshake(p, prober.Request{Target: t, Spec: &spec, Permit: o.permit()})
		*way.way = sends.Way{Name: string(way.send), Result: result, Moved: counters.Read().Since(before)}
		if result.Outcome == probe.OutcomeInterrupted {
			one.Connect.Result = result
			return one, false
		}
	}
	return one, true
}

// handshake makes the one handshake of a request, and returns its result when it is over, or when the run is.
func handshake(p *prober.Prober, r prober.Request) *probe.Result {
	ended := make(single, 1)
	r.Observer = ended
	p.Submit(prober.One(r))
	select {
	case r := <-ended:
		return r
	case <-p.Ended():
	}
	select {
	case r := <-ended:
		return r
	default:
		return &probe.Result{Target: r.Target.Text, Host: r.Target.Host, Port: r.Target.Port, Outcome: probe.OutcomeInterrupted}
	}
}

// single observes a target of which there is one result.
type single chan *probe.Result

// Event does nothing: what happened is in the result.
func (single) Event(*probe.Result, *probe.Event) {}

// Result hands the result on.
func (s single) Result(r *probe.Result) { s <- r }

// Over does nothing.
func (single) Over() {}
