//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/urfave/cli/v2"

	"tcpprobe/internal/report"
	"tcpprobe/probe"
	"tcpprobe/rawip"
)

// probeCommand makes handshakes with the targets, one target after the other.
func probeCommand(c *cli.Context) error {
	o, err := readOptions(c)
	if err != nil {
		return err
	}
	if c.NArg() == 0 {
		return usage("a target is missing: tcpprobe HOST:PORT, or tcpprobe --help")
	}
	var targets []target
	for _, text := range c.Args().Slice() {
		t, err := parseTarget(text)
		if err != nil {
			return err
		}
		targets = append(targets, t)
	}
	if o.dryRun {
		return rehearse(c, o, targets)
	}
	if err := rawip.Permitted(); errors.Is(err, os.ErrPermission) {
		return &exitError{exitNotPermitted, errors.New(notPermitted(c.Args().First()))}
	} else if err != nil {
		return &exitError{exitSystem, err}
	}
	text := c.App.Writer
	if o.pcap == "-" || o.diagram == "-" {
		text = c.App.ErrWriter // the file has stdout for itself
	}
	files, err := openArtifacts(c.App.Writer, o)
	if err != nil {
		return &exitError{exitOutput, err}
	}
	ctx, stop := context.WithCancel(c.Context)
	defer stop()
	j, err := openJourney(ctx, o)
	if err != nil {
		return &exitError{exitSystem, err}
	}
	// Closing the sockets takes the kernel some milliseconds: it comes after everything was said.
	defer j.close()

	var all tally
	for i, t := range targets {
		if i > 0 && !o.json && !o.quiet {
			fmt.Fprintln(text)
		}
		show := newPresenter(t, append([]view{mainView(text, o)}, files.views...))
		// There is no point in going on for nobody.
		stopIfUnread := func() {
			if outputFailed(c.App.Writer) || files.failed() {
				stop()
			}
		}
		stopInterim := onQuit(c.App.ErrWriter, show.interim)
		err := j.probe(t, func(r *probe.Result, e *probe.Event) {
			show.event(r, e)
			stopIfUnread()
		}, func(r *probe.Result) {
			all.add(r)
			show.result(r)
			stopIfUnread()
		})
		stopInterim()
		all.check(c.App.ErrWriter, show.end(o.assertions))
		if err != nil {
			return &exitError{exitSystem, errors.Join(err, files.close())}
		}
		if ctx.Err() != nil {
			break
		}
	}
	if err := files.close(); err != nil {
		return &exitError{exitOutput, err}
	}
	return all.verdict(o.require)
}

// notPermitted is the line for those who lack CAP_NET_RAW, with both ways to get it.
func notPermitted(target string) string {
	self, err := os.Executable()
	if err != nil {
		self = "tcpprobe"
	}
	return fmt.Sprintf("no CAP_NET_RAW, which raw sockets need: run \"sudo tcpprobe %s\", or once \"sudo setcap cap_net_raw+ep %s\"",
		report.Printable(target), report.Printable(self))
}

// outputFailed reports whether writing has failed.
func outputFailed(w io.Writer) bool {
	o, ok := w.(*output)
	return ok && o.err != nil
}

// onQuit calls f for every SIGQUIT, and prints what it returns, until it is stopped.
func onQuit(w io.Writer, f func() string) (stop func()) {
	quit := make(chan os.Signal, 1)
	signal.Notify(quit, syscall.SIGQUIT)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for range quit {
			if line := f(); line != "" {
				if isTerminal(w) {
					fmt.Fprintln(w) // behind the echo of the key, and what is drawn there
				}
				fmt.Fprintln(w, line)
			}
		}
	}()
	return func() {
		signal.Stop(quit)
		close(quit)
		<-ended
	}
}

// closeAll closes side by side what each takes its time to close.
func closeAll(closers ...io.Closer) error {
	errs := make(chan error, len(closers))
	for _, c := range closers {
		go func() { errs <- c.Close() }()
	}
	var joined error
	for range closers {
		joined = errors.Join(joined, <-errs)
	}
	return joined
}
