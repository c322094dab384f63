package tracer

import (
	"tcpprobe/internal/trace"
	"tcpprobe/probe"
)

// synRounds is how often a SYN that gets no answer is tried. Its repetitions would not do: an offer of ECN is withdrawn in
// them.
const synRounds = 2

// SYNs traces the kinds of SYNs, one after the other.
func (t *Tracer) SYNs() *trace.SYNComparison {
	found := &trace.SYNComparison{Target: t.target.Text}
	held, failed := t.hold(&t.spec)
	if failed != nil {
		found.Failed = failed
		return found
	}
	defer held.Release()
	model := held.Flow()
	found.Remote, found.Local, found.Route = model.Remote, model.Local, model.Result.Route
	for _, syn := range trace.ComparedSYNs {
		model.Handshake.SYN = syn
		traced := trace.NewTrace(t.target.Text, t.options.First, t.options.Last)
		for range synRounds {
			t.round(held, traced, model, false)
			if outcome, _ := traced.Outcome(); outcome != probe.OutcomeTimeout || t.ended() {
				break
			}
		}
		if traced.Failed != nil {
			found.Failed = traced.Failed
			return found
		}
		found.Variants = append(found.Variants, trace.SYNVariant{SYN: syn, Trace: traced})
		if t.ended() {
			break
		}
	}
	return found
}
