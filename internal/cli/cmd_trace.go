//go:build linux

package cli

import (
	"errors"
	"net/netip"
	"os"
	"slices"
	"time"

	"github.com/urfave/cli/v2"

	"tcpprobe/internal/exit"
	"tcpprobe/internal/report"
	"tcpprobe/internal/target"
	"tcpprobe/internal/trace"
	"tcpprobe/probe"
	"tcpprobe/rawip"
	"tcpprobe/tcphdr"
)

// traceCommand shows the path of a SYN.
func traceCommand() *cli.Command {
	c := &cli.Command{
		Name:      "trace",
		Usage:     "the path, hop by hop, with the same SYN: where it stops",
		ArgsUsage: "HOST:PORT",
		Flags:     traceFlags(),
		Action:    runTrace,
	}
	c.CustomHelpTemplate = traceHelpText(c)
	return c
}

// tracedFlags are the flags of a probe that a trace has too, with the same meaning.
var tracedFlags = []string{
	"count", "interval", "timeout", "retries", "interface", "source", "source-port", "mark", "send",
	"dscp", "mss", "window", "syn", "dns", "dns-timeout", "dns-tries", "json", "quiet", "color",
}

// traceFlags returns the flags of a trace: those of a probe that make sense for it, and its own.
func traceFlags() []cli.Flag {
	var flags []cli.Flag
	for _, f := range probeFlags() {
		if !slices.Contains(tracedFlags, f.Names()[0]) {
			continue
		}
		switch f := f.(type) {
		case *cli.IntFlag:
			switch f.Name {
			case "count":
				f.Usage = "send SYNs to every hop in `N` rounds"
			case "retries":
				f.Value = 1
				f.Usage = "ask a silent hop again up to `N` times within the timeout, after 1 s, then doubling"
			}
		case *cli.StringFlag:
			if f.Name == "interface" { // the first of its category
				flags = append(flags, pathFlags()...)
			}
		case *cli.GenericFlag:
			switch f.Name {
			case "interval":
				f.Usage = "start a round every `D`, once the one before is over"
			case "timeout":
				f.Usage, f.DefaultText = "wait for silent hops, all at once, for `D`", "2s"
				f.Value.Set("2s")
			}
		}
		flags = append(flags, f)
	}
	return flags
}

// pathFlags are the flags of a trace alone.
func pathFlags() []cli.Flag {
	return []cli.Flag{
		&cli.IntFlag{Name: "max-ttl", Aliases: []string{"m"}, Value: 30, Category: categoryPath, Usage: "look for up to `N` hops"},
		&cli.IntFlag{Name: "first-ttl", Value: 1, Category: categoryPath, Usage: "begin with hop `N`"},
		&cli.IntFlag{Name: "flows", Category: categoryPath, Usage: "compare the paths of `N` flows, each from a port of its own", DefaultText: " "},
		&cli.BoolFlag{Name: "mtu", Category: categoryPath, Usage: "find the path MTU with padded SYNs, and where the path gets narrow"},
		&cli.BoolFlag{Name: "compare-syn", Category: categoryPath, Usage: "send every kind of SYN, one after the other: which gets through?"},
		&cli.IntFlag{Name: "flow-port", Category: categoryPath, Usage: "the path of the flow from port `P`, as --source-port", DefaultText: " "},
	}
}

// traceOptions is what the flags of a trace say.
type traceOptions struct {
	options
	first, last int // TTL
	flows       int // 0: one, without its handshake
	mtu         bool
	syns        bool // every kind of SYN
}

// readTraceOptions takes the flags' values, and judges them.
func readTraceOptions(c *cli.Context) (traceOptions, error) {
	o, err := readOptions(c)
	t := traceOptions{options: o, first: c.Int("first-ttl"), last: c.Int("max-ttl"), flows: c.Int("flows"), mtu: c.Bool("mtu"), syns: c.Bool("compare-syn")}
	if c.IsSet("flow-port") {
		t.sourcePort = uint16(c.Int("flow-port"))
	}
	switch {
	case err != nil:
	case o.count == 0:
		err = exit.UsageError("--count 0: a trace takes a number of rounds")
	case t.last < 1 || t.last > 255:
		err = exit.UsageError("--max-ttl %d is not within 1 to 255", t.last)
	case t.first < 1 || t.first > t.last:
		err = exit.UsageError("--first-ttl %d is not within 1 to --max-ttl %d", t.first, t.last)
	case c.IsSet("flow-port") && (c.Int("flow-port") < 1 || c.Int("flow-port") > 65535):
		err = exit.UsageError("--flow-port %d is not within 1 to 65535", c.Int("flow-port"))
	case c.IsSet("flow-port") && c.IsSet("source-port"):
		err = exit.UsageError("--flow-port and --source-port are the same: give one of them")
	case c.IsSet("flows") && (t.flows < 2 || t.flows > maximumFlows):
		err = exit.UsageError("--flows %d is not within 2 to %d", t.flows, maximumFlows)
	case t.flows > 0 && t.sourcePort != 0:
		err = exit.UsageError("--flows takes a port for each flow: it does not go with one port")
	case t.mtu && (t.flows > 0 || t.count != 1):
		err = exit.UsageError("--mtu is one search: it goes with neither --flows nor --count")
	case t.syns && (t.mtu || t.flows > 0 || t.count != 1 || c.IsSet("syn")):
		err = exit.UsageError("--compare-syn sends each kind of SYN: it goes with none of --mtu, --flows, --count and --syn")
	case t.flows > 0 && t.count != 1:
		err = exit.UsageError("--flows makes one handshake for each flow: it does not go with --count")
	}
	return t, err
}

