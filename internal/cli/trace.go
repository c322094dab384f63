//go:build linux

package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/urfave/cli/v2"

	"tcpprobe/internal/display"
	"tcpprobe/internal/exit"
	"tcpprobe/internal/prober"
	"tcpprobe/internal/target"
	"tcpprobe/internal/text"
	pathtrace "tcpprobe/internal/trace"
	"tcpprobe/internal/tracer"
	"tcpprobe/probe"
	"tcpprobe/resolver"
)

// traceCommand shows the path of a SYN.
func traceCommand() *cli.Command {
	c := &cli.Command{
		Name:      "trace",
		Usage:     "the path, hop by hop, with the same SYN: where it stops",
		ArgsUsage: "HOST:PORT",
		Flags:     traceFlags(),
		Action:    trace,
	}
	c.CustomHelpTemplate = traceHelpText(c)
	return c
}

// tracedFlags are the flags of a probe that a trace has too, with the same meaning.
var tracedFlags = []string{
	"count", "interval", "timeout", "deadline", "retries", "ipv4", "ipv6", "interface", "source", "source-port", "mark", "send",
	"dscp", "mss", "flow-label", "window", "syn", "dns", "dns-timeout", "dns-tries",
	"json", "output", "verbose", "quiet", "timestamps", "explain", "pcap", "diagram", "to-scale", "color", "user", "no-sandbox",
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
				f.Usage = "send SYNs to every hop in `N` rounds; 0: on a terminal, as a live view"
			case "retries":
				f.Value = 1
				f.Usage = "ask each silent hop again up to `N` times, one by one, a second apart"
			}
		case *cli.StringFlag:
			if f.Name == "send" {
				f.Usage = "`auto|link|ip`: in frames of our own, or as raw IP through the kernel's routing and firewall"
			}
			if f.Name == "interface" { // the first of its category
				flags = append(flags, pathFlags()...)
			}
		case *cli.GenericFlag:
			switch f.Name {
			case "interval":
				f.Usage = "start a round every `D`, once the one before is over"
			case "timeout":
				f.Usage, f.DefaultText = "wait for silent hops, at first all at once, for `D`", "2s"
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
		&cli.StringFlag{Name: "vary", Category: categoryPath, Usage: "let flows differ in `ports|label` alone"},
		&cli.BoolFlag{Name: "mtu", Category: categoryPath, Usage: "find the path MTU with padded SYNs, and where the path gets narrow"},
		&cli.BoolFlag{Name: "compare-syn", Category: categoryPath, Usage: "send every kind of SYN, one after the other: which gets through?"},
		&cli.BoolFlag{Name: "names", Category: categoryPath, Usage: "look up the names of the hops in the end, for 3 s at the most"},
		&cli.BoolFlag{Name: "numeric", Aliases: []string{"n"}, Category: categoryPath, Usage: "look up no names of hops, as is the default"},
		&cli.IntFlag{Name: "flow-port", Category: categoryPath, Usage: "the path of the flow from port `P`, as --source-port", DefaultText: " "},
	}
}

// namesWait is how long the names of hops are waited for, all together.
const namesWait = 3 * time.Second

// noLabel says why flows of IPv4 cannot differ in what they do not have.
const noLabel = "--vary label: IPv4 has no flow label; its flows differ in their ports, as --vary ports has it"

// traceOptions is what the flags of a trace say.
type traceOptions struct {
	options
	path  tracer.Options
	flows int            // 0: one, without its handshake
	vary  pathtrace.Vary // what they differ in
	mtu   bool
	syns  bool // every kind of SYN
	names bool // of the hops are looked up
}

