package watch

import (
	"context"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"tcpprobe/internal/prober"
	"tcpprobe/internal/report"
	"tcpprobe/internal/target"
	"tcpprobe/internal/trace"
	"tcpprobe/internal/tracer"
	"tcpprobe/probe"
)

// Paths traces the paths to targets by a prober whose Run is under way.
type Paths struct {
	Prober  *prober.Prober
	Spec    prober.Spec
	Options tracer.Options
	Parse   func(string) (target.Target, error)
	Names   atomic.Bool // of routers are wanted
}

const (
	tracedFlows = 8                // side by side
	flowsPause  = 2 * time.Second  // between two rounds of them
	namesPause  = 3 * time.Second  // for names, at the most
	mostResults = 256              // of a trace that are kept
	namesAgain  = 10 * time.Minute // names are looked up again after that
)

// Trace traces the path to a target again and again until it is stopped, and hands on what it knows.
func (p *Paths) Trace(name string, flows bool, known func(*Path)) (stop func()) {
	stopped := make(chan struct{})
	t, err := p.Parse(name)
	if err != nil {
		known(&Path{Failed: err.Error()})
		return func() {}
	}
	seen := &packets{}
	options := p.Options
	options.Stop = stopped
	if flows {
		go p.flows(t, options, seen, known)
	} else {
		go p.one(t, options, seen, known)
	}
	return sync.OnceFunc(func() { close(stopped) })
}

// one traces the path of one flow.
func (p *Paths) one(t target.Target, o tracer.Options, seen *packets, known func(*Path)) {
	names := &names{prober: p.Prober, of: make(map[netip.Addr]string)}
	o.Rounds = 0
	o.Known = func(found *trace.Trace) {
		found.Forget(mostResults)
		copied := found.Clone()
		if p.Names.Load() {
			copied.Names = names.look(found.Addresses())
		}
		known(&Path{Trace: copied, Results: seen.latest()})
	}
	if found := tracer.New(p.Prober, t, p.Spec, o, seen).Trace(); found.Failed != nil {
		known(&Path{Failed: report.Reason(found.Failed)})
	}
}

// flows traces the paths of several flows.
func (p *Paths) flows(t target.Target, o tracer.Options, seen *packets, known func(*Path)) {
	for {
		found := tracer.New(p.Prober, t, p.Spec, o, seen).Flows(tracedFlows, trace.VaryAll)
		if found.Failed != nil {
			known(&Path{Failed: report.Reason(found.Failed)})
		} else {
			known(&Path{Flows: found, Results: seen.latest()})
		}
		select {
		case <-time.After(flowsPause):
		case <-o.Stop:
			return
		case <-p.Prober.Ended():
			return
		}
	}
}

// names are those of routers, which are looked up beside the trace.
type names struct {
	prober *prober.Prober

	mu    sync.Mutex
	of    map[netip.Addr]string
	asked map[netip.Addr]time.Time
}

// look returns the names that are known, and has those looked up that were not.
func (n *names) look(addresses []netip.Addr) map[netip.Addr]string {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.asked == nil {
		n.asked = make(map[netip.Addr]time.Time)
	}
	found := make(map[netip.Addr]string)
	var unknown []netip.Addr
	for _, a := range addresses {
		if n.of[a] != "" {
			found[a] = n.of[a]
		}
		if time.Since(n.asked[a]) > namesAgain {
			n.asked[a] = time.Now()
			unknown = append(unknown, a)
		}
	}
	if len(unknown) > 0 {
		go n.ask(unknown)
	}
	return found
}

func (n *names) ask(addresses []netip.Addr) {
	ctx, stop := context.WithTimeout(context.Background(), namesPause)
	defer stop()
	answers := n.prober.NamesOf(ctx, addresses)
	n.mu.Lock()
	defer n.mu.Unlock()
	for a, name := range answers {
		n.of[a] = name
	}
}

// packets observes the handshakes of a trace, and keeps the latest.
type packets struct {
	mu      sync.Mutex
	results []*probe.Result
}

// Event does nothing: it is in the result.
func (p *packets) Event(*probe.Result, *probe.Event) {}

// Result keeps a handshake.
func (p *packets) Result(r *probe.Result) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.results = append(p.results, r)
	p.results = p.results[max(len(p.results)-mostResults, 0):]
}

// Over does nothing.
func (p *packets) Over() {}

// latest returns the latest handshakes.
func (p *packets) latest() []*probe.Result {
	p.mu.Lock()
	defer p.mu.Unlock()
	return append([]*probe.Result(nil), p.results...)
}
