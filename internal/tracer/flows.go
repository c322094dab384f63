package tracer

import (
	"slices"
	"time"

	"tcpprobe/internal/prober"
	"tcpprobe/internal/trace"
	"tcpprobe/probe"
)

const (
	// MostFlows is how many flows may be compared.
	MostFlows = 256

	// Routers send few ICMP errors to one address, as Linux does: one in a second, after a handful at once. So few flows are
	// traced at a time, and hops that stay silent are asked again, in a bounded number of turns.
	flowsAtOnce = 4
	flowTurns   = 15
)

// Flows makes the handshakes of several flows, and then finds their paths. Flows of one port are one connection to the server:
// their handshakes come one after the other, as do their paths.
func (t *Tracer) Flows(number int, vary trace.Vary) *trace.FlowSet {
	set := &trace.FlowSet{Target: t.target.Text, Vary: vary}
	var held []*prober.Held
	var models []*probe.Flow
	defer func() {
		for _, h := range held {
			h.Release()
		}
	}()
	spec := &t.spec
	for i := range number {
		h, failed := t.hold(spec)
		if failed != nil {
			set.Failed, set.Flows = failed, nil
			return set
		}
		model := h.Flow()
		model.Handshake.Close = probe.CloseHalf
		if i == 0 {
			spec = likeFirst(t.spec, model, vary)
		}
		if vary == trace.VaryLabels {
			model.Handshake.ISS = h.ISS() // far from those of the others, which the server may still remember
		}
		t.observe(h, model)
		model.Done = func() { t.done(h, model) }
		held, models = append(held, h), append(models, model)
		set.Remote, set.Route = model.Remote, model.Result.Route
		set.Flows = append(set.Flows, trace.TracedFlow{
			Local: model.Local, FlowLabel: model.FlowLabel, Handshake: model.Result, Trace: trace.NewTrace(t.target.Text, t.options.First, t.options.Last),
		})
	}
	atOnce := flowsAtOnce
	if vary == trace.VaryLabels {
		atOnce = 1
		for _, model := range models {
			held[0].Make([]*probe.Flow{model})
		}
	} else {
		held[0].Make(models)
	}
	t.known = true
	paths := make([]path, len(held))
	for i, h := range held {
		paths[i] = path{h, set.Flows[i].Trace, models[i], trace.NewAgain(set.Flows[i].Trace, 1, 1)}
	}
	for some := range slices.Chunk(paths, atOnce) {
		if t.ended() {
			break
		}
		t.sweepTogether(some)
	}
	asked := time.Now()
	for range flowTurns {
		turn, after := t.turn(paths)
		if len(turn) == 0 || !t.sleepUntil(asked.Add(after)) {
			break
		}
		asked = time.Now()
		held[0].Make(turn)
	}
	for _, p := range paths {
		p.found.EndRound()
	}
	return set
}

// likeFirst returns the spec of the flows after the first, which have in common with it what does not vary.
func likeFirst(spec prober.Spec, first *probe.Flow, vary trace.Vary) *prober.Spec {
	switch vary {
	case trace.VaryPorts:
		spec.PinFlowLabel, spec.FlowLabel = true, first.FlowLabel
	case trace.VaryLabels:
		spec.SourcePort, spec.SharePort = first.Local.Port(), true
	}
	return &spec
}

// path is one of several that are traced side by side.
type path struct {
	held  *prober.Held
	found *trace.Trace
	model *probe.Flow
	again *trace.Again
}

// sweepTogether sends the SYNs of some flows that leave at once.
func (t *Tracer) sweepTogether(some []path) {
	var flows []*probe.Flow
	for _, p := range some {
		flows = append(flows, t.sweepOf(p.held, p.found, p.model, p.again)...)
	}
	some[0].held.Make(flows)
}

// turn returns SYNs that ask silent hops again, all at once, and how long after those before: for each TTL one at the most, since flows share routers. Where
// the end of a flow's path is not known, one router may have to answer whatever its TTL, and such a flow has a turn to itself.
func (t *Tracer) turn(paths []path) (flows []*probe.Flow, after time.Duration) {
	taken := make(map[int]bool)
	for _, p := range paths {
		for p.again.Ended() {
			ttl, ok := p.again.Next(taken)
			if !ok {
				break
			}
			taken[ttl] = true
			flows = append(flows, t.ask(p.held, p.found, p.model, ttl)...)
		}
	}
	if len(flows) > 0 {
		return flows, spacing
	}
	for _, p := range paths {
		if ttl, ok := p.again.Next(nil); ok {
			return t.ask(p.held, p.found, p.model, ttl), pause(p.again, true)
		}
	}
	return nil, 0
}