// readTraceOptions takes the flags' values, and judges them.
func readTraceOptions(c *cli.Context) (traceOptions, error) {
	o, err := readOptions(c)
	t := traceOptions{
		options: o,
		path:    tracer.Options{First: c.Int("first-ttl"), Last: c.Int("max-ttl"), Rounds: o.spec.Count, Interval: o.spec.Interval},
		flows:   c.Int("flows"), mtu: c.Bool("mtu"), syns: c.Bool("compare-syn"), names: c.Bool("names"),
	}
	switch c.String("vary") {
	case "ports":
		t.vary = pathtrace.VaryPorts
	case "label":
		t.vary, t.resolver.Family = pathtrace.VaryLabels, resolver.FamilyIPv6
	default:
		if t.spec.PinFlowLabel {
			t.vary = pathtrace.VaryPorts
		}
	}
	if c.IsSet("flow-port") {
		t.spec.SourcePort = uint16(c.Int("flow-port"))
	}
	switch {
	case err != nil:
	case o.spec.Send == prober.SendConnect:
		err = exit.UsageError("--send connect: a trace sends SYNs of its own, and the kernel sends none for it")
	case o.spec.Count == 0 && !liveHere(c):
		err = exit.UsageError("--count 0: a trace takes a number of rounds; without end it is a live view, and wants a terminal")
	case o.spec.Count == 0 && (o.json || o.output != "text" || o.explain || o.pcap != "" || o.diagram != "" || o.quiet > 0 || o.timestamps):
		err = exit.UsageError("--count 0 is a live view: it goes with none of --json, --output, --explain, --pcap, --diagram, --quiet and --timestamps")
	case t.path.Last < 1 || t.path.Last > 255:
		err = exit.UsageError("--max-ttl %d is not within 1 to 255", t.path.Last)
	case t.path.First < 1 || t.path.First > t.path.Last:
		err = exit.UsageError("--first-ttl %d is not within 1 to --max-ttl %d", t.path.First, t.path.Last)
	case c.IsSet("flow-port") && (c.Int("flow-port") < 1 || c.Int("flow-port") > 65535):
		err = exit.UsageError("--flow-port %d is not within 1 to 65535", c.Int("flow-port"))
	case c.IsSet("flow-port") && c.IsSet("source-port"):
		err = exit.UsageError("--flow-port and --source-port are the same: give one of them")
	case c.IsSet("flows") && (t.flows < 2 || t.flows > tracer.MostFlows):
		err = exit.UsageError("--flows %d is not within 2 to %d", t.flows, tracer.MostFlows)
	case c.IsSet("vary") && t.flows == 0:
		err = exit.UsageError("--vary is what the flows of --flows differ in: give --flows N too")
	case c.IsSet("vary") && oneOf(c.String("vary"), "ports", "label") != nil:
		err = exit.UsageError("--vary %v", oneOf(c.String("vary"), "ports", "label"))
	case t.vary == pathtrace.VaryLabels && t.spec.PinFlowLabel:
		err = exit.UsageError("--vary label gives each flow a label of its own: it does not go with --flow-label")
	case t.vary == pathtrace.VaryLabels && (t.rules.IPv4 || t.spec.Source.Is4()):
		err = exit.UsageError(noLabel)
	case t.flows > 0 && t.spec.SourcePort != 0 && t.vary != pathtrace.VaryLabels:
		err = exit.UsageError("--flows takes a port for each flow: it does not go with one port, unless they --vary label")
	case t.mtu && (t.flows > 0 || t.spec.Count != 1):
		err = exit.UsageError("--mtu is one search: it goes with neither --flows nor --count")
	case t.syns && (t.mtu || t.flows > 0 || t.spec.Count != 1 || c.IsSet("syn")):
		err = exit.UsageError("--compare-syn sends each kind of SYN: it goes with none of --mtu, --flows, --count and --syn")
	case t.names && (t.mtu || t.syns || t.flows > 0):
		err = exit.UsageError("--names is for the hops of one path: it goes with none of --mtu, --flows and --compare-syn")
	case t.names && c.Bool("numeric"):
		err = exit.UsageError("--names and -n, --numeric contradict each other: give one of them")
	case t.flows > 0 && t.spec.Count != 1:
		err = exit.UsageError("--flows makes one handshake for each flow: it does not go with --count")
	}
	return t, err
}

