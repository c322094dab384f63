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
		show.end()
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
	return all.verdict()
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

// tally counts outcomes, for the exit code.
type tally struct{ codes map[int]int }

// add counts a result.
func (t *tally) add(r *probe.Result) {
	if t.codes == nil {
		t.codes = make(map[int]int)
	}
	t.codes[exitCode(r)]++
}

// verdict returns the exit code for all that was counted: that of the outcome if there was only one.
func (t *tally) verdict() error {
	delete(t.codes, exitInterrupted) // what was broken off says nothing beside what was not
	switch len(t.codes) {
	case 0:
		return &exitError{code: exitInterrupted}
	case 1:
		for code := range t.codes {
			if code == exitEstablished {
				return nil
			}
			return &exitError{code: code}
		}
	}
	return &exitError{code: exitMixed}
}

// exitCode returns the exit code for one result.
func exitCode(r *probe.Result) int {
	switch r.Outcome {
	case probe.Established:
		return exitEstablished
	case probe.Refused:
		return exitRefused
	case probe.Unreachable:
		return exitUnreachable
	case probe.Timeout:
		return exitTimeout
	case probe.DNSError:
		if isConfiguration(r.Err) {
			return exitConfiguration
		}
		return exitDNS
	case probe.NoRoute, probe.ARPTimeout:
		return exitNoNextHop
	case probe.LocalError:
		return exitSystem
	case probe.Interrupted:
		return exitInterrupted
	}
	return exitSoftware
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
