//go:build linux

package cli

import (
	"context"
	"sync"

	"tcpprobe/resolver"
)

// namesAtOnce is how many names are looked up side by side.
const namesAtOnce = 32

// names are the hosts of a run. Each is looked up once, however many targets name it. It may be used by several goroutines.
type names struct {
	ctx   context.Context
	o     options
	files *resolver.Files         // each is read once, whatever the number of names
	turn  chan *resolver.Resolver // each for one lookup at a time; nil until it is needed

	mu      sync.Mutex
	lookups map[string]*nameLookup
}

// nameLookup is the lookup of one name, under way or over.
type nameLookup struct {
	over    bool
	result  resolver.Result
	err     error
	waiting []func(resolver.Result, error)
}

func newNames(ctx context.Context, o options) *names {
	n := &names{
		ctx: ctx, o: o, files: resolver.NewFiles("", ""),
		turn: make(chan *resolver.Resolver, namesAtOnce), lookups: make(map[string]*nameLookup),
	}
	for range namesAtOnce {
		n.turn <- nil
	}
	return n
}

// find looks a host up. observe is told of every message of that, unless it is being looked up already, and done of the
// end, by another goroutine.
func (n *names) find(host string, observe func(resolver.Event), done func(resolver.Result, error)) {
	n.mu.Lock()
	l, known := n.lookups[host]
	if !known {
		l = new(nameLookup)
		n.lookups[host] = l
	}
	if !l.over {
		l.waiting = append(l.waiting, done)
	}
	over := l.over
	n.mu.Unlock()
	switch {
	case over:
		done(l.result, l.err)
	case !known:
		go n.lookUp(host, l, observe)
	}
}

func (n *names) lookUp(host string, l *nameLookup, observe func(resolver.Event)) {
	r := <-n.turn
	if r == nil {
		r = newResolver(n.o, n.files)
	}
	result, err := r.Lookup(n.ctx, host, observe)
	n.turn <- r
	n.mu.Lock()
	l.over, l.result, l.err = true, result, err
	waiting := l.waiting
	l.waiting = nil
	n.mu.Unlock()
	for _, done := range waiting {
		done(result, err)
	}
}
