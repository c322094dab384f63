//go:build linux

package cli

import (
	"context"
	"errors"
	"time"

	"github.com/urfave/cli/v2"

	"tcpprobe/internal/display"
	"tcpprobe/internal/exit"
	"tcpprobe/internal/target"
	"tcpprobe/internal/terminal"
	"tcpprobe/internal/watch"
)

// liveHere reports whether there is a terminal for a live view.
func liveHere(c *cli.Context) bool {
	stdout, _ := outputsOf(c)
	return terminal.MovesCursor(stdout)
}

// live traces the path until the user quits, as the page of the live view that it is, and prints in the end what was found.
func (o traceOptions) live(c *cli.Context, t target.Target) error {
	stdout, stderr := outputsOf(c)
	p, err := openTracingProber(o.options, stdout.Queue())
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
	o.newFilesIn = o.folderFor("")
	if err := o.enterSandbox(stderr); err != nil {
		return err
	}
	ctx, stop := context.WithCancel(c.Context)
	defer stop()
	ran := make(chan error, 1)
	go func() {
		ran <- p.Run(ctx)
		stop()
	}()
	paths := &watch.Paths{Prober: p, Spec: o.spec, Options: o.path, Parse: func(string) (target.Target, error) { return t, nil }}
	paths.Names.Store(o.names)
	view := &watch.View{Page: watch.PageTrace, PathAlone: true, Names: o.names}
	session := &watch.Session{
		View: view, Source: watch.NewPathAlone(t.Text, time.Now()), Trace: paths.Trace, Names: paths.Names.Store,
		Write: watch.Files{Folder: o.newFilesIn, Program: "tcpprobe " + c.App.Version}.Write,
	}
	err = onScreen(ctx, tty, terminalStyle(stdout, o.color), session)
	stop()
	if err := errors.Join(err, <-ran); err != nil {
		return exit.With(exit.System, err)
	}
	files, err := display.OpenFiles(c.Context, stdout, display.FileOptions{})
	if err != nil {
		return exit.With(exit.Output, err)
	}
	show := display.NewTraces(t.Text, o.display(stdout), stdout, files)
	var all exit.Tally
	switch found := view.Path; {
	case found != nil && found.Trace != nil:
		show.Trace(found.Trace)
		add(&all, found.Trace.Failed)
		addOutcomes(&all, len(found.Trace.Rounds), found.Trace.Rounds)
	case found != nil && found.Flows != nil:
		show.Flows(found.Flows)
		for _, f := range found.Flows.Flows {
			all.Add(f.Handshake)
		}
	}
	return all.Err(exit.All)
}
