//go:build linux

package cli

import (
	"bytes"
	"context"
	"errors"
	"os"
	"slices"
	"time"

	"github.com/urfave/cli/v2"
	"golang.org/x/sys/unix"

	"tcpprobe/internal/display"
	"tcpprobe/internal/exit"
	"tcpprobe/internal/prober"
	"tcpprobe/internal/target"
	"tcpprobe/internal/terminal"
	"tcpprobe/internal/text"
	"tcpprobe/internal/tracer"
	"tcpprobe/internal/watch"
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
	switch {
	case err != nil:
		return err
	case c.NArg() == 0 && o.targets == "":
		return exit.UsageError("a target is missing: tcpprobe watch HOST:PORT, or tcpprobe watch --help")
	}
	if err := mistakenWord(c.Args().Slice(), c.App); err != nil {
		return err
	}
	if err := o.checkLimits(); err != nil {
		return err
	}
	folder := c.String("write-to")
	if c.IsSet("write-to") && folder == "" {
		return exit.UsageError("--write-to has no value; try watch --help")
	}
	stdout, _ := outputsOf(c)
	if !terminal.MovesCursor(stdout) {
		return exit.UsageError("watch draws on a terminal, and stdout is none: tcpprobe -c 0 HOST:PORT shows the same line by line")
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
	if err == nil {
		err = watchTargets(c, o, targets, folder)
	}
	if changed := targets.Close(); changed != nil {
		return errors.Join(wrongTargets(changed), err)
	}
	return err
}

// watchTargets opens what the live view takes, shows it, and prints the statistics in the end.
func watchTargets(c *cli.Context, o options, targets *target.List, folder string) error {
	stdout, stderr := outputsOf(c)
	p, err := openWatchingProber(o, targets.Len(), stdout.Queue())
	if err != nil {
		return notOpened(err)
	}
	defer p.Close()
	tty, err := terminal.OpenTTY()
	if err != nil {
		return exit.UsageError("watch draws on a terminal, and this process has none (%v): tcpprobe -c 0 HOST:PORT shows the same line by line", err)
	}
	defer tty.Close()
	o.newFilesIn = o.folderFor(folder)
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
	network := watch.NewNetwork(shown, targets.Len(), time.Now())
	paths := &watch.Paths{Prober: p, Spec: tracedSpec(o.spec), Options: tracer.Options{First: 1, Last: 30, Interval: max(o.spec.Interval, time.Second)}, Parse: o.rules.Parse}
	session := &watch.Session{
		View: &watch.View{Interval: o.spec.Interval}, Source: network, Trace: paths.Trace, Names: paths.Names.Store,
		Write: watch.Files{Folder: o.newFilesIn, Program: "tcpprobe " + c.App.Version}.Write,
	}
	p.Submit(network)
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
	unread = errors.Join(unread, stdout.Queue().Flush(c.Context))
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

// folderFor returns the folder for new files: the one that is asked for, or else the current one, or that for temporary files where
// root, without its capabilities, may not write into the current one.
func (o options) folderFor(asked string) string {
	if asked != "" {
		return asked
	}
	uid, gid := os.Geteuid(), os.Getegid()
	if o.user != nil {
		uid, gid = o.user.uid, o.user.gid
	}
	if mayCreate(".", uid, gid) {
		return "."
	}
	return os.TempDir()
}

// onScreen runs a session on a terminal, and gives that back whole, whatever happens.
func onScreen(ctx context.Context, tty *terminal.TTY, style text.Style, session *watch.Session) error {
	job := terminal.ControlJob()
	defer job.End()
	session.Stopped, session.Continued, session.Stop = job.Stops, job.Continued, job.Stop
	screen, err := watch.OpenScreen(tty, style)
	if err != nil {
		return err
	}
	defer screen.Close()
	session.Screen = screen
	return session.Run(ctx)
}

// mayCreate reports whether a user without capabilities may make files in a folder, by its permissions.
func mayCreate(folder string, uid, gid int) bool {
	var s unix.Stat_t
	if unix.Stat(folder, &s) != nil {
		return false
	}
	const write = 0o3 // and search
	switch {
	case int(s.Uid) == uid:
		return s.Mode>>6&write == write
	case int(s.Gid) == gid:
		return s.Mode>>3&write == write
	}
	return s.Mode&write == write
}
