package tracer

import (
	"time"

	"tcpprobe/icmp"
	"tcpprobe/internal/prober"
	"tcpprobe/internal/trace"
	"tcpprobe/probe"
)

// MTU makes a handshake, and then others of one flow with larger and smaller SYNs, until it is known which pass. The error is
// of a SYN that cannot be built.
func (t *Tracer) MTU() (*trace.PathMTU, error) {
	found := &trace.PathMTU{Target: t.target.Text}
	held, failed := t.hold(&t.spec)
	if failed != nil {
		found.Plain = failed
		return found, nil
	}
	defer held.Release()
	model := held.Flow()
	found.Plain, found.Remote, found.Local, found.Route = model.Result, model.Remote, model.Local, model.Result.Route
	model.Handshake.Close = probe.CloseHalf
	syn, err := probe.Rehearse(model, time.Now())
	if err != nil {
		return nil, err
	}
	bare := len(syn.Octets)
	t.observe(held, model)
	model.Done = func() { t.done(held, model) }
	held.Make([]*probe.Flow{model})
	t.known = true
	if plain := found.Plain.Outcome; plain != probe.OutcomeEstablished && plain != probe.OutcomeRefused {
		return found, nil
	}
	newSearch := trace.NewMTUSearch
	if model.Path.V6 {
		newSearch = trace.NewMTUSearch6
	}
	found.Search = newSearch(bare, largest(model))
	var asked time.Time
	wait := t.spec.Handshake.Timeout // until one has passed: silence would be the verdict
	for size, ok := found.Search.Next(); ok; size, ok = found.Search.Next() {
		if found.Search.Doubtful() { // a router that names no MTU may be one that must not speak just now
			t.sleepUntil(asked.Add(spacing))
		}
		asked = time.Now()
		result := t.padded(held, model, size-bare, wait)
		if t.ended() {
			result.Outcome = probe.OutcomeInterrupted // whatever became of this one: the search has no result
		}
		if result.Outcome == probe.OutcomeLocalError || t.ended() {
			found.Plain, found.Search = result, nil
			return found, nil
		}
		found.Search.Take(size, result)
		if found.Search.Usable() {
			wait = mtuWait(found.Plain.TCP.RTT, t.spec.Handshake.Timeout)
		}
	}
	if size, ok := found.Search.BlackHole(); ok && !t.ended() {
		found.Vanishing = trace.NewTrace(t.target.Text, t.options.First, t.options.Last)
		large := *model
		large.Handshake.Padding, large.Handshake.Timeout = size-bare, wait
		t.round(held, found.Vanishing, &large, false)
	}
	return found, nil
}

// largest returns the size of the largest datagram that leaves this host by the flow's path.
func largest(f *probe.Flow) int {
	const longest = 65535 // octets of a datagram: the loopback interface would carry more
	if !f.Path.Link {
		return min(f.Result.Route.MTU, longest) // by its own IP the kernel sends nothing larger than it knows the path to take
	}
	return min(f.Result.Route.LinkMTU, longest)
}

// mtuWait is how long the answer to a padded SYN is waited for: several times as long as that to a bare one took.
func mtuWait(rtt, most time.Duration) time.Duration {
	const least, times = 200 * time.Millisecond, 4
	return min(max(least, times*rtt), most)
}

// padded makes a handshake with so many octets of padding, and breaks it off as soon as a router says that they are too
// many.
func (t *Tracer) padded(held *prober.Held, model *probe.Flow, padding int, wait time.Duration) *probe.Result {
	f := *model
	f.ID = held.Identification()
	f.Handshake.ISS, f.Handshake.TimestampBase = held.ISS(), held.Number()
	f.Handshake.Padding, f.Handshake.Timeout, f.Handshake.Retries = padding, wait, 0
	f.Result = t.result(probe.OutcomePending)
	t.observe(held, &f)
	observe := f.Observe
	f.Observe = func(e *probe.Event) {
		observe(e)
		if e.Kind == probe.EventICMPReceived && e.ICMP.Meaning() == icmp.MeansTooBig {
			held.Abandon(&f)
		}
	}
	f.Done = func() { t.done(held, &f) }
	held.Make([]*probe.Flow{&f})
	return f.Result
}
