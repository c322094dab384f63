package display

import (
	"net/netip"
	"slices"
	"sync"

	"tcpprobe/internal/exit"
	"tcpprobe/internal/stats"
	"tcpprobe/probe"
)

// observer shows what becomes of one target, in one or several views. It is what the prober tells of it.
type observer struct {
	display *Display
	views   []view
	number  int // of the target, in the order in which they were taken on

	mu        sync.Mutex
	summaries *summaries // nil if nobody wants them
	last      int        // the exit code of the handshake that ended last
}

// Event shows something that has just happened.
func (o *observer) Event(r *probe.Result, e *probe.Event) {
	for _, v := range o.views {
		v.event(r, e)
	}
	o.display.stopIfUnread()
}

// Result shows how a handshake ended.
func (o *observer) Result(r *probe.Result) {
	o.display.total.add(r, !o.display.spec.UntilEstablished)
	if r.Outcome != probe.OutcomeInterrupted && o.summaries != nil {
		o.mu.Lock()
		o.summaries.add(r)
		o.last = exit.CodeOf(r)
		o.mu.Unlock()
	}
	for _, v := range o.views {
		v.result(r)
	}
	o.display.stopIfUnread()
}

// Over shows the statistics.
func (o *observer) Over() { o.display.over(o) }

// end checks what is asserted, and shows and returns the statistics.
func (o *observer) end(assertions []stats.Assertion) []*stats.Summary {
	o.mu.Lock()
	defer o.mu.Unlock()
	all := o.summaries.inOrder()
	if o.display.spec.UntilEstablished && all[0].Sent > 0 {
		o.display.total.count(o.last)
	}
	for _, sum := range all {
		sum.Check(assertions)
		for _, v := range o.views {
			v.end(sum)
		}
	}
	return all
}

// summaries is the statistics of one target: of all its handshakes, or of each of its addresses.
type summaries struct {
	each   bool // address has its own
	make   func() *stats.Summary
	of     []*stats.Summary // one at the least
	lookup []netip.Addr     // the addresses of the target, as they were found
}

func newSummaries(each bool, make func() *stats.Summary) *summaries {
	return &summaries{each: each, make: make, of: []*stats.Summary{make()}}
}

// add takes the result of a handshake.
func (s *summaries) add(r *probe.Result) {
	if r.DNS != nil {
		s.lookup = r.DNS.Addresses
	}
	i := slices.IndexFunc(s.of, func(sum *stats.Summary) bool { return !s.each || sum.Sent == 0 || sum.Address == r.Address })
	if i < 0 {
		i = len(s.of)
		s.of = append(s.of, s.make())
	}
	s.of[i].Add(r)
}

// inOrder returns the statistics in the order in which the addresses were found.
func (s *summaries) inOrder() []*stats.Summary {
	slices.SortStableFunc(s.of, func(a, b *stats.Summary) int {
		return slices.Index(s.lookup, a.Address) - slices.Index(s.lookup, b.Address)
	})
	return s.of
}
