//go:build linux

package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"
	"time"

	"github.com/urfave/cli/v2"

	"tcpprobe/internal/display"
	"tcpprobe/internal/exit"
	"tcpprobe/internal/prober"
	"tcpprobe/internal/target"
	"tcpprobe/internal/terminal"
)

// probeCommand makes handshakes with the targets, side by side.
func probeCommand(c *cli.Context) error {
	o, err := readOptions(c)
	if err != nil {
		return err
	}
	if c.NArg() == 0 && o.targets == "" {
		return exit.UsageError("a target is missing: tcpprobe HOST:PORT, or tcpprobe --help")
	}
	if err := mistakenWord(c.Args().Slice(), c.App); err != nil {
		return err
	}
	if err := o.checkLimits(); err != nil {
		return err
	}
	defer o.begin(c)()
	_, stderr := outputsOf(c)
	broken, err := o.readResumption()
	if err != nil {
		return err
	}
	o.rules.Selection.Seed = broken.seed(o.seed)
	targets, err := o.openTargets(c)
	if err != nil && c.Context.Err() != nil {
		return notBegun(c.Context)
	} else if err != nil {
		return wrongTargets(err)
	}
	err = o.agree(targets.Len())
	if err == nil {
		err = o.chooseSend(c)
	}
	if err == nil {
		err = broken.open(targets, stderr)
	}
	if err != nil {
		return errors.Join(err, targets.Close())
	}
	run := makeHandshakes
	switch {
	case o.dryRun:
		run = rehearse
	case o.compare:
		run = compareSends
	case o.race > 0:
		run = raceAddresses
	}
	err = run(c, o, targets)
	if unwritten := broken.close(targets, stderr); unwritten != nil {
		err = errors.Join(unwritten, err)
	}
	if changed := targets.Close(); changed != nil {
		return errors.Join(wrongTargets(changed), err) // a verdict about some of the targets is none about all
	}
	return err
}

// openTargets reads what stands in arguments and files.
func (o *options) openTargets(c *cli.Context) (_ *target.List, err error) {
	_, stderr := outputsOf(c)
	defer onQuit(stderr, func() string { return "the targets are being read, and nothing was sent yet" })()
	if o.exclude != "" {
		if o.rules.Selection.Exclude, err = target.OpenExclusion(c.Context, o.exclude); err != nil {
			return nil, err
		}
	}
	return o.rules.Open(c.Context, c.Args().Slice(), o.targets, c.App.Reader, o.maxTargets)
}

// begin has the time begin that the run may take, if that is limited. What it returns is for the end of the run.
func (o *options) begin(c *cli.Context) (stop func()) {
	if o.limit == 0 {
		return func() {}
	}
	o.until = time.Now().Add(o.limit)
	c.Context, stop = context.WithDeadline(c.Context, o.until)
	return stop
}

// notBegun returns the error of a run whose context has ended before it began.
func notBegun(ctx context.Context) error {
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return exit.With(exit.Interrupted, errors.New("the time was over before anything was sent"))
	}
	return &exit.Error{Code: exit.Interrupted}
}

// wrongTargets returns the error for targets that cannot be read, or are none.
func wrongTargets(err error) error {
	if _, unreadable := errors.AsType[*target.ReadError](err); unreadable {
		return exit.With(exit.System, err)
	}
	return exit.With(exit.Usage, err)
}

// makeHandshakes makes the handshakes of a run, and shows how each ends.
func makeHandshakes(c *cli.Context, o options, targets *target.List) error {
	stdout, shownOn := o.outputs(c)
	_, stderr := outputsOf(c)
	p, err := openProber(o, targets.Len(), ipAlone(o, targets), stdout.Queue())
	if err != nil {
		return notOpened(err)
	}
	// Closing the sockets takes the kernel some milliseconds: it comes after everything was said.
	defer p.Close()
	files, err := o.openFiles(c, stdout)
	if err != nil {
		return err
	}
	if err := o.enterSandbox(stderr); err != nil {
		return err
	}
	ctx, stop := context.WithCancel(c.Context)
	defer stop()
	shown := display.New(o.display(shownOn), targets, &o.spec, shownOn, stderr, files, stop)
	if targets.Len() > display.MostShown && o.spec.Count == 1 && terminal.MovesCursor(stderr) {
		defer stdout.Queue().Progress(stderr, shown.Progress)()
	}
	stopInterim := onQuit(stderr, shown.Interim)
	if o.fellBack && !o.json && o.quiet == 0 && o.output == "text" {
		fmt.Fprintln(o.display(shownOn).Stamp(shownOn), fallback)
	}
	p.Submit(shown)
	p.Finish()
	err = p.Run(ctx)
	stopInterim()
	shown.End(p.Drops())
	unread := stdout.Queue().Flush(c.Context)
	unwritten := files.Close()
	switch {
	case err != nil:
		return exit.With(exit.System, errors.Join(err, unwritten))
	case unread != nil || unwritten != nil:
		return exit.With(exit.Output, errors.Join(unread, unwritten))
	}
	return shown.Verdict()
}

