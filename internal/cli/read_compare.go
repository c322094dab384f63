//go:build linux

package cli

import (
	"context"
	"fmt"
	"io"

	"github.com/urfave/cli/v2"

	"tcpprobe/internal/display"
	"tcpprobe/internal/exit"
	"tcpprobe/internal/report"
	"tcpprobe/internal/spectator"
	"tcpprobe/internal/text"
	"tcpprobe/probe"
)

// compareCaptures matches the handshakes in two captures, and shows what became of them between the two places. The exit code is
// that of the outcomes at the place nearer to the clients.
func compareCaptures(c *cli.Context, o readingOptions) error {
	var sources []*source
	for _, name := range o.files {
		s, err := openCapture(c.Context, name, c.App.Reader)
		if err != nil {
			return err
		}
		defer s.Close()
		s.live = false // there is no verdict before the end
		sources = append(sources, s)
	}
	stdout, stderr := outputsOf(c)
	if err := o.enterSandbox(stderr); err != nil {
		return err
	}
	var places [2][]*spectator.Handshake
	for i, s := range sources {
		found, err := o.collect(c.Context, s, stdout, stderr)
		if err != nil {
			return err
		}
		places[i] = found
	}
	if c.Context.Err() != nil {
		return &exit.Error{Code: exit.Interrupted}
	}
	err := o.showComparison(c.Context, stdout, spectator.Compare(places[0], places[1]))
	if unread := stdout.Queue().Flush(c.Context); unread != nil {
		return exit.With(exit.Output, unread)
	}
	return err
}

// collect returns the handshakes in a capture that are wanted.
func (o readingOptions) collect(ctx context.Context, s *source, out *display.Output, stderr io.Writer) (found []*spectator.Handshake, err error) {
	var f *feed
	f = newFeed(s, o.decap, spectator.Config{Keep: o.verbose, Tell: func(h *spectator.Handshake) {
		if o.choice.wants(h, f.begin) {
			found = append(found, h)
		}
	}}, func() bool { return out.Err() != nil })
	ended := f.run(ctx)
	f.finish(ended)
	switch {
	case f.noCapture(ended):
		return nil, exit.With(exit.NoCapture, ended)
	case ended != nil && !isFormatError(ended):
		return nil, exit.With(exit.Unreadable, ended)
	case ended != nil:
		fmt.Fprintf(stderr, "tcpprobe: %s\n", text.Printable(ended.Error()))
	}
	return found, nil
}

// showComparison shows a comparison, and returns the exit code.
func (o readingOptions) showComparison(ctx context.Context, out *display.Output, c *spectator.Comparison) error {
	var tally exit.Tally
	a, b := o.files[0], o.files[1]
	lines, json, room := report.NewComparison(out, o.style(out), a, b), report.NewJSON(out), waitForRoom(ctx, out)
	for i := range c.Pairs {
		p := &c.Pairs[i]
		tally.Add(&probe.Result{Outcome: p.Outcome()})
		switch {
		case o.quiet > 1 && p.Outcome() == probe.OutcomeEstablished:
		case o.json:
			json.Pair(a, b, p)
		default:
			lines.Pair(p)
		}
		room()
	}
	switch {
	case o.json:
		json.Comparison(a, b, c)
	case o.quiet == 0:
		lines.Summary(c)
	}
	if len(c.Pairs) == 0 {
		return nil
	}
	return tally.Err(o.require)
}
