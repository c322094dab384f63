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
	both     bool // AAAA is asked for also where this host has no IPv6 address
	sources  *sources
	turn     chan *lookers // each for one lookup at a time

	translators *translators // by which addresses of names may be made

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

// lookers are the Resolvers of one lookup at a time; nil until they are needed.
type lookers struct{ wanted, ipv4 *resolver.Resolver }

// newNames returns the names of a Prober. What it is to know of routes, open fills in.
func newNames(o resolver.Options, every time.Duration, both, rehearse bool) *names {
	if o.Files == nil {
		o.Files = resolver.NewFiles("", "")
	}
	n := &names{
		options: o, every: every, both: both, rehearse: rehearse,
		turn: make(chan *lookers, namesAtOnce), lookups: make(map[string]*lookup),
		translators: newTranslators(o),
	}
	for range namesAtOnce {
		n.turn <- new(lookers)
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
	desk := <-n.turn
	r := n.looker(desk)
	var result resolver.Result
	var err error
	if n.rehearse {
		result, err = rehearseLookup(ctx, r, host, observe)
	} else {
		result, err = r.Lookup(ctx, host, observe)
	}
	n.turn <- desk
	if err == nil && mayBeTranslated(result) {
		n.translators.find(ctx, observe)
	}
	result.Addresses = n.sources.order(result.Addresses)
	n.mu.Lock()
	l.over, l.result, l.err, l.until = true, result, err, n.until(result)
	waiting := l.waiting
	l.waiting = nil
	n.mu.Unlock()
	for _, done := range waiting {
		done(result, err)
	}
}

// looker returns who looks a name up. As with AI_ADDRCONFIG of getaddrinfo(3), a host that has no IPv6 address at all does not
// ask for those of others, unless all are wanted.
func (n *names) looker(desk *lookers) *resolver.Resolver {
	if n.options.Family == resolver.FamilyAny && !n.both && !n.sources.hasIPv6() {
		if desk.ipv4 == nil {
			o := n.options
			o.Family = resolver.FamilyIPv4
			desk.ipv4 = resolver.New(o)
		}
		return desk.ipv4
	}
	if desk.wanted == nil {
		desk.wanted = resolver.New(n.options)
	}
	return desk.wanted
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