// ipAlone reports whether no frames will be asked for: by the flags, or since the only target is an address of loopback, to
// which the kernel's IP knows the way, whatever that is.
func ipAlone(o options, targets *target.List) bool {
	if targets.Len() != 1 {
		return o.spec.Send == prober.SendIP
	}
	only, err := target.Parse(targets.Argument())
	return o.spec.Send == prober.SendIP || o.spec.Send == prober.SendAuto && err == nil && only.Address.IsLoopback()
}

// openFiles opens the files that the flags ask for beside stdout.
func (o options) openFiles(c *cli.Context, stdout *display.Output) (*display.Files, error) {
	_, stderr := outputsOf(c)
	stopInterim := onQuit(stderr, func() string { return "the files are being opened, and nothing was sent yet" })
	files, err := display.OpenFiles(c.Context, stdout, o.files(c.App.Version))
	stopInterim()
	switch {
	case err == nil:
		return files, nil
	case c.Context.Err() != nil:
		return nil, notBegun(c.Context)
	}
	return nil, exit.With(exit.Output, err)
}

// massGC is how much garbage may come together before it is collected, in percent of what is in use, where results are not
// kept: little is in use.
const massGC = 400

// massMemory is how many octets it may all take by then: from there on garbage is collected more often.
const massMemory = 44 << 20

// openProber opens a Prober for so many targets, as the flags want it; ipAlone says that no frames will be asked for. While the queue is full no handshake begins.
func openProber(o options, targets int, ipAlone bool, q *display.Queue) (*prober.Prober, error) {
	files := o.pcap != "" || o.diagram != ""
	record := targets <= prober.MassTargets || o.json || o.output != "text" || o.explain || files
	if !record && os.Getenv("GOGC") == "" && os.Getenv("GOMEMLIMIT") == "" {
		debug.SetGCPercent(massGC)
		debug.SetMemoryLimit(massMemory)
	}
	p, err := prober.Open(prober.Options{
		Interface: o.iface, Mark: o.mark, Resolver: o.resolver, ResolveEvery: o.resolveAge, AskBoth: o.spec.All || o.rules.IPv6, Rate: o.rate, Targets: targets, MostTargets: o.maxTargets, Full: q.Full,
		IPOnly:      ipAlone,
		FramesOnly:  !ipAlone && o.spec.Send == prober.SendLink,
		ConnectOnly: o.spec.Send == prober.SendConnect,
		Deadline:    o.until,
		Record:      record,
		InOrder:     o.explain || files || o.spec.SourcePort != 0,
	})
	if err == nil {
		q.OnRoom(p.Wake)
	}
	return p, err
}

// openTracingProber is openProber for a tracer, which wants to see all events in order.
func openTracingProber(o options, q *display.Queue) (*prober.Prober, error) {
	o.explain = true
	return openProber(o, 1, false, q)
}

// outputsOf returns the outputs of a command.
func outputsOf(c *cli.Context) (stdout, stderr *display.Output) {
	return c.App.Writer.(*display.Output), c.App.ErrWriter.(*display.Output)
}

// outputs returns stdout, and the output for text: that is stderr where a file has stdout for itself.
func (o options) outputs(c *cli.Context) (stdout, shownOn *display.Output) {
	stdout, stderr := outputsOf(c)
	if o.pcap == "-" || o.diagram == "-" {
		return stdout, stderr
	}
	return stdout, stdout
}

// onQuit prints what line returns for every SIGQUIT, until it is stopped.
func onQuit(w *display.Output, line func() string) (stop func()) {
	quit := make(chan os.Signal, 1)
	signal.Notify(quit, syscall.SIGQUIT)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for range quit {
			if s := line(); s != "" {
				if terminal.Is(w) {
					fmt.Fprintln(w) // behind the echo of the key, and what is drawn there
				}
				fmt.Fprintln(w, s)
			}
		}
	}()
	return func() {
		signal.Stop(quit)
		close(quit)
		<-ended
	}
}
