package tracer

import (
	"time"

	"tcpprobe/internal/prober"
	"tcpprobe/internal/trace"
	"tcpprobe/probe"
)

const (
	// spacing is how far SYNs are apart that one router may have to answer by ICMP: a little more than Linux wants. It sends
	// one error in a second to an address, after six at once (net.ipv4.icmp_ratelimit, 1000 ms), by the ticks of its clock.
	spacing = 1100 * time.Millisecond

	// Behind the last hop that is heard of, so many in a row are asked again where no end of the path is known.
	hopsInARow = 3
)

// round sends a SYN for every TTL, all at once, and then asks the hops that stayed silent again, one by one. If not every hop
// of the path is wanted, it asks no more than finds its end.
func (t *Tracer) round(held *prober.Held, found *trace.Trace, model *probe.Flow, every bool) {
	inARow := 1
	if every {
		inARow = hopsInARow
	}
	again := trace.NewAgain(found, t.spec.Handshake.Retries, inARow)
	asked, answered := time.Now(), true
	t.sweep(held, found, model, again)
	t.told(found)
	for every || !again.Ended() {
		ttl, ok := again.Next(nil)
		if !ok || !t.sleepUntil(asked.Add(pause(again, answered))) {
			break
		}
		asked = time.Now()
		flow := t.ask(held, found, model, ttl)
		held.Make(flow)
		answered = flow[0].Result.Outcome != probe.OutcomeTimeout
		t.settled(found, again)
		t.told(found)
	}
	found.EndRound()
	t.known = true
	t.told(found)
}

// pause is how long after a SYN the next one is sent that asks again. Where the end of the path is not known, whoever has
// answered may be a router that has to reject what goes on, and Linux wants twice the time then: a rejection by its routes
// counts against a limit for these as well as against that for ICMP.
func pause(again *trace.Again, answered bool) time.Duration {
	if answered && !again.Ended() {
		return 2 * spacing
	}
	return spacing
}

// sweep sends the SYNs of a round that leave at once: up to the end of the path, if it is known, and beyond if it has moved.
func (t *Tracer) sweep(held *prober.Held, found *trace.Trace, model *probe.Flow, again *trace.Again) {
	reach := found.KnownEnd() - found.First + 1
	flows := t.sweepOf(held, found, model, again)
	held.Make(flows[:reach])
	if again.Passed(found.KnownEnd()) {
		held.Make(flows[reach:])
	}
	again.Swept()
	t.settled(found, again)
}

// sweepOf returns the SYNs of a sweep. Once one has come to its end, those that would get further are abandoned.
func (t *Tracer) sweepOf(held *prober.Held, found *trace.Trace, model *probe.Flow, again *trace.Again) []*probe.Flow {
	flows := t.flowsOf(held, found, model)
	end := len(flows) // behind the SYN that came to its end with the lowest TTL
	for i, f := range flows {
		f.Done = func() {
			if i >= end {
				return // nobody waits for it any more
			}
			t.done(held, f)
			over := found.Add(int(f.TTL), f.Result)
			t.settled(found, again)
			if !over {
				return
			}
			for _, beyond := range flows[i+1 : end] {
				held.Abandon(beyond)
			}
			end = i + 1
		}
	}
	return flows
}

// ask returns the SYN, one alone, that asks a hop again.
func (t *Tracer) ask(held *prober.Held, found *trace.Trace, model *probe.Flow, ttl int) []*probe.Flow {
	f := t.flowsOf(held, found, model)[ttl-found.First]
	f.Handshake.Timeout = t.patience(found)
	f.Done = func() {
		t.done(held, f)
		found.Add(ttl, f.Result)
	}
	return []*probe.Flow{f}
}

// flowsOf returns SYNs for every TTL. None is sent again by itself.
func (t *Tracer) flowsOf(held *prober.Held, found *trace.Trace, model *probe.Flow) []*probe.Flow {
	model.Handshake.ISS = held.ISS()
	flows := found.Flows(*model, held.Number)
	for _, f := range flows {
		f.Handshake.Retries = 0
		t.observe(held, f)
	}
	return flows
}

// patience is how long a hop that is asked again is waited for: several times as long as any other took, and no less than
// the time that has to pass before the next one is asked, in any case.
func (t *Tracer) patience(found *trace.Trace) time.Duration {
	const times = 4
	longest := time.Duration(0)
	for _, hop := range found.Hops {
		for _, reply := range hop.Replies {
			longest = max(longest, reply.RTT)
		}
	}
	if longest == 0 {
		return t.spec.Handshake.Timeout
	}
	return min(max(spacing, times*longest), t.spec.Handshake.Timeout)
}

// settled tells whoever watches the path how much of it is final. Of several rounds only the last one makes it so.
func (t *Tracer) settled(found *trace.Trace, again *trace.Again) {
	if found == t.watched && t.options.Rounds == 1 {
		t.options.Settled(found, again.Settled())
	}
}
