package prober

import (
	"context"
	"sync"

	"tcpprobe/resolver"
)

// namesAtOnce is how many names are looked up side by side.
const namesAtOnce = 32

// names are the hosts of the targets. Each is looked up once, however many targets name it. Its methods may be called from
// any goroutine.
type names struct {
	options  resolver.Options // with the files, which are read once for all
	rehearse bool
	turn     chan *resolver.Resolver // each for one lookup at a time; nil until it is needed

	mu      sync.Mutex
	lookups map[string]*lookup
}

// lookup is that of one name, under way or over.
type lookup struct {
	over    bool
	result  resolver.Result
	err     error
	waiting []func(resolver.Result, error)
}

func newNames(o resolver.Options, rehearse bool) *names {
	if o.Files == nil {
		o.Files = resolver.NewFiles("", "")
	}
	n := &names{options: o, rehearse: rehearse, turn: make(chan *resolver.Resolver, namesAtOnce), lookups: make(map[string]*lookup)}
	for range namesAtOnce {
		n.turn <- nil
	}
	return n
}

// find looks a host up. observe is told of every message of that, unless it is being looked up already, and done of the
// end, both by another goroutine.
func (n *names) find(ctx context.Context, host string, observe func(resolver.Event), done func(resolver.Result, error)) {
	n.mu.Lock()
	l, known := n.lookups[host]
	if !known {
		l = new(lookup)
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
		go n.lookUp(ctx, host, l, observe)
	}
}

func (n *names) lookUp(ctx context.Context, host string, l *lookup, observe func(resolver.Event)) {
	r := <-n.turn
	if r == nil {
		r = resolver.New(n.options)
	}
	var result resolver.Result
	var err error
	if n.rehearse {
		result, err = rehearseLookup(ctx, r, host, observe)
	} else {
		result, err = r.Lookup(ctx, host, observe)
	}
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
