//go:build linux

package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"tcpprobe/internal/capfile"
	"tcpprobe/internal/link"
	"tcpprobe/internal/report"
	"tcpprobe/internal/spectator"
	"tcpprobe/internal/stats"
	"tcpprobe/internal/text"
)

// feed shows the packets of a source to a spectator.
type feed struct {
	source  *source
	decoder *link.Decoder

	mu        sync.Mutex // over what follows
	spectator *spectator.Spectator
	stopped   bool        // no packet counts any more
	broken    bool        // since nobody wanted to wait for more
	unwanted  func() bool // nobody wants to know any more
	heard     time.Time   // when the latest packet came
	capture   report.Capture
	linkTypes map[capfile.LinkType]bool
	inner     map[link.Tunnel]bool
	begin     time.Time // of the capture
}

// newFeed returns a feed of which nothing is read yet.
func newFeed(s *source, decap link.Tunnels, c spectator.Config, unwanted func() bool) *feed {
	c.Live = s.live
	return &feed{
		source: s, decoder: link.NewDecoder(decap), spectator: spectator.New(c), unwanted: unwanted,
		linkTypes: make(map[capfile.LinkType]bool), inner: make(map[link.Tunnel]bool),
		capture: report.Capture{File: s.name, Total: stats.NewTotal(s.name)},
	}
}

// idleCheck is how often it is looked whether verdicts have become final while nothing came.
const idleCheck = 250 * time.Millisecond

// run reads to the end, or until the context ends. It returns why the reading ended before the end.
func (f *feed) run(ctx context.Context) error {
	if !f.source.live {
		return f.read(ctx)
	}
	// What is waited for may never come: the reader is left behind then.
	done := make(chan error, 1)
	go func() { done <- f.read(ctx) }()
	tick := time.NewTicker(idleCheck)
	defer tick.Stop()
	for {
		select {
		case err := <-done:
			return err
		case <-ctx.Done():
			f.mu.Lock()
			f.stopped, f.broken = true, true
			f.mu.Unlock()
			if f.source.listener == nil {
				return nil
			}
			return <-done
		case now := <-tick.C:
			f.idle(now)
		}
	}
}

// idle lets time pass while no packet comes.
func (f *feed) idle(now time.Time) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if silent := now.Sub(f.heard); !f.heard.IsZero() && silent >= idleCheck {
		f.spectator.Advance(f.spectator.Counts().Last + int64(silent))
	}
}

// read shows the packets to the spectator.
func (f *feed) read(ctx context.Context) error {
	packets, err := f.source.begin()
	if err != nil {
		return fmt.Errorf("%s: %w", text.Printable(f.source.name), err)
	}
	var p capfile.Packet
	for n := 0; ; n++ {
		if err := packets.Next(&p); err != nil {
			f.counted(packets)
			if err == io.EOF {
				return nil
			}
			return fmt.Errorf("%s: %w", text.Printable(f.source.name), err)
		}
		if !f.packet(&p) || n&0xfff == 0 && ctx.Err() != nil {
			return nil
		}
	}
}

// counted takes note of the packets that are known to be lost.
func (f *feed) counted(p packets) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.capture.Drops = max(f.capture.Drops, f.source.dropped(p))
}

// packet takes one packet. It reports false if none is wanted any more.
func (f *feed) packet(p *capfile.Packet) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.stopped || f.unwanted() {
		return false
	}
	if f.source.live {
		f.heard = time.Now()
	}
	if f.capture.Packets == 0 {
		f.begin = time.Unix(0, p.Time)
	}
	f.capture.Packets++
	f.capture.Drops += p.Drops
	if !f.linkTypes[p.LinkType] {
		f.linkTypes[p.LinkType] = true
		f.capture.LinkTypes = append(f.capture.LinkTypes, p.LinkType.String())
	}
	var l link.Packet
	err := f.decoder.Decode(p.LinkType, p.Data, p.Length, &l)
	for ; ; err = f.decoder.Another(&l) {
		f.datagram(p, &l, err)
		if !f.decoder.More() {
			return true
		}
	}
}

// datagram takes one datagram of a packet.
func (f *feed) datagram(p *capfile.Packet, l *link.Packet, err error) {
	if err != nil {
		if !errors.Is(err, link.ErrFragment) && !errors.Is(err, link.ErrNotIP) {
			f.capture.Unread++
		}
		return
	}
	if l.Inner != link.NoTunnel && !f.inner[l.Inner] {
		f.inner[l.Inner] = true
		f.capture.Inner = append(f.capture.Inner, l.Inner.String())
	}
	f.spectator.Packet(spectator.Packet{Number: p.Number, Time: p.Time, IP: &l.Datagram, Length: l.Length, Octets: l.Octets, VLANs: l.VLANs.All()})
}

// finish says that nothing more comes, and why the reading ended before the end of the file, if it did.
func (f *feed) finish(ended error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.stopped = true
	f.spectator.Finish(f.broken)
	f.capture.Counts = f.spectator.Counts()
	if ended != nil {
		f.capture.Truncated = ended.Error()
	}
}

// isFormatError reports whether an error is that a file ends within something, or goes wrong somewhere, and not about reading it.
func isFormatError(err error) bool {
	var truncated *capfile.TruncatedError
	var corrupt *capfile.CorruptError
	return errors.As(err, &truncated) || errors.As(err, &corrupt)
}

// noCapture reports whether an error is that a file is no capture, or ends before it is known to be one.
func (f *feed) noCapture(err error) bool {
	return errors.Is(err, capfile.ErrNotCapture) || f.capture.Packets == 0 && err != nil && isFormatError(err)
}
