package resolver

import (
	"context"
	"crypto/rand"
	"errors"
	"io"
	"io/fs"
	"net/netip"
	"os"
	"strings"
	"time"

	"tcpprobe/internal/socket"
	"tcpprobe/internal/stamp"
)

// Options changes what a Resolver goes by. The zero Options are those of the system.
type Options struct {
	Files   *Files         // that resolvers share; nil are those of /etc, for this resolver alone
	Server  netip.AddrPort // if valid, asked instead of those of resolv.conf; its search list still applies
	Timeout time.Duration  // if positive, instead of that of resolv.conf
	Tries   int            // if positive, instead of the attempts of resolv.conf; at most 64
	Family  Family         // of the addresses; FamilyIPv4 if it is not said. One that a name has none of is not an answer
	Random  io.Reader      // of the IDs; nil is crypto/rand. Several goroutines read from it if Family is not FamilyIPv4
	Clock   *stamp.Clock   // nil is one of its own
}

// Resolver looks names up. It is for one goroutine, like the Clock that it is given.
type Resolver struct {
	options Options
	buffer  []byte // for one message
	control []byte
	second  *Resolver // that asks beside this one; nil until it is needed
}

// New returns a Resolver.
func New(o Options) *Resolver {
	if o.Files == nil {
		o.Files = NewFiles("", "")
	}
	if o.Random == nil {
		o.Random = rand.Reader
	}
	if o.Clock == nil {
		o.Clock = stamp.NewClock(stamp.System)
	}
	return &Resolver{options: o, buffer: make([]byte, 65535), control: make([]byte, socket.ControlSpace)}
}

// Lookup finds the addresses of a host: of a literal at once, then in the hosts file, then by the DNS. Each query
// and answer is given to observe as it happens, if it is not nil.
//
// The whole takes at most attempts × timeout × servers, and 5 s for each file. The Result says what is known also if the error, always an
// *Error, is not nil.
func (r *Resolver) Lookup(ctx context.Context, host string, observe func(Event)) (Result, error) {
	name, config, result, err := r.begin(ctx, host)
	switch {
	case name == "":
		return result, err
	case r.options.Family != FamilyIPv4:
		return r.lookupBoth(ctx, config, name, observe)
	}
	q := NewQuery(config, name, A, r.options.Random, observe)
	r.run(ctx, q)
	result, err = q.Result()
	if failed := (*Error)(nil); errors.As(err, &failed) && failed.Kind == NoAddress {
		return r.lookElsewhere(ctx, config, name, result, failed, observe)
	}
	return result, err
}

// LookupAddress finds the names of an address by the DNS: Pointers of the Result, safe to print. It asks the servers that
// Lookup asks, and takes as long. The error is an *Error; that there is no name is one, too.
func (r *Resolver) LookupAddress(ctx context.Context, a netip.Addr, observe func(Event)) (Result, error) {
	return r.ask(ctx, ReverseName(a), PTR, observe)
}

// LookupIPv4Only asks for IPv6 addresses of ipv4only.arpa, which has none of its own: those that come are made by the name servers
// of a network with NAT64, and tell its prefix (RFC 7050 3). It asks as LookupAddress does.
func (r *Resolver) LookupIPv4Only(ctx context.Context, observe func(Event)) (Result, error) {
	return r.ask(ctx, "ipv4only.arpa", AAAA, observe)
}

// ask asks the servers for the records of one type that a fully qualified name has, and nobody else.
func (r *Resolver) ask(ctx context.Context, name string, qtype Type, observe func(Event)) (Result, error) {
	config, err := r.config(ctx)
	if err != nil {
		return Result{}, fileError(ctx, name, err)
	}
	q := newQuery(config, name, []string{name}, qtype, r.options.Random, observe)
	r.run(ctx, q)
	return q.Result()
}

// run does what a Query wants until it has its Result.
func (r *Resolver) run(ctx context.Context, q *Query) {
	for {
		if err := ctx.Err(); err != nil {
			q.Stop(err, r.options.Clock.Now())
		}
		t, more := q.Next(r.options.Clock.Now())
		if !more {
			return
		}
		r.exchange(ctx, q, t)
	}
}

