package display

import (
	"io"

	"tcpprobe/internal/stats"
	"tcpprobe/probe"
)

// blocks shows each handshake with a target in a block of its own, also those with several addresses of it that are under way
// at the same time. The first handshake has the page that was kept for the target.
type blocks struct {
	display *Display
	make    func(w io.Writer) view
	first   *page // until there is a handshake
	last    *page
	open    map[*probe.Result]block
}

// block is the view of one handshake, and its page.
type block struct {
	view
	page *page
}

// newBlocks returns blocks of views that are made on a page each. The lock of the display is held.
func (d *Display) newBlocks(make func(io.Writer) view) *blocks {
	first := d.pages.add(nil)
	return &blocks{display: d, make: make, first: first, last: first, open: map[*probe.Result]block{}}
}

// of returns the block of a handshake.
func (b *blocks) of(r *probe.Result) block {
	if shown, ok := b.open[r]; ok {
		return shown
	}
	if b.first == nil {
		b.display.mu.Lock()
		b.last = b.display.pages.add(b.last)
		b.display.mu.Unlock()
	}
	b.first = nil
	shown := block{b.make(b.last), b.last}
	b.open[r] = shown
	return shown
}

func (b *blocks) event(r *probe.Result, e *probe.Event) { b.of(r).event(r, e) }

func (b *blocks) result(r *probe.Result) {
	shown := b.of(r)
	shown.result(r)
	delete(b.open, r)
	b.close(shown.page)
}

// end closes what was broken off.
func (b *blocks) end(*stats.Summary) {
	if b.first != nil {
		b.close(b.first)
	}
	for _, shown := range b.open {
		b.close(shown.page)
	}
}

func (b *blocks) close(p *page) {
	b.display.mu.Lock()
	defer b.display.mu.Unlock()
	b.display.pages.close(p)
}
