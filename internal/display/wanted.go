package display

import (
	"bytes"
	"io"
	"net/netip"
	"slices"
	"sync"

	"tcpprobe/internal/stats"
	"tcpprobe/probe"
)

// wantedView shows of a target those handshakes alone that are wanted, when they have ended, and its statistics, or those of an
// address, if there was one, or an assertion did not hold.
type wantedView struct {
	view
	wanted func(*probe.Result) bool
	each   bool         // address has its own statistics
	shown  []netip.Addr // of the handshakes that were
}

func (v *wantedView) event(*probe.Result, *probe.Event) {}

func (v *wantedView) result(r *probe.Result) {
	if v.wanted(r) {
		if !slices.Contains(v.shown, r.Address) {
			v.shown = append(v.shown, r.Address)
		}
		v.view.result(r)
	}
}

func (v *wantedView) end(s *stats.Summary) {
	failed := false
	for _, c := range s.Checks {
		failed = failed || !c.Held
	}
	shown := len(v.shown) > 0
	if v.each {
		shown = slices.Contains(v.shown, s.Address)
	}
	if shown || failed {
		v.view.end(s)
	}
}

// ofWanted returns a view with nothing but the handshakes that are wanted.
func (d *Display) ofWanted(v view) view {
	if d.options.Wanted == nil {
		return v
	}
	return &wantedView{view: v, wanted: d.options.Wanted, each: d.spec.All}
}

// whole shows a handshake that has ended, on a page of its own.
func (d *Display) whole(r *probe.Result) {
	d.mu.Lock()
	p := d.pages.add(nil)
	d.mu.Unlock()
	v := d.mainView(p)
	for i := range r.Events {
		v.event(r, &r.Events[i])
	}
	v.result(r)
	d.mu.Lock()
	defer d.mu.Unlock()
	d.pages.close(p)
}

// held keeps what is written until it is known whether it is to be shown.
type held struct {
	mu   sync.Mutex
	kept bytes.Buffer
}

// mostHeld is how many octets are kept. What is written later is lost, since it is no more than more of the same.
const mostHeld = 16 << 20

// Write keeps b. It does not fail.
func (h *held) Write(b []byte) (int, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.kept.Len()+len(b) <= mostHeld {
		h.kept.Write(b)
	}
	return len(b), nil
}

// show writes what was kept.
func (h *held) show(w io.Writer) {
	h.mu.Lock()
	defer h.mu.Unlock()
	w.Write(h.kept.Bytes()) // an Output, which remembers that it failed
	h.kept.Reset()
}
