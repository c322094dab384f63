package prober

import (
	"context"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"tcpprobe/internal/nat64"
	"tcpprobe/probe"
	"tcpprobe/resolver"
)

// A handshake waits for the answer about ipv4only.arpa, and does not depend on it: a name server has translatorWait for it, once. That
// there is no answer, or no prefix in it, holds for noTranslator.
const (
	translatorWait = time.Second
	noTranslator   = time.Minute
)

// translators is the NAT64 prefixes of this network. They are asked for when they matter, once for all. Its methods may be called
// from any goroutine.
type translators struct {
	options resolver.Options
	asking  sync.Mutex
	until   time.Time                      // when to ask again, if asked for; of whoever is asking
	known   atomic.Pointer[[]netip.Prefix] // nil as long as nobody has asked
}

// newTranslators returns the translators of who looks names up with the same options.
func newTranslators(o resolver.Options) *translators {
	if o.Timeout <= 0 || o.Timeout > translatorWait {
		o.Timeout = translatorWait
	}
	o.Tries = 1
	return &translators{options: o}
}

// find asks for the prefixes, unless they are known. observe is told of every message of that.
func (t *translators) find(ctx context.Context, observe func(resolver.Event)) {
	t.asking.Lock()
	defer t.asking.Unlock()
	if time.Now().Before(t.until) {
		return
	}
	found, err := resolver.New(t.options).LookupIPv4Only(ctx, observe)
	if ctx.Err() != nil {
		return
	}
	prefixes, lifetime := nat64.Prefixes(found.Addresses), noTranslator
	if answered, ok := found.Lifetime(); err == nil && ok && len(prefixes) > 0 {
		lifetime = max(answered, leastLifetime)
	}
	t.until = time.Now().Add(lifetime)
	t.known.Store(&prefixes)
}

// prefixes returns those that are known: the well-known one, which means what it says in any network, is not among them unless the
// network has it.
func (t *translators) prefixes() []netip.Prefix {
	if known := t.known.Load(); known != nil {
		return *known
	}
	return nil
}

// behind returns whom an IPv6 address stands for; nil if it is nobody else's, as far as it is known.
func (t *translators) behind(a netip.Addr) *probe.NAT64 {
	if !a.Is6() {
		return nil
	}
	prefix := nat64.WellKnown()
	v4, ok := nat64.Extract(prefix, a)
	for _, known := range t.prefixes() {
		if !ok {
			prefix = known
			v4, ok = nat64.Extract(prefix, a)
		}
	}
	if !ok {
		return nil
	}
	return &probe.NAT64{Prefix: prefix, Address: v4, Synthesized: a}
}

// towards returns by which IPv6 address this network reaches an IPv4 address; nil if by none, as far as it is known.
func (t *translators) towards(v4 netip.Addr) *probe.NAT64 {
	for _, prefix := range t.prefixes() {
		if a, ok := nat64.Embed(prefix, v4); ok && nat64.Allows(prefix, v4) {
			return &probe.NAT64{Prefix: prefix, Address: v4, Synthesized: a}
		}
	}
	return nil
}

// mayBeTranslated reports whether it takes the prefixes of this network to know if addresses of a name are real: an IPv6 address
// of it is made of one of its IPv4 addresses, and not behind the prefix that everybody knows.
func mayBeTranslated(found resolver.Result) bool {
	var v4 []netip.Addr
	for _, q := range found.Queries {
		if q.Type == resolver.A {
			v4 = append(v4, q.Addresses...)
		}
	}
	return len(v4) > 0 && slices.ContainsFunc(found.Addresses, func(a netip.Addr) bool {
		return !nat64.WellKnown().Contains(a) && nat64.MayBe(a, v4)
	})
}

// askForTranslator asks how this network reaches IPv4, for an attempt that has found no route to an IPv4 address, and reports
// whether it does so: then is called by the worker when that is known. It is of use to hosts with IPv6 alone, and to those who read
// each result.
func (w *worker) askForTranslator(ctx context.Context, a *attempt, then func()) bool {
	v4 := a.result.Address
	if !a.record || w.prober.options.Rehearse || !v4.Is4() || v4.IsLoopback() || !w.prober.names.sources.onlyIPv6() {
		return false
	}
	w.parked++
	go func() {
		w.prober.names.translators.find(ctx, func(e resolver.Event) {
			w.post(func() { a.happened(dnsEvent(e)) })
		})
		w.post(func() {
			w.parked--
			a.result.NAT64 = w.prober.names.translators.towards(v4)
			then()
		})
	}()
	return true
}
