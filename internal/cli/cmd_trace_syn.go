//go:build linux

package cli

import (
	"net/netip"
	"time"

	"github.com/urfave/cli/v2"

	"tcpprobe/internal/exit"
	"tcpprobe/internal/report"
	"tcpprobe/internal/target"
	"tcpprobe/internal/trace"
	"tcpprobe/probe"
)

// compareSYNs shows which SYNs get through.
func (j *journey) compareSYNs(c *cli.Context, t target.Target, o traceOptions) error {
	found, err := j.traceSYNs(t, o)
	if err != nil {
		return exit.With(exit.System, err)
	}
	if o.json {
		report.NewJSON(c.App.Writer).SYNs(found)
	} else {
		report.SYNs(c.App.Writer, styleOf(c.App.Writer, o.options), found)
	}
	var all exit.Tally
	if found.Failed != nil {
		all.Add(found.Failed)
	}
	for _, v := range found.Variants {
		outcome, _ := v.Trace.Outcome()
		all.Add(&probe.Result{Outcome: outcome})
	}
	return all.Err(exit.All)
}

// synRounds is how often a SYN that gets no answer is tried. Its repetitions would not do: an offer of ECN is withdrawn in
// them.
const synRounds = 2

// traceSYNs traces the variants of the SYN, one after the other. The error is one of this system that leaves nothing to go
// on with.
func (j *journey) traceSYNs(t target.Target, o traceOptions) (*trace.SYNComparison, error) {
	a := j.newAttempt(t, 1, nil)
	found := &trace.SYNComparison{Target: t.Text}
	addresses := j.resolve(a)
	if a.Outcome != probe.OutcomePending {
		found.Failed = a.Result
		return found, nil
	}
	found.Remote = netip.AddrPortFrom(addresses[0], t.Port)
	model, err := j.prepare(a, found.Remote)
	if err != nil {
		found.Failed = a.Result
		return found, nil
	}
	defer j.release(model.Local)
	found.Local, found.Route = model.Local, a.Route
	model.Observe = nil
	model.Handshake.Retries = 0
	engine := probe.NewEngine(j.wire)
	for _, syn := range trace.ComparedSYNs {
		model.Handshake.SYN = syn
		traced := trace.NewTrace(t.Text, o.first, o.last)
		for range synRounds {
			if _, err := j.traceRound(engine, traced, model, time.Time{}); err != nil {
				return nil, err
			}
			if outcome, _ := traced.Outcome(); outcome != probe.OutcomeTimeout || j.ctx.Err() != nil {
				break
			}
		}
		if traced.Failed != nil {
			found.Failed = traced.Failed
			return found, nil
		}
		found.Variants = append(found.Variants, trace.SYNVariant{SYN: syn, Trace: traced})
		if j.ctx.Err() != nil {
			break
		}
	}
	return found, nil
}
