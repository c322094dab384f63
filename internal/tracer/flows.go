package tracer

import (
	"tcpprobe/internal/prober"
	"tcpprobe/internal/trace"
	"tcpprobe/probe"
)

const (
	// MostFlows is how many flows may be compared.
	MostFlows = 256

	// Routers send few ICMP errors to one address, as Linux does: one in a second, after a handful at once. So few flows are
	// traced at a time, and hops that stay silent are asked again, a bounded number of times.
	flowsAtOnce = 4
	flowRounds  = 3
)

// Flows makes the handshakes of several flows, each from a port of its own, and then finds their paths.
func (t *Tracer) Flows(number int) *trace.FlowSet {
	set := &trace.FlowSet{Target: t.target.Text}
	var held []*prober.Held
	var models []*probe.Flow
	defer func() {
		for _, h := range held {
			h.Release()
		}
	}()
	for range number {
		h, failed := t.hold()
		if failed != nil {
			set.Failed, set.Flows = failed, nil
			return set
		}
		model := h.Flow()
		model.Handshake.Close = probe.CloseHalf
		t.observe(h, model)
		model.Done = func() { t.observer.Result(model.Result) }
		held, models = append(held, h), append(models, model)
		set.Remote, set.Route = model.Remote, model.Result.Route
		set.Flows = append(set.Flows, trace.TracedFlow{
			Local: model.Local, Handshake: model.Result, Trace: trace.NewTrace(t.target.Text, t.options.First, t.options.Last),
		})
	}
	held[0].Make(models)
	for round := range flowRounds {
		var silent []int
		for i, f := range set.Flows {
			if round == 0 || f.Unheard() > 0 {
				silent = append(silent, i)
			}
		}
		t.roundsOf(held, set, models, silent)
	}
	return set
}

// roundsOf makes a round for some of the flows, a few at a time.
func (t *Tracer) roundsOf(held []*prober.Held, set *trace.FlowSet, models []*probe.Flow, which []int) {
	for len(which) > 0 && !t.ended() {
		some := which[:min(flowsAtOnce, len(which))]
		which = which[len(some):]
		var flows []*probe.Flow
		for _, i := range some {
			flows = append(flows, t.roundOf(held[i], set.Flows[i].Trace, models[i])...)
		}
		held[0].Make(flows)
		for _, i := range some {
			set.Flows[i].Trace.EndRound()
		}
	}
}
