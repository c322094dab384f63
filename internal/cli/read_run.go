//go:build linux

package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"slices"
	"sync"
	"time"

	"tcpprobe/internal/capfile"
	"tcpprobe/internal/display"
	"tcpprobe/internal/exit"
	"tcpprobe/internal/link"
	"tcpprobe/internal/report"
	"tcpprobe/internal/spectator"
	"tcpprobe/internal/stats"
	"tcpprobe/internal/text"
	"tcpprobe/probe"
)

// reading is the judgement of one capture.
type reading struct {
	o      readingOptions
	source *source
	out    *display.Output
	files  *display.Files

	mu        sync.Mutex // over what follows
	spectator *spectator.Spectator
	stopped   bool      // no packet counts any more
	heard     time.Time // when the latest packet came

	decoder   *link.Decoder
	capture   report.Capture
	linkTypes map[capfile.LinkType]bool
	inner     map[link.Tunnel]bool
	begin     time.Time // of the capture

	json    *report.JSON
	lines   *report.Handshakes
	tally   exit.Tally
	servers map[netip.AddrPort]*report.ServerSummary
	chosen  int
	one     *spectator.Handshake // that is to be explained or drawn
}

// newReading returns a reading of which nothing is read yet.
func newReading(o readingOptions, s *source, out *display.Output, files *display.Files) *reading {
	r := &reading{
		o: o, source: s, out: out, files: files, decoder: link.NewDecoder(o.decap),
		linkTypes: make(map[capfile.LinkType]bool), inner: make(map[link.Tunnel]bool),
		json: report.NewJSON(out), lines: report.NewHandshakes(out, o.style(out)),
		servers: make(map[netip.AddrPort]*report.ServerSummary),
	}
	r.spectator = spectator.New(spectator.Config{Tell: r.tell, Live: s.live, Keep: o.wantsPackets()})
	r.capture = report.Capture{File: s.name, Total: stats.NewTotal(s.name)}
	return r
}

// idleCheck is how often it is looked whether verdicts have become final while nothing came.
const idleCheck = 250 * time.Millisecond

// run reads to the end, or until the context ends. It returns why the reading ended before the end.
func (r *reading) run(ctx context.Context) error {
	if !r.source.live {
		return r.read(ctx)
	}
	// What is waited for may never come: the reader is left behind then.
	done := make(chan error, 1)
	go func() { done <- r.read(ctx) }()
	tick := time.NewTicker(idleCheck)
	defer tick.Stop()
	for {
		select {
		case err := <-done:
			return err
		case <-ctx.Done():
			r.mu.Lock()
			r.stopped = true
			r.mu.Unlock()
			return nil
		case now := <-tick.C:
			r.idle(now)
		}
	}
}

// idle lets time pass while no packet comes.
func (r *reading) idle(now time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if silent := now.Sub(r.heard); !r.heard.IsZero() && silent >= idleCheck {
		r.spectator.Advance(r.spectator.Counts().Last + int64(silent))
	}
}

// read shows the packets to the spectator.
func (r *reading) read(ctx context.Context) error {
	file, err := capfile.NewReader(r.source.input)
	if err != nil {
		return fmt.Errorf("%s: %w", text.Printable(r.source.name), err)
	}
	var p capfile.Packet
	for n := 0; ; n++ {
		err := file.Next(&p)
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		if !r.packet(&p) || n&0xfff == 0 && ctx.Err() != nil {
			return nil
		}
	}
}

// packet takes one packet. It reports false if none is wanted any more.
func (r *reading) packet(p *capfile.Packet) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.stopped || r.out.Err() != nil {
		return false
	}
	if r.source.live {
		r.heard = time.Now()
	}
	if r.capture.Packets == 0 {
		r.begin = time.Unix(0, p.Time)
	}
	r.capture.Packets++
	r.capture.Drops += p.Drops
	if !r.linkTypes[p.LinkType] {
		r.linkTypes[p.LinkType] = true
		r.capture.LinkTypes = append(r.capture.LinkTypes, p.LinkType.String())
	}
	var l link.Packet
	err := r.decoder.Decode(p.LinkType, p.Data, p.Length, &l)
	for ; ; err = r.decoder.Another(&l) {
		r.datagram(p, &l, err)
		if !r.decoder.More() {
			return true
		}
	}
}

// datagram takes one datagram of a packet.
func (r *reading) datagram(p *capfile.Packet, l *link.Packet, err error) {
	if err != nil {
		if !errors.Is(err, link.ErrFragment) && !errors.Is(err, link.ErrNotIP) {
			r.capture.Unread++
		}
		return
	}
	if l.Inner != link.NoTunnel && !r.inner[l.Inner] {
		r.inner[l.Inner] = true
		r.capture.Inner = append(r.capture.Inner, l.Inner.String())
	}
	r.spectator.Packet(spectator.Packet{Number: p.Number, Time: p.Time, IP: &l.Datagram, Length: l.Length, Octets: l.Octets, VLANs: l.VLANs.All()})
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
	if q := r.out.Queue(); q.Full() {
		q.Flush(context.Background())
	}
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
	r.mu.Lock()
	defer r.mu.Unlock()
	r.stopped = true
	r.spectator.Finish()
	if errors.Is(ended, capfile.ErrNotCapture) || r.capture.Packets == 0 && ended != nil && isFormatError(ended) {
		return exit.With(exit.NoCapture, ended)
	}
	r.capture.Counts = r.spectator.Counts()
	if ended != nil {
		r.capture.Truncated = ended.Error()
	}
	r.judgeServers()
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

// isFormatError reports whether an error is about what is in the file, and not about reading it.
func isFormatError(err error) bool {
	var truncated *capfile.TruncatedError
	return errors.As(err, &truncated) || errors.Is(err, io.ErrUnexpectedEOF)
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
