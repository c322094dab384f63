package tracer

import (
	"time"

	"tcpprobe/internal/prober"
	"tcpprobe/internal/target"
	"tcpprobe/internal/trace"
	"tcpprobe/probe"
)

// Options say how a path is traced.
type Options struct {
	First, Last int           // Time to Live of the SYNs that get least far, and furthest
	Rounds      int           // for every hop; 0: until the run ends, or Stop
	Interval    time.Duration // between the beginnings of two rounds

	// Settled is told by Trace how many hops of the path, from the first on, are final: at first none, and then as replies
	// come. It may be called by the goroutine of a worker. It may be nil.
	Settled func(found *trace.Trace, hops int)

	// Known is told by Trace that something has become known. It is called by the goroutine of the Tracer, and nobody changes what was
	// found until it returns. It may be nil.
	Known func(found *trace.Trace)

	// Stop, when it is closed, ends what goes on until then. It may be nil.
	Stop <-chan struct{}
}

// Tracer traces the paths to one target. It is for one goroutine.
type Tracer struct {
	prober   *prober.Prober
	target   target.Target
	spec     prober.Spec
	options  Options
	observer prober.Observer
	known    bool         // how a handshake has ended: one that the end of the run breaks off says nothing beside it
	watched  *trace.Trace // whose hops options.Settled is told of; nil if nobody is
}

// New returns a Tracer that makes its handshakes as the spec says, by a Prober that tells its observers of events in order
// and whose Run is under way. The observer is told of every event and result, those of the SYNs among them.
func New(p *prober.Prober, t target.Target, spec prober.Spec, o Options, observer prober.Observer) *Tracer {
	spec.Count, spec.All = 1, false
	return &Tracer{prober: p, target: t, spec: spec, options: o, observer: observer}
}

// waiting observes an attempt until it is ready, or has failed.
type waiting struct {
	prober.Observer
	failed chan *probe.Result
	ready  bool
}

// Result takes note of a failure. What becomes of the attempt after it was ready, its holder knows.
func (w *waiting) Result(r *probe.Result) {
	if !w.ready {
		w.Observer.Result(r)
		w.failed <- r
	}
}

// Over does nothing: the trace goes on.
func (w *waiting) Over() {}

// hold takes the target from name to flow, as the spec says, and waits for that. Without a Held, it returns the result that says why.
func (t *Tracer) hold(spec *prober.Spec) (*prober.Held, *probe.Result) {
	observer := &waiting{Observer: t.observer, failed: make(chan *probe.Result, 1)}
	ready := make(chan *prober.Held, 1)
	t.prober.Submit(prober.One(prober.Request{
		Target: t.target, Spec: spec, Observer: observer,
		Ready: func(h *prober.Held) {
			observer.ready = true
			ready <- h
		},
	}))
	select {
	case h := <-ready:
		return h, nil
	case r := <-observer.failed:
		return nil, r
	case <-t.prober.Ended():
	}
	select {
	case r := <-observer.failed: // which came at the end of the run
		return nil, r
	default:
		return nil, t.result(probe.OutcomeInterrupted)
	}
}

// ended reports whether the run has ended: nothing more will be known.
func (t *Tracer) ended() bool {
	select {
	case <-t.prober.Ended():
		return true
	case <-t.options.Stop:
		return true
	default:
		return false
	}
}

// told tells whoever wants to know that something has become known.
func (t *Tracer) told(found *trace.Trace) {
	if t.options.Known != nil {
		t.options.Known(found)
	}
}

// result returns a result of the target that has an outcome alone.
func (t *Tracer) result(o probe.Outcome) *probe.Result {
	return &probe.Result{Target: t.target.Text, Host: t.target.Host, Port: t.target.Port, Outcome: o}
}

// Trace finds the path to the target.
func (t *Tracer) Trace() *trace.Trace {
	found := trace.NewTrace(t.target.Text, t.options.First, t.options.Last)
	held, failed := t.hold(&t.spec)
	if failed != nil {
		found.Failed = failed
		return found
	}
	defer held.Release()
	model := held.Flow()
	found.Local, found.Remote, found.Route, found.Bypassed = model.Local, model.Remote, model.Result.Route, held.Bypassed()
	found.NAT64 = model.Result.NAT64
	if t.options.Settled != nil {
		t.watched = found
		t.options.Settled(found, 0)
	}
	var due time.Time
	for n := 0; n < t.options.Rounds || t.options.Rounds == 0; n++ {
		if !t.sleepUntil(due) {
			break
		}
		due = time.Now().Add(t.options.Interval)
		t.round(held, found, model, true)
		if t.ended() || found.Failed != nil {
			break
		}
	}
	return found
}

// observe has the observer told of what happens to a flow.
func (t *Tracer) observe(held *prober.Held, f *probe.Flow) {
	whole := held.Result()
	f.Result.Time, f.Result.Start, f.Result.Route = whole.Time, whole.Start, whole.Route
	f.Observe = func(e *probe.Event) { t.observer.Event(f.Result, e) }
}

// done tells the observer how a handshake has ended.
func (t *Tracer) done(held *prober.Held, f *probe.Flow) {
	if !t.known {
		held.Expire(f)
	}
	t.observer.Result(f.Result)
}

// sleepUntil waits for a time, and reports whether the run lasted until then.
func (t *Tracer) sleepUntil(due time.Time) bool {
	if wait := time.Until(due); wait > 0 {
		timer := time.NewTimer(wait)
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-t.prober.Ended():
		case <-t.options.Stop:
		}
	}
	return !t.ended()
}
