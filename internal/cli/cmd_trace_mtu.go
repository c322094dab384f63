//go:build linux

package cli

import (
	"net/netip"
	"time"

	"github.com/urfave/cli/v2"

	"tcpprobe/icmp"
	"tcpprobe/internal/exit"
	"tcpprobe/internal/report"
	"tcpprobe/internal/target"
	"tcpprobe/internal/trace"
	"tcpprobe/probe"
	"tcpprobe/tcphdr"
)

// searchMTU shows the path MTU.
func (j *journey) searchMTU(c *cli.Context, t target.Target, o traceOptions) error {
	found, err := j.pathMTU(t, o)
	if err != nil {
		return exit.With(exit.System, err)
	}
	if o.json {
		report.NewJSON(c.App.Writer).PathMTU(found)
	} else {
		report.PathMTU(c.App.Writer, styleOf(c.App.Writer, o.options), found)
	}
	var all exit.Tally
	result := *found.Plain
	result.Outcome = found.Outcome()
	all.Add(&result)
	return all.Err(exit.All)
}

// pathMTU makes a handshake, and then others of one connection with larger and smaller SYNs. The error is one of this
// system that leaves nothing to go on with.
func (j *journey) pathMTU(t target.Target, o traceOptions) (*trace.PathMTU, error) {
	a := j.newAttempt(t, 1, nil)
	found := &trace.PathMTU{Target: t.Text, Plain: a.Result}
	addresses := j.resolve(a)
	if a.Outcome != probe.OutcomePending {
		return found, nil
	}
	found.Remote = netip.AddrPortFrom(addresses[0], t.Port)
	model, err := j.prepare(a, found.Remote)
	if err != nil {
		return found, nil
	}
	defer j.release(model.Local)
	found.Local, found.Route = model.Local, a.Route
	model.Observe = nil
	model.Handshake.Close = probe.CloseHalf
	syn, err := probe.Rehearse(model, j.clock.Now())
	if err != nil {
		return nil, err
	}
	bare := len(syn.Octets)
	engine := probe.NewEngine(j.wire)
	if err := engine.Run(j.ctx, startEach([]*probe.Flow{model})); err != nil {
		return nil, err
	}
	if a.Outcome != probe.OutcomeEstablished && a.Outcome != probe.OutcomeRefused {
		return found, nil
	}
	const longest = 65535 // octets of a datagram: the loopback interface would carry more
	largest := a.Route.LinkMTU
	if !model.Path.Link {
		largest = a.Route.MTU // by its own IP the kernel sends nothing larger than it knows the path to take
	}
	found.Search = trace.NewMTUSearch(bare, min(largest, longest))
	wait := mtuWait(a.TCP.RTT, o.handshake.Timeout)
	for {
		size, ok := found.Search.Next()
		if !ok || j.ctx.Err() != nil {
			break
		}
		result, err := j.padded(engine, model, size-bare, wait)
		if err != nil {
			return nil, err
		}
		if result.Outcome == probe.OutcomeLocalError {
			*found.Plain = *result
			return found, nil
		}
		found.Search.Take(size, result)
	}
	if size, ok := found.Search.BlackHole(); ok && j.ctx.Err() == nil {
		found.Vanishing = trace.NewTrace(t.Text, o.first, o.last)
		large := *model
		large.Handshake.Padding = size - bare
		large.Handshake.Timeout = wait
		if _, err := j.traceRound(engine, found.Vanishing, &large, time.Time{}); err != nil {
			return nil, err
		}
	}
	return found, nil
}

// mtuWait is how long the answer to a padded SYN is waited for: several times as long as that to a bare one took.
func mtuWait(rtt, most time.Duration) time.Duration {
	const least, times = 200 * time.Millisecond, 4
	return min(max(least, times*rtt), most)
}

// padded makes a handshake with so many octets of padding, and breaks it off as soon as a router says that they are too
// many.
func (j *journey) padded(engine *probe.Engine, model *probe.Flow, padding int, wait time.Duration) (*probe.Result, error) {
	f := *model
	f.ID = identification()
	f.Handshake.ISS, f.Handshake.TimestampBase = tcphdr.SeqNum(random()), random()
	f.Handshake.Padding, f.Handshake.Timeout, f.Handshake.Retries = padding, wait, 0
	f.Result = &probe.Result{Target: model.Result.Target, Host: model.Result.Host, Port: model.Result.Port}
	f.Observe = func(e *probe.Event) {
		if e.Kind == probe.EventICMPReceived && icmp.Code(e.ICMP.Code) == icmp.FragmentationNeeded {
			engine.Abandon(&f)
		}
	}
	err := engine.Run(j.ctx, startEach([]*probe.Flow{&f}))
	return f.Result, err
}
