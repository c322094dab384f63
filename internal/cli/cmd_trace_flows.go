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

const (
	maximumFlows = 256

	// Routers send few ICMP errors to one address, as Linux does: one in a second, after a handful at once. So few flows are
	// traced at a time, and hops that stay silent are asked again, a bounded number of times.
	flowsAtOnce = 4
	flowRounds  = 3
)

// compareFlows shows the handshakes and the paths of several flows.
func (j *journey) compareFlows(c *cli.Context, t target.Target, o traceOptions) error {
	set, err := j.traceFlows(t, o)
	if err != nil {
		return exit.With(exit.System, err)
	}
	if o.json {
		report.NewJSON(c.App.Writer).Flows(set)
	} else {
		report.Flows(c.App.Writer, styleOf(c.App.Writer, o.options), set)
	}
	var all exit.Tally
	if set.Failed != nil {
		all.Add(set.Failed)
	}
	for _, f := range set.Flows {
		all.Add(f.Handshake)
	}
	return all.Err(exit.All)
}

// traceFlows makes the handshakes of all flows, and then finds their paths.
func (j *journey) traceFlows(t target.Target, o traceOptions) (*trace.FlowSet, error) {
	set := &trace.FlowSet{Target: t.Text}
	first := j.newAttempt(t, 1, nil)
	addresses := j.resolve(first)
	if first.Outcome != probe.OutcomePending {
		set.Failed = first.Result
		return set, nil
	}
	set.Remote = netip.AddrPortFrom(addresses[0], t.Port)
	var models []*probe.Flow
	defer func() {
		for _, model := range models {
			j.release(model.Local)
		}
	}()
	for i := range o.flows {
		a := first
		if i > 0 {
			a = j.newAttempt(t, i+1, nil)
		}
		model, err := j.prepare(a, set.Remote)
		if err != nil {
			set.Failed = a.Result
			set.Flows = nil
			return set, nil
		}
		model.Observe = nil
		model.Handshake.Close = probe.CloseHalf
		models = append(models, model)
		set.Route = a.Route
		set.Flows = append(set.Flows, trace.TracedFlow{
			Local: model.Local, Handshake: a.Result, Trace: trace.NewTrace(t.Text, o.first, o.last),
		})
	}
	engine := probe.NewEngine(j.wire)
	if err := engine.Run(j.ctx, startEach(models)); err != nil {
		return nil, err
	}
	for round := range flowRounds {
		var silent []int
		for i, f := range set.Flows {
			if round == 0 || f.Unheard() > 0 {
				silent = append(silent, i)
			}
		}
		if err := j.traceSome(engine, set, models, silent); err != nil {
			return nil, err
		}
	}
	return set, nil
}

// traceSome makes a round of traces for some of the flows, a few at a time.
func (j *journey) traceSome(engine *probe.Engine, set *trace.FlowSet, models []*probe.Flow, which []int) error {
	for len(which) > 0 && j.ctx.Err() == nil {
		n := min(flowsAtOnce, len(which))
		var round []*probe.Flow
		for _, i := range which[:n] {
			round = append(round, roundOf(engine, set.Flows[i].Trace, models[i])...)
		}
		if err := engine.Run(j.ctx, startEach(round)); err != nil {
			return err
		}
		for _, i := range which[:n] {
			set.Flows[i].Trace.EndRound()
		}
		which = which[n:]
	}
	return nil
}

// startEach returns what starts those flows at once, for the engine, but for those that were abandoned before.
func startEach(flows []*probe.Flow) func(time.Time) (*probe.Flow, time.Time, bool) {
	return func(now time.Time) (*probe.Flow, time.Time, bool) {
		for len(flows) > 0 && flows[0].Result.Outcome != probe.OutcomePending {
			flows = flows[1:]
		}
		if len(flows) == 0 {
			return nil, time.Time{}, false
		}
		f := flows[0]
		flows = flows[1:]
		return f, now, len(flows) > 0
	}
}