// trace shows the path to one target, in the way that is asked for.
func trace(c *cli.Context) error {
	o, err := readTraceOptions(c)
	if err != nil {
		return err
	}
	defer o.begin(c)()
	t, err := tracedTarget(c, o.rules)
	if err != nil {
		return err
	}
	live := o.spec.Count == 0
	o.spec.Count = 1 // of each flow, whatever the number of rounds
	if o.vary == pathtrace.VaryLabels && t.Address.Is4() {
		return exit.UsageError(noLabel)
	}
	if err := o.agree(1); err != nil {
		return err
	}
	if live {
		return o.live(c, t)
	}
	stdout, shownOn := o.outputs(c)
	p, err := openTracingProber(o.options, stdout.Queue())
	if err != nil {
		return notOpened(err)
	}
	// Closing the sockets takes the kernel some milliseconds: it comes after everything was said.
	defer p.Close()
	files, err := o.openFiles(c, stdout)
	if err != nil {
		return err
	}
	_, stderr := outputsOf(c)
	if err := o.enterSandbox(stderr); err != nil {
		return err
	}
	ran := make(chan error, 1)
	go func() { ran <- p.Run(c.Context) }()
	show := display.NewTraces(t.Text, o.display(shownOn), shownOn, files)
	stopInterim := onQuit(stderr, show.Interim)
	if !o.names { // or hops are shown when their names are known
		o.path.Settled = show.Settled
	}
	verdict, err := o.follow(c.Context, p, tracer.New(p, t, o.spec, o.path, show), show, stderr)
	p.Finish()
	err = errors.Join(err, <-ran)
	stopInterim()
	show.End(verdict)
	if unwritten := errors.Join(stdout.Queue().Flush(c.Context), files.Close()); unwritten != nil && err == nil {
		return exit.With(exit.Output, unwritten)
	}
	if err != nil {
		return exit.With(exit.System, err)
	}
	return verdict
}

// tracedTarget returns the one target of a trace.
func tracedTarget(c *cli.Context, rules target.Rules) (target.Target, error) {
	if c.NArg() != 1 {
		// What is wrong with one of them is perhaps why they are several: HOST PORT.
		if _, err := rules.Open(c.Context, c.Args().Slice(), "", nil, 0); err != nil {
			return target.Target{}, exit.With(exit.Usage, err)
		}
		return target.Target{}, exit.UsageError("trace takes one target: tcpprobe trace HOST:PORT")
	}
	t, err := rules.Parse(c.Args().First())
	if err != nil {
		return target.Target{}, exit.With(exit.Usage, err)
	}
	return t, nil
}

// follow traces, shows what was found, writes a line about what the deadline has left undone, and returns the exit code of all.
func (o traceOptions) follow(ctx context.Context, p *prober.Prober, t *tracer.Tracer, show *display.Traces, stderr io.Writer) (verdict, err error) {
	var all exit.Tally
	var left int    // of what was to be traced
	var what string // that is
	switch {
	case o.flows > 0:
		found := t.Flows(o.flows, o.vary)
		show.Flows(found)
		add(&all, found.Failed)
		var outcomes []probe.Outcome
		for _, f := range found.Flows {
			outcomes = append(outcomes, f.Handshake.Outcome)
		}
		left, what = addOutcomes(&all, len(found.Flows), outcomes), "handshake"
	case o.mtu:
		found, err := t.MTU()
		if err != nil {
			return nil, err
		}
		show.PathMTU(found)
		result := *found.Plain
		result.Outcome = found.Outcome()
		all.Add(&result)
		if result.Outcome == probe.OutcomeInterrupted {
			left, what = 1, "search"
		}
	case o.syns:
		found := t.SYNs()
		show.SYNs(found)
		var outcomes []probe.Outcome
		for _, v := range found.Variants {
			outcome, _ := v.Trace.Outcome()
			outcomes = append(outcomes, outcome)
		}
		left, what = addOutcomes(&all, len(found.Variants)+found.Untraced(), outcomes), "variant"
		if found.Failed != nil {
			all.Add(found.Failed)
			left = 0
		}
	default:
		found := t.Trace()
		if o.names {
			ctx, stop := context.WithTimeout(ctx, namesWait)
			found.Names = p.NamesOf(ctx, found.Addresses())
			stop()
		}
		show.Trace(found)
		if found.Failed != nil {
			all.Add(found.Failed)
			break
		}
		// The exit code is that of the outcome, if it was the same in all rounds.
		left, what = addOutcomes(&all, o.path.Rounds, found.Rounds), "round"
	}
	if left > 0 && !o.until.IsZero() && !time.Now().Before(o.until) {
		all.AddUnfinished(left)
		fmt.Fprintf(stderr, "tcpprobe: the time was over before %s had ended\n", text.Count(left, what))
	}
	return all.Err(exit.All), nil
}

// add counts what ended a trace before a SYN left, if something did.
func add(all *exit.Tally, failed *probe.Result) {
	if failed != nil {
		all.Add(failed)
	}
}

// addOutcomes counts outcomes, and returns how many are missing of those that were wanted.
func addOutcomes(all *exit.Tally, wanted int, outcomes []probe.Outcome) (left int) {
	left = wanted
	for _, o := range outcomes {
		all.Add(&probe.Result{Outcome: o})
		if o != probe.OutcomeInterrupted {
			left--
		}
	}
	return left
}