// Rehearse does what Lookup does, but sends nothing: it comes as far as the first query, and returns it as the event that
// its sending would be. The event is nil if it takes no query to know the Result or the error, which is an *Error.
func (r *Resolver) Rehearse(ctx context.Context, host string) (Result, *Event, error) {
	name, config, result, err := r.begin(ctx, host)
	if name == "" {
		return result, nil, err
	}
	qtype := A
	if r.options.Family != FamilyIPv4 {
		qtype = AAAA
	}
	var query *Event
	q := NewQuery(config, name, qtype, r.options.Random, func(e Event) { query = &e })
	now := r.options.Clock.Now()
	if _, more := q.Next(now); !more {
		result, err = q.Result()
		return result, nil, err
	}
	q.Sent(stamp.Stamp{User: now}, netip.AddrPort{})
	return Result{}, query, nil
}

// begin looks a host up as far as that takes no packet. What is left to the DNS is the name that it returns, by the
// configuration; "" if the result or the error is known.
func (r *Resolver) begin(ctx context.Context, host string) (string, Config, Result, error) {
	if address, err := netip.ParseAddr(host); err == nil && address.Is6() && r.options.Family != FamilyIPv4 {
		result, err := r.literal(host, address)
		return "", Config{}, result, err
	}
	name, err := checkHost(host)
	if err != nil {
		return "", Config{}, Result{Name: Escape(host)}, err
	}
	rooted := strings.TrimSuffix(name, ".")
	if address, ok := ParseAddress(name); ok {
		result, err := r.literal(name, address)
		return "", Config{}, result, err
	}
	hosts, err := r.options.Files.readHosts(ctx)
	if err != nil {
		return "", Config{}, Result{Source: HostsFile, Name: rooted}, fileError(ctx, rooted, err)
	}
	addresses := r.options.Family.of(hosts.Lookup(name))
	if len(addresses) == 0 && isBelow(name, "localhost") {
		addresses = r.options.Family.of([]netip.Addr{netip.IPv6Loopback(), netip.AddrFrom4([4]byte{127, 0, 0, 1})})
	}
	if len(addresses) > 0 {
		result := Result{Source: HostsFile, Name: rooted}
		result.Addresses, result.Omitted = bounded(addresses)
		return "", Config{}, result, nil
	}
	if isSpecial(name) {
		return "", Config{}, Result{Source: HostsFile, Name: rooted}, &Error{Kind: NoSuchName, Name: rooted, Reason: "no name ends in .invalid (RFC 6761)"}
	}
	config, err := r.config(ctx)
	if err != nil {
		return "", Config{}, Result{Source: DNS, Name: rooted}, fileError(ctx, rooted, err)
	}
	return name, config, Result{}, nil
}

// literal returns the result of a host that is an address.
func (r *Resolver) literal(host string, address netip.Addr) (Result, error) {
	result := Result{Source: Literal, Name: host, Addresses: r.options.Family.of([]netip.Addr{address})}
	if len(result.Addresses) == 0 {
		return result, &Error{Kind: NoAddress, Name: host, Type: AAAA, Reason: "it is an IPv4 address"}
	}
	return result, nil
}

// fileError returns why a file could not be read that a name needs: it was the end of the context, or the file.
func fileError(ctx context.Context, name string, err error) *Error {
	if ctx.Err() != nil {
		reason := ""
		if failed := (*fs.PathError)(nil); errors.As(err, &failed) {
			reason = "reading " + failed.Path
		}
		return &Error{Kind: Interrupted, Name: name, Reason: reason, Err: err}
	}
	return &Error{Kind: BadConfig, Name: name, Reason: err.Error(), Err: err}
}

// config returns what resolv.conf says, with the options in its place. That it cannot be read is no error if it is not
// needed to know a server.
func (r *Resolver) config(ctx context.Context) (Config, error) {
	c, err := r.options.Files.readConfig(ctx)
	if err != nil && (ctx.Err() != nil || !r.options.Server.IsValid()) {
		return Config{}, err
	}
	if err != nil {
		c = ParseConfig(nil)
	}
	if c.Search == nil {
		// resolv.conf(5): the domain of this host.
		hostname, _ := os.Hostname()
		if _, domain, ok := strings.Cut(hostname, "."); ok {
			c.Search = searchList([]string{domain})
		}
	}
	if r.options.Server.IsValid() {
		c.Servers, c.Fallback = []netip.AddrPort{r.options.Server}, ""
	}
	if r.options.Timeout > 0 {
		c.Timeout = r.options.Timeout
	}
	if r.options.Tries > 0 {
		c.Attempts = min(r.options.Tries, maxQueries)
	}
	return c, nil
}
