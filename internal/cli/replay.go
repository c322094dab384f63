//go:build linux

package cli

import (
	"errors"
	"fmt"
	"slices"

	"github.com/urfave/cli/v2"

	"tcpprobe/internal/display"
	"tcpprobe/internal/exit"
	"tcpprobe/internal/recording"
	"tcpprobe/internal/report"
	"tcpprobe/internal/stats"
	"tcpprobe/internal/text"
	"tcpprobe/internal/watch"
	"tcpprobe/probe"
)

// replay shows a recording, and prints its statistics in the end.
func replay(c *cli.Context, o options, w watchOptions) error {
	if err := wantsTerminal(c); err != nil {
		return err
	}
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
	file, err := openToRead(c.Context, w.replay)
	if err != nil {
		return err
	}
	defer file.Close()
	stdout, stderr := outputsOf(c)
	style := terminalStyle(stdout, o.color)
	o.newFilesIn = o.folderFor(w.folder)
	if err := o.enterSandbox(stderr); err != nil {
		return err
	}
	results, err := recording.Read(file)
	switch {
	case errors.Is(err, recording.ErrNoRecording):
		return exit.With(exit.NoCapture, fmt.Errorf("%s: %w", text.Printable(w.replay), err))
	case err != nil:
		return exit.With(exit.Unreadable, err)
	}
	session := &watch.Session{
		View: &watch.View{Replay: true}, Source: watch.NewReplay(results),
		Write: watch.Files{Folder: o.newFilesIn, Program: "tcpprobe " + c.App.Version}.Write,
	}
	if err := onScreen(c.Context, tty, style, session); err != nil {
		return exit.With(exit.System, err)
	}
	return summarize(stdout, report.Style{Style: style}, results)
}

// summarize prints the statistics of each target.
func summarize(w *display.Output, s report.Style, results []*probe.Result) (err error) {
	var all []*stats.Summary
	for _, r := range results {
		i := slices.IndexFunc(all, func(sum *stats.Summary) bool { return sum.Target == r.Target })
		if i < 0 {
			i = len(all)
			all = append(all, stats.NewSummary(r.Target))
		}
		all[i].Add(r)
	}
	for _, sum := range all {
		err = errors.Join(err, report.NewSeries(w, s).Summary(sum))
	}
	return err
}
