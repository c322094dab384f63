package prober

import (
	"context"
	"fmt"
	"net/netip"
	"time"

	"tcpprobe/internal/target"
	"tcpprobe/probe"
	"tcpprobe/resolver"
)

// taken is a target that a worker has taken on.
type taken struct {
	request Request
	open    int // series that are not over
}

// take takes a target on: its name is looked up, and a series of attempts is set on the schedule for each of its addresses.
func (w *worker) take(ctx context.Context, r Request, now time.Time) {
	host := r.Target
	if host.Address.IsValid() {
		s := w.newSeries(r)
		s.open = 1
		first := w.newAttempt(s.taken, 1)
		if first.record {
			first.result.DNS = &probe.DNS{Source: "literal", Name: host.Host, Addresses: []netip.Addr{host.Address}}
		}
		s.remote, s.first, s.due = netip.AddrPortFrom(host.Address, host.Port), first, now
		w.schedule.add(s)
		return
	}
	t := &taken{request: r, open: 1}
	first := w.newAttempt(t, 1)
	w.parked++
	w.prober.names.find(ctx, host.Host, func(e resolver.Event) {
		w.post(func() { first.happened(dnsEvent(e)) })
	}, func(found resolver.Result, err error) {
		w.post(func() {
			w.parked--
			w.resolved(ctx, t, first, found, err)
		})
	})
}

// newSeries returns a series with a request of its own, with the memory of one that is over if there is any.
func (w *worker) newSeries(r Request) *series {
	last := len(w.spare) - 1
	if last < 0 {
		return &series{taken: &taken{request: r}}
	}
	s := w.spare[last]
	w.spare = w.spare[:last]
	t := s.taken
	*t = taken{request: r}
	*s = series{taken: t}
	return s
}

// resolved goes on with a target whose name was looked up.
func (w *worker) resolved(ctx context.Context, t *taken, first *attempt, found resolver.Result, err error) {
	first.result.DNS = dnsResult(found)
	if found.Damage != nil {
		first.find(probe.FindingDNSAnswerDamaged)
	}
	var addresses []netip.Addr
	if err == nil {
		addresses, err = probeable(found)
	}
	switch {
	case ctx.Err() != nil:
		first.fail(probe.OutcomeInterrupted, nil)
	case err != nil && err != errRehearsed:
		first.fail(probe.OutcomeDNSError, err)
	}
	if ctx.Err() != nil || err != nil {
		w.conclude(first)
		w.close(t)
		return
	}
	if !t.request.Spec.All {
		addresses = addresses[:1]
	}
	now := w.clock.Now()
	t.open = len(addresses)
	for i, address := range addresses {
		if i > 0 {
			first = w.newAttempt(t, 1)
		}
		w.schedule.add(&series{taken: t, remote: netip.AddrPortFrom(address, t.request.Target.Port), first: first, due: now})
	}
}

// probeable returns the addresses that can be probed, of those that were found, and an error if there are none. A record that
// names no single host does not spoil those beside it.
func probeable(found resolver.Result) ([]netip.Addr, error) {
	var addresses []netip.Addr
	var wrong error
	for _, address := range found.Addresses {
		if err := target.CheckUnicast(address); err == nil {
			addresses = append(addresses, address)
		} else if wrong == nil {
			wrong = fmt.Errorf("%s resolves to an address that cannot be probed: %w", found.Name, err)
		}
	}
	if len(addresses) > 0 {
		return addresses, nil
	}
	return nil, wrong
}

// close takes note that one of a target's series is over.
func (w *worker) close(t *taken) {
	if t.open--; t.open == 0 {
		t.request.Observer.Over()
	}
}
