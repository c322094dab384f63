package resolver

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"
)

// lookupBoth asks for AAAA and A of a name side by side, each with ports and IDs of its own, and for the next name of the
// search list when both are in vain.
func (r *Resolver) lookupBoth(ctx context.Context, c Config, name string, observe func(Event)) (Result, error) {
	given := strings.TrimSuffix(name, ".")
	names := c.Candidates(name)
	if len(names) == 0 || len(c.Servers) == 0 {
		return NewQuery(c, name, A, r.options.Random, observe).Result() // says why nobody is asked
	}
	var total Result // of all names: attempts, events, duration, what was ignored
	total.Ignored = map[string]int{}
	var failed outcome
	var searched []string
	var limit time.Time
	server := 0
	for i, candidate := range names {
		o, q := r.lookupPair(ctx, c, given, candidate, server, limit, observe)
		limit, server = q.limit, q.current.server
		total.Attempts += o.result.Attempts
		total.Duration += o.result.Duration
		total.Conflict = total.Conflict || o.result.Conflict
		total.Events = append(total.Events, o.result.Events...)
		for _, reason := range slices.Sorted(maps.Keys(o.result.Ignored)) {
			total.Ignored[reason] += o.result.Ignored[reason]
		}
		if o.err == nil {
			return total.with(o.result), nil
		}
		if failed.err == nil || !equalNames(failed.result.Name, given) {
			failed = o
		}
		if o.result.Searched {
			searched = append(searched, Escape(candidate))
		}
		if kind := o.err.Kind; i == len(names)-1 || kind >= Timeout {
			break
		}
	}
	if !failed.result.Searched && failed.err.Kind <= NoAddress {
		failed.err.Searched = searched
	}
	return total.with(failed.result), failed.err
}

// lookElsewhere asks for AAAA of a name that has no A, to be able to say that it has an IPv6 address alone.
func (r *Resolver) lookElsewhere(ctx context.Context, c Config, name string, of Result, failed *Error, observe func(Event)) (Result, error) {
	q := NewQuery(c, name, AAAA, r.options.Random, observe)
	r.run(ctx, q)
	result, err := q.Result()
	of.Queries = []QueryResult{outcome{result: of, err: failed}.query(A)}
	other := outcome{result: result}
	errors.As(err, &other.err)
	of.Queries = append(of.Queries, other.query(AAAA))
	of.Attempts += result.Attempts
	of.Duration += result.Duration
	of.Events = append(of.Events, result.Events...)
	if err == nil {
		e := *failed
		e.Reason = "it has an IPv6 address, " + result.Addresses[0].String()
		return of, &e
	}
	return of, failed
}

// with returns the result of one name with what was counted over all.
func (r Result) with(of Result) Result {
	of.Attempts, of.Duration, of.Conflict, of.Events, of.Ignored = r.Attempts, r.Duration, r.Conflict, r.Events, r.Ignored
	return of
}

// lookupPair asks for both types of one candidate, beginning with the given server, until the limit at the most. It returns
// what that means, and the machine for A when it has ended.
func (r *Resolver) lookupPair(ctx context.Context, c Config, given, candidate string, server int, limit time.Time, observe func(Event)) (outcome, *Query) {
	if r.second == nil {
		o := r.options
		o.Clock = nil // one Clock is for one goroutine
		r.second = New(o)
	}
	events := make(chan Event)
	tell := func(e Event) { events <- e }
	var running sync.WaitGroup
	var queries [2]*Query
	for i, asks := range []struct {
		resolver *Resolver
		qtype    Type
	}{{r.second, AAAA}, {r, A}} {
		q := newQuery(c, given, []string{candidate}, asks.qtype, r.options.Random, tell)
		q.first, q.limit = server, limit
		queries[i] = q
		running.Go(func() { asks.resolver.run(ctx, q) })
	}
	go func() {
		running.Wait()
		close(events)
	}()
	for e := range events {
		if observe != nil {
			observe(e)
		}
	}
	var outcomes [2]outcome
	for i, q := range queries {
		result, err := q.Result()
		outcomes[i].result = result
		errors.As(err, &outcomes[i].err)
	}
	return r.options.Family.combine(outcomes[0], outcomes[1]), queries[1]
}
