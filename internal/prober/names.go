package prober

import (
	"context"
	"sync"
	"time"

	"tcpprobe/resolver"
)

// namesAtOnce is how many names are looked up side by side.
const namesAtOnce = 32

// leastLifetime is how long an answer holds at the least, whatever its TTL: a name server is not asked for each of many
// handshakes.
const leastLifetime = time.Second

// names are the hosts of the targets. Each is looked up once, however many targets name it, and again when the lifetime of
// its answer is over. A failure has none: whoever asks next has the name looked up again. Its methods may be called from
// any goroutine.
type names struct {
	options  resolver.Options // with the files, which are read once for all
	every    time.Duration    // how long an answer holds at the most; 0: as long as it says
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
	until   time.Time // when the answer stops to hold; zero if it does not
	waiting []func(resolver.Result, error)
}

// holds reports whether the lookup is of use at a time.
func (l *lookup) holds(now time.Time) bool {
	return !l.over || l.err == nil && (l.until.IsZero() || now.Before(l.until))
}

func newNames(o resolver.Options, every time.Duration, rehearse bool) *names {
	if o.Files == nil {
		o.Files = resolver.NewFiles("", "")
	}
	n := &names{
		options: o, every: every, rehearse: rehearse,
		turn: make(chan *resolver.Resolver, namesAtOnce), lookups: make(map[string]*lookup),
	}
	for range namesAtOnce {
		n.turn <- nil
	}
	return n
}

// known returns what was found of a host, if that still holds.
func (n *names) known(host string, now time.Time) (resolver.Result, bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	l := n.lookups[host]
	if l == nil || !l.over || !l.holds(now) {
		return resolver.Result{}, false
	}
	return l.result, true
}

// find looks a host up. observe is told of every message of that, unless it is being looked up already, and done of the
// end, both by another goroutine.
func (n *names) find(ctx context.Context, host string, observe func(resolver.Event), done func(resolver.Result, error)) {
	n.mu.Lock()
	l := n.lookups[host]
	begin := l == nil || l.over
	if begin {
		l = new(lookup)
		n.lookups[host] = l
	}
	l.waiting = append(l.waiting, done)
	n.mu.Unlock()
	if begin {
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
	l.over, l.result, l.err, l.until = true, result, err, n.until(result)
	waiting := l.waiting
	l.waiting = nil
	n.mu.Unlock()
	for _, done := range waiting {
		done(result, err)
	}
}

// until returns when an answer stops to hold.
func (n *names) until(r resolver.Result) time.Time {
	lifetime, limited := r.Lifetime()
	lifetime = max(lifetime, leastLifetime)
	if n.every > 0 && (!limited || n.every < lifetime) {
		lifetime, limited = n.every, true
	}
	if !limited {
		return time.Time{}
	}
	return time.Now().Add(lifetime)
}
