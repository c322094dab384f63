//go:build linux

package cli

import (
	"bufio"
	"cmp"
	"context"
	"fmt"
	"io"
	"net/netip"
	"slices"

	"tcpprobe/internal/display"
	"tcpprobe/internal/exit"
	"tcpprobe/internal/report"
	"tcpprobe/internal/spectator"
	"tcpprobe/internal/stats"
	"tcpprobe/probe"
)

// reading is the judgement of one capture, and what is shown of it.
type reading struct {
	*feed
	o     readingOptions
	out   *display.Output
	files *display.Files

	w       io.Writer // to out
	json    *report.JSON
	lines   *report.Handshakes
	tally   exit.Tally
	servers map[netip.AddrPort]*report.ServerSummary
	chosen  int
	one     *spectator.Handshake // the latest that was chosen
	room    func()               // waits until there is room for more output
}

// newReading returns a reading of which nothing is read yet.
func newReading(ctx context.Context, o readingOptions, s *source, out *display.Output, files *display.Files) *reading {
	w := io.Writer(out)
	if !s.live { // verdicts come all together: they are written so
		w = bufio.NewWriterSize(out, 64<<10)
	}
	r := &reading{
		o: o, out: out, files: files, w: w, json: report.NewJSON(w), lines: report.NewHandshakes(w, o.style(out)),
		servers: make(map[netip.AddrPort]*report.ServerSummary), room: waitForRoom(ctx, out),
	}
	r.feed = newFeed(s, o.decap, spectator.Config{Tell: r.tell, Keep: o.wantsPackets()}, func() bool { return out.Err() != nil })
	return r
}

// waitForRoom returns what waits until there is room for more output: a slow reader slows the reading down.
func waitForRoom(ctx context.Context, out *display.Output) func() {
	return func() {
		if q := out.Queue(); q.Full() {
			q.Flush(ctx)
		}
	}
}

// tell takes a handshake that was judged.
func (r *reading) tell(h *spectator.Handshake) {
	if !r.o.choice.wants(h, r.begin) {
		return
	}
	r.chosen++
	result := h.Result
	r.tally.Add(result)
	if slices.ContainsFunc(r.o.failOn, func(f probe.Finding) bool { return slices.Contains(result.Findings, f) }) {
		r.tally.AddFailure()
	}
	r.capture.Total.Add(result)
	r.server(h).Add(result)
	r.files.Handshake(result)
	r.one = h
	switch {
	case r.o.explain:
	case r.o.quiet > 1 && result.Outcome == probe.OutcomeEstablished:
	case r.o.json:
		r.json.Handshake(r.source.name, h)
	default:
		r.lines.Line(h)
	}
	r.room()
}

// mostServers is how many servers are told apart.
const mostServers = 1 << 16

// server returns what the handshakes with the server of one amount to so far.
func (r *reading) server(h *spectator.Handshake) *stats.Summary {
	key, name := h.Server, h.Server.String()
	if r.servers[key] == nil && len(r.servers) >= mostServers {
		key, name = netip.AddrPort{}, "other servers"
	}
	s := r.servers[key]
	if s == nil {
		s = &report.ServerSummary{Summary: stats.NewTotal(name)}
		r.servers[key] = s
	}
	if t := h.Result.TCP; h.Result.Outcome == probe.OutcomeEstablished && t.Answered && (s.Stream == 0 || t.RTT > s.Slowest) {
		s.Slowest, s.Stream = t.RTT, h.Stream
	}
	return s.Summary
}

// end tells what was not told yet, and sums up. It returns the exit code.
func (r *reading) end(ctx context.Context, ended error) error {
	if r.finish(ended); r.noCapture(ended) {
		r.capture.Truncated = "" // the error says it
		return exit.With(exit.NoCapture, ended)
	}
	r.judgeServers()
	defer r.flush()
	if err := r.single(); err != nil {
		return err
	}
	switch {
	case r.o.json:
		r.json.Capture(r.capture)
	case r.o.quiet == 0 && !r.o.explain:
		r.lines.Capture(r.capture)
	}
	return r.verdict(ctx, ended)
}

// flush hands on what was written. An error is that of the output, which is asked for it in the end.
func (r *reading) flush() {
	if b, ok := r.w.(*bufio.Writer); ok {
		b.Flush()
	}
}

// judgeServers checks what was asserted of the servers, and orders them: the worst come first.
func (r *reading) judgeServers() {
	var all []report.ServerSummary
	for _, s := range r.servers {
		s.Check(r.o.assertions)
		for _, c := range s.Checks {
			if !c.Held {
				r.tally.AddFailure()
			}
		}
		all = append(all, *s)
	}
	slices.SortFunc(all, func(a, b report.ServerSummary) int {
		return cmp.Or(cmp.Compare(b.Sent-b.Established, a.Sent-a.Established), cmp.Compare(b.Sent, a.Sent), cmp.Compare(b.Slowest, a.Slowest), cmp.Compare(a.Target, b.Target))
	})
	if r.o.top > 0 && len(all) > r.o.top {
		r.capture.Omitted = len(all) - r.o.top
		all = all[:r.o.top]
	}
	r.capture.Servers = all
}

// single explains and draws the one handshake that was chosen.
func (r *reading) single() error {
	if !r.o.explain && r.o.diagram == "" {
		return nil
	}
	if r.chosen != 1 {
		return exit.UsageError("--explain and --diagram show one handshake, and %s: choose it by --stream N", countChosen(r.chosen))
	}
	if r.o.explain {
		display.Explain(r.out, r.o.style(r.out), r.o.checksums, r.one.Result)
	}
	r.files.Draw(r.one.Result)
	return nil
}

// countChosen says how many handshakes are chosen.
func countChosen(n int) string {
	if n == 0 {
		return "none is chosen"
	}
	return fmt.Sprintf("%d are chosen", n)
}

// verdict returns the exit code.
func (r *reading) verdict(ctx context.Context, ended error) error {
	if ended != nil && !isFormatError(ended) {
		r.capture.Truncated = "" // the error says it
		if r.source.listener != nil {
			return exit.With(exit.System, ended)
		}
		return exit.With(exit.Unreadable, ended)
	}
	if r.chosen == 0 {
		if ctx.Err() != nil {
			return &exit.Error{Code: exit.Interrupted}
		}
		return nil
	}
	return r.tally.Err(r.o.require)
}
