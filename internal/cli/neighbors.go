//go:build linux

package cli

import (
	"context"
	"net/netip"
	"sync"

	"tcpprobe/arp"
	"tcpprobe/internal/route"
	"tcpprobe/probe"
)

// neighbors are the next hops of a run. Each is asked for its MAC once, however many targets lie behind it. It may be used
// by several goroutines.
type neighbors struct {
	ctx context.Context

	mu      sync.Mutex
	finder  *arp.Finder // nil until it is needed
	found   map[hop]probe.NextHop
	waiting map[hop][]func(arp.Result, error) // for an answer that is asked for already
}

// hop is an address on the link of an interface.
type hop struct {
	ifindex int
	address netip.Addr
}

func hopOf(way route.Route) hop { return hop{way.Index, way.NextHop} }

func newNeighbors(ctx context.Context) *neighbors {
	return &neighbors{ctx: ctx, found: make(map[hop]probe.NextHop), waiting: make(map[hop][]func(arp.Result, error))}
}

// known returns the next hop if its MAC is known.
func (n *neighbors) known(h hop) (probe.NextHop, bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	found, ok := n.found[h]
	return found, ok
}

// forget makes the next hop be asked for again.
func (n *neighbors) forget(h hop) {
	n.mu.Lock()
	defer n.mu.Unlock()
	delete(n.found, h)
}

// find asks the link for the MAC of the route's next hop. observe is told of every packet of that, unless it is asked for
// already, and done of the end, by another goroutine.
func (n *neighbors) find(way route.Route, observe func(arp.Event), done func(arp.Result, error)) {
	h := hopOf(way)
	n.mu.Lock()
	if n.finder == nil {
		finder, err := arp.OpenFinder(n.ctx)
		if err != nil {
			n.mu.Unlock()
			done(arp.Result{}, err)
			return
		}
		n.finder = finder
	}
	finder := n.finder
	others, asked := n.waiting[h]
	n.waiting[h] = append(others, done)
	n.mu.Unlock()
	if asked {
		return
	}
	link := arp.Link{Index: way.Index, Name: way.Interface, HardwareAddr: way.HardwareAddr}
	finder.Find(link, way.Source, way.NextHop, observe, func(r arp.Result, err error) {
		n.mu.Lock()
		waiting := n.waiting[h]
		delete(n.waiting, h)
		if err == nil {
			n.found[h] = nextHop(way.NextHop, r)
		}
		n.mu.Unlock()
		for _, done := range waiting {
			done(r, err)
		}
	})
}

// conflicts returns what has come to light about next hops since their MACs were found.
func (n *neighbors) conflicts() []arp.Event {
	n.mu.Lock()
	finder := n.finder
	n.mu.Unlock()
	if finder == nil {
		return nil
	}
	late, err := finder.Conflicts()
	if err != nil {
		return nil // no handshake depends on it
	}
	return late
}

// Close closes the socket, if there is one, which takes milliseconds.
func (n *neighbors) Close() error {
	if n.finder == nil {
		return nil
	}
	return n.finder.Close()
}
