//go:build linux

package cli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"tcpprobe/internal/display"
	"tcpprobe/internal/exit"
	"tcpprobe/internal/prober"
	"tcpprobe/internal/report"
	"tcpprobe/internal/target"
	"tcpprobe/internal/terminal"
	"tcpprobe/internal/text"
	"tcpprobe/internal/tracer"
	"tcpprobe/internal/watch"
	"tcpprobe/probe"
)

const categoryWatch = "The live view"

// watchCommand is the live view.
func watchCommand() *cli.Command {
	c := &cli.Command{
		Name:      "watch",
		Usage:     "full-screen live view: all targets, one of them, the path to it",
		ArgsUsage: "HOST:PORT",
		Flags:     watchFlags(),
		Action:    runWatch,
	}
	c.CustomHelpTemplate = watchHelpText(c)
	return c
}

// watchedFlags are the flags of a probe that the live view has too, with the same meaning.
var watchedFlags = []string{
	"count", "interval", "timeout", "deadline", "targets", "rate", "max-targets", "retries", "ipv4", "ipv6", "interface", "source", "mark", "send",
	"close", "ttl", "dscp", "mss", "flow-label", "window", "syn", "icmp", "dns", "dns-timeout", "dns-tries", "resolve-every", "all",
	"color", "assert", "fail-on", "require", "user", "no-sandbox",
}

// watchFlags returns the flags of the live view.
func watchFlags() []cli.Flag {
	flags := []cli.Flag{
		&cli.StringFlag{Name: "record", Category: categoryWatch, Usage: "write all results into `FILE`, as --json does"},
		&cli.StringFlag{Name: "record-size", Category: categoryWatch, Usage: "of `SIZE` octets at the most, as 500k, 20M or 1G; what is older goes into FILE.old, in place of what is there", DefaultText: "any"},
		&cli.StringFlag{Name: "replay", Category: categoryWatch, Usage: "show what was recorded in `FILE`; needs no network and no privilege"},
		&cli.StringFlag{Name: "write-to", Category: categoryWatch, Usage: "have the key w write into `FOLDER`", DefaultText: "the current one, or that for temporary files"},
	}
	for _, f := range probeFlags() {
		if !slices.Contains(watchedFlags, f.Names()[0]) {
			continue
		}
		if f, ok := f.(*cli.IntFlag); ok && f.Name == "count" {
			f.Value = 0
		}
		flags = append(flags, f)
	}
	return flags
}

// runWatch shows the targets until the user quits.
func runWatch(c *cli.Context) error {
	o, err := readOptions(c)
	w := watchOptions{record: c.String("record"), replay: c.String("replay"), folder: c.String("write-to")}
	if err == nil {
		err = w.read(c)
	}
	switch {
	case err != nil:
		return err
	case w.replay != "":
		return replay(c, o, w)
	case c.NArg() == 0 && o.targets == "":
		return exit.UsageError("a target is missing: tcpprobe watch HOST:PORT, or tcpprobe watch --help")
	}
	if err := mistakenWord(c.Args().Slice(), c.App); err != nil {
		return err
	}
	if err := o.checkLimits(); err != nil {
		return err
	}
	if err := wantsTerminal(c); err != nil {
		return err
	}
	defer o.begin(c)()
	targets, err := o.rules.Open(c.Context, c.Args().Slice(), o.targets, c.App.Reader, o.maxTargets)
	if err != nil && c.Context.Err() != nil {
		return notBegun(c.Context)
	} else if err != nil {
		return wrongTargets(err)
	}
	err = o.agree(targets.Len())
	if err == nil {
		err = o.chooseSend(c)
	}
	if !c.IsSet("rate") && !privilegedByFile() {
		o.rate = max(o.rate, 2*int(float64(targets.Len())/o.spec.Interval.Seconds())) // at just what is needed, the last ones would wait for long
	}
	if err == nil {
		err = watchTargets(c, o, w, targets)
	}
	if changed := targets.Close(); changed != nil {
		return errors.Join(wrongTargets(changed), err)
	}
	return err
}

// watchOptions are what the flags of the live view alone say.
type watchOptions struct {
	record string // name of a file
	most   int64  // octets of it; 0 for any number
	replay string // name of a file
	folder string // for new files; empty for the one that there is
}

// read judges the flags.
func (w *watchOptions) read(c *cli.Context) (err error) {
	for _, name := range []string{"record", "replay", "write-to"} {
		if c.IsSet(name) && c.String(name) == "" {
			return exit.UsageError("--%s has no value; try watch --help", name)
		}
	}
	switch size := c.String("record-size"); {
	case w.replay != "" && (w.record != "" || c.NArg() > 0 || c.String("targets") != ""):
		return exit.UsageError("--replay shows a recording alone: it goes with neither targets nor --record")
	case c.IsSet("record-size") && w.record == "":
		return exit.UsageError("--record-size is about a recording: give --record FILE too")
	case c.IsSet("record-size"):
		if w.most, err = parseSize(size); err != nil {
			return exit.UsageError("--record-size %v", err)
		}
	}
	return nil
}