func runTrace(c *cli.Context) error {
	o, err := readTraceOptions(c)
	if err != nil {
		return err
	}
	if c.NArg() != 1 {
		return exit.UsageError("trace takes one target: tcpprobe trace HOST:PORT")
	}
	t, err := target.Parse(c.Args().First())
	if err != nil {
		return exit.With(exit.Usage, err)
	}
	if err := rawip.Permitted(); errors.Is(err, os.ErrPermission) {
		return exit.With(exit.NotPermitted, errors.New(notPermitted("trace "+t.Text)))
	} else if err != nil {
		return exit.With(exit.System, err)
	}
	j, err := openJourney(c.Context, o.options)
	if err != nil {
		return exit.With(exit.System, err)
	}
	// Closing the sockets takes the kernel some milliseconds: it comes after everything was said.
	defer j.close()
	switch {
	case o.flows > 0:
		return j.compareFlows(c, t, o)
	case o.mtu:
		return j.searchMTU(c, t, o)
	case o.syns:
		return j.compareSYNs(c, t, o)
	}
	found, err := j.trace(t, o)
	if err != nil {
		return exit.With(exit.System, err)
	}
	if o.json {
		report.NewJSON(c.App.Writer).Trace(found)
	} else {
		report.Trace(c.App.Writer, styleOf(c.App.Writer, o.options), found)
	}
	return traceVerdict(found)
}

// traceVerdict returns the exit code of a trace: that of the outcome, if it was the same in all rounds.
func traceVerdict(t *trace.Trace) error {
	var all exit.Tally
	if t.Failed != nil {
		all.Add(t.Failed)
		return all.Err(exit.All)
	}
	for _, o := range t.Rounds {
		all.Add(&probe.Result{Outcome: o})
	}
	return all.Err(exit.All)
}

// trace finds the path to a target. The error is one of this system that leaves nothing to go on with.
func (j *journey) trace(t target.Target, o traceOptions) (*trace.Trace, error) {
	found := trace.NewTrace(t.Text, o.first, o.last)
	a := j.newAttempt(t, 1, nil)
	addresses := j.resolve(a)
	if a.Outcome != probe.OutcomePending {
		found.Failed = a.Result
		return found, nil
	}
	model, err := j.prepare(a, netip.AddrPortFrom(addresses[0], t.Port))
	if err != nil {
		found.Failed = a.Result
		return found, nil
	}
	defer j.release(model.Local)
	found.Local, found.Remote, found.Route = model.Local, model.Remote, a.Route
	model.Observe = nil
	engine := probe.NewEngine(j.wire)
	var due time.Time
	for range o.count {
		begun, err := j.traceRound(engine, found, model, due)
		if err != nil {
			return nil, err
		}
		if j.ctx.Err() != nil || found.Failed != nil {
			break
		}
		due = begun.Add(o.interval)
	}
	return found, nil
}

// traceRound sends a SYN for every TTL, when it is due, and takes what comes back. It returns when it began.
func (j *journey) traceRound(engine *probe.Engine, found *trace.Trace, model *probe.Flow, due time.Time) (begun time.Time, err error) {
	start := startEach(roundOf(engine, found, model))
	err = engine.Run(j.ctx, func(now time.Time) (*probe.Flow, time.Time, bool) {
		if begun.IsZero() && now.Before(due) {
			return nil, due, true
		}
		if begun.IsZero() {
			begun = now
		}
		return start(now)
	})
	if !begun.IsZero() {
		found.EndRound()
	}
	return begun, err
}

// roundOf returns the SYNs of a round. Once one has come to its end, those that would get further are abandoned.
func roundOf(engine *probe.Engine, found *trace.Trace, model *probe.Flow) []*probe.Flow {
	model.Handshake.ISS = tcphdr.SeqNum(random())
	flows := found.Flows(*model, random)
	end := len(flows) // behind the SYN that came to its end with the lowest TTL
	for i, f := range flows {
		f.Done = func() {
			if i >= end || !found.Add(int(f.TTL), f.Result) {
				return
			}
			for _, beyond := range flows[i+1 : end] {
				beyond.Result.Outcome = probe.OutcomeInterrupted // also if it has not begun
				engine.Abandon(beyond)
			}
			end = i + 1
		}
	}
	return flows
}