// parseSize reads a number of octets, as 500k, 20M or 1G.
func parseSize(s string) (int64, error) {
	digits, unit := strings.TrimRight(s, "kKMG"), int64(1)
	switch s[len(digits):] {
	case "":
	case "k", "K":
		unit = 1 << 10
	case "M":
		unit = 1 << 20
	case "G":
		unit = 1 << 30
	default:
		digits = ""
	}
	const least, most = 4096, 1 << 40
	n, err := strconv.ParseInt(digits, 10, 41)
	if err != nil || n > most/unit || n*unit < least {
		return 0, fmt.Errorf("%s: a number of octets is wanted, 4k at the least, as in 500k, 20M or 1G", text.Printable(s))
	}
	return n * unit, nil
}

// recorder opens the file of the recording, if one is wanted, and returns what writes results into it, and closes it.
func (w watchOptions) recorder(q *display.Queue) (record func(*probe.Result), end func() error, err error) {
	if w.record == "" {
		return func(*probe.Result) {}, func() error { return nil }, nil
	}
	file, err := watch.OpenRecorder(w.record, w.most)
	if err != nil {
		return nil, nil, exit.With(exit.Output, err)
	}
	out := q.To(file)
	lines := report.NewJSON(out)
	record = func(r *probe.Result) {
		if r.Outcome != probe.OutcomeInterrupted {
			lines.Probe(r)
		}
	}
	return record, func() error { return errors.Join(out.Err(), file.Close()) }, nil
}

// wantsTerminal returns an error where there is no terminal to draw on.
func wantsTerminal(c *cli.Context) error {
	switch stdout, _ := outputsOf(c); {
	case !terminal.Is(stdout):
		return exit.UsageError("watch draws on a terminal, and stdout is none: tcpprobe -c 0 HOST:PORT shows the same line by line")
	case !terminal.MovesCursor(stdout):
		return exit.UsageError("watch draws on a terminal, and TERM=dumb says that this one cannot: tcpprobe -c 0 HOST:PORT shows the same line by line")
	}
	return nil
}

// openTTY opens the terminal of this process.
func openTTY() (*terminal.TTY, error) {
	tty, err := terminal.OpenTTY()
	if err != nil {
		return nil, exit.UsageError("watch draws on a terminal, and this process has none (%v): tcpprobe -c 0 HOST:PORT shows the same line by line", err)
	}
	return tty, nil
}

// watchTargets opens what the live view takes, shows it, and prints the statistics in the end.
func watchTargets(c *cli.Context, o options, w watchOptions, targets *target.List) error {
	stdout, stderr := outputsOf(c)
	p, err := openWatchingProber(o, targets.Len(), stdout.Queue())
	if err != nil {
		return notOpened(err)
	}
	defer p.Close()
	tty, err := openTTY()
	if err != nil {
		return err
	}
	defer tty.Close()
	guard, err := guardTerminal(tty)
	if err != nil {
		return exit.With(exit.System, err)
	}
	defer guard.end()
	record, closeRecord, err := w.recorder(stdout.Queue())
	if err != nil {
		return err
	}
	o.newFilesIn = o.folderFor(w.folder)
	if err := o.enterSandbox(stderr); err != nil {
		return err
	}
	ctx, stop := context.WithCancel(c.Context)
	defer stop()

	held := new(bytes.Buffer) // the statistics, until the screen is given back
	shownOn := stdout.Queue().To(held)
	o.quiet = 1
	files, err := display.OpenFiles(ctx, stdout, display.FileOptions{})
	if err != nil {
		return exit.With(exit.Output, err)
	}
	style := o.display(stdout)
	style.Bars = false
	shown := display.New(style, targets, &o.spec, shownOn, stderr, files, stop)
	network := watch.NewNetwork(shown, targets.Len(), record, time.Now())
	paths := &watch.Paths{Prober: p, Spec: tracedSpec(o.spec), Options: tracer.Options{First: 1, Last: 30, Interval: max(o.spec.Interval, time.Second)}, Parse: o.rules.Parse}
	session := &watch.Session{
		View: &watch.View{Interval: o.spec.Interval}, Source: network, Trace: paths.Trace, Names: paths.Names.Store,
		Write: watch.Files{Folder: o.newFilesIn, Program: "tcpprobe " + c.App.Version}.Write,
	}
	p.Submit(network)
	p.Finish() // with -c N the view ends with the last handshake, or with the trace that is under way beside it
	ran := make(chan error, 1)
	go func() {
		ran <- p.Run(ctx)
		stop()
	}()
	err = onScreen(ctx, tty, terminalStyle(stdout, o.color), session)
	stop()
	err = errors.Join(err, <-ran)
	shown.End(p.Drops())
	unread := stdout.Queue().Flush(c.Context)
	stdout.Write(held.Bytes())
	unread = errors.Join(unread, stdout.Queue().Flush(c.Context), closeRecord())
	switch {
	case err != nil:
		return exit.With(exit.System, err)
	case unread != nil:
		return exit.With(exit.Output, unread)
	}
	return shown.Verdict()
}

// openWatchingProber is openProber for the live view, which shows the packets of any handshake, and traces beside them.
func openWatchingProber(o options, targets int, q *display.Queue) (*prober.Prober, error) {
	o.explain = true
	return openProber(o, targets, false, q)
}

// tracedSpec returns the Spec of the SYNs of a trace beside handshakes.
func tracedSpec(s prober.Spec) prober.Spec {
	s.Count, s.All, s.SourcePort = 1, false, 0
	s.Handshake.Retries = 1
	s.Handshake.Timeout = min(s.Handshake.Timeout, 2*time.Second)
	if s.Send == prober.SendConnect {
		s.Send = prober.SendAuto
	}
	return s
}
