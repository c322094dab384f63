package prober

import (
	"context"
	"fmt"
	"net/netip"
	"time"

	"tcpprobe/internal/deadline"
	"tcpprobe/probe"
	"tcpprobe/resolver"
)

// taken is a target that a worker has taken on.
type taken struct {
	request Request
	open    int // series that are not over
}

// take takes a target on: a series of attempts is set on the schedule. Where all addresses of a name are wanted, it is looked
// up first, to set one for each.
func (w *worker) take(ctx context.Context, r Request, now time.Time) {
	if r.Spec.All && !r.Target.Address.IsValid() {
		t := &taken{request: r, open: 1}
		first := w.newAttempt(t, 1)
		w.lookUp(ctx, first, r.Target.Host, func(found resolver.Result, err error) { w.resolved(ctx, t, first, found, err) })
		return
	}
	s := w.newSeries(r)
	s.open, s.Due = 1, w.schedule.first(s, now.Add(r.Delay))
	how := r.Handle.taken(w, s)
	if r.Spec.UntilEstablished {
		w.repeating++
	}
	w.schedule.add(s)
	if how != goesOn {
		w.breakOff(r.Handle, how)
	}
}

// lookUp looks a host up for an attempt. done is called by the worker.
func (w *worker) lookUp(ctx context.Context, a *attempt, host string, done func(resolver.Result, error)) {
	w.parked++
	w.prober.names.find(ctx, host, func(e resolver.Event) {
		w.post(func() { a.happened(dnsEvent(e)) })
	}, func(found resolver.Result, err error) {
		w.post(func() {
			w.parked--
			done(found, err)
		})
	})
}

// resolve finds the address of an attempt, and reports whether it is known. If it is not, the attempt waits for it.
func (w *worker) resolve(ctx context.Context, a *attempt) bool {
	s := a.series
	host := s.request.Target
	if host.Address.IsValid() {
		s.remote = netip.AddrPortFrom(host.Address, host.Port)
		if a.record && a.result.Seq == 1 {
			a.result.DNS = &probe.DNS{Source: "literal", Name: host.Host, Addresses: []netip.Addr{host.Address}}
		}
		return true
	}
	if s.request.Spec.All {
		return true
	}
	if found, ok := w.prober.names.known(host.Host, w.clock.Now()); ok {
		// Where it was asked for before, it did not happen this time.
		if a.result.Seq == 1 {
			a.result.DNS = dnsResult(found)
			a.result.DNS.Known = true
		}
		if addresses, err := s.request.Spec.Family.probeable(found); err == nil {
			a.goTo(addresses)
			return true
		}
	}
	w.schedule.pause(s)
	w.lookUp(ctx, a, host.Host, func(found resolver.Result, err error) {
		w.schedule.resume(s, w.clock.Now())
		if addresses := w.judge(ctx, a, s.request.Spec, found, err); addresses != nil {
			a.goTo(addresses)
			if w.prepare(ctx, a) {
				w.ready = append(w.ready, a)
			}
			return
		}
		w.conclude(a)
		w.leave(a)
	})
	return false
}

// goTo makes the first of several addresses the one that the attempt's series probes, and notes the others.
func (a *attempt) goTo(addresses []netip.Addr) {
	a.series.remote = netip.AddrPortFrom(addresses[0], a.series.request.Target.Port)
	a.result.Also = addresses[1:]
}

// judge makes what was found of a host the attempt's, and returns the addresses to probe: none if the attempt is over.
func (w *worker) judge(ctx context.Context, a *attempt, spec *Spec, found resolver.Result, err error) (addresses []netip.Addr) {
	a.result.DNS = dnsResult(found)
	if found.Damage != nil {
		a.find(probe.FindingDNSAnswerDamaged)
	}
	if err == nil {
		addresses, err = spec.Family.probeable(found)
	}
	switch {
	case ctx.Err() != nil:
		a.fail(probe.OutcomeInterrupted, nil)
		return nil
	case err != nil && err != errRehearsed:
		a.fail(probe.OutcomeDNSError, err)
	}
	return addresses
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

// resolved goes on with a target all addresses of whose name are wanted.
func (w *worker) resolved(ctx context.Context, t *taken, first *attempt, found resolver.Result, err error) {
	addresses := w.judge(ctx, first, t.request.Spec, found, err)
	if most := w.prober.options.MostTargets; most > 0 && int(w.prober.addresses.Add(int64(len(addresses)))) > most {
		first.fail(probe.OutcomeLocalError, fmt.Errorf("with %d addresses of %s there are more than the %d targets that are allowed",
			len(addresses), found.Name, most))
		addresses = nil
	}
	if addresses == nil {
		w.conclude(first)
		w.close(t)
		return
	}
	now := w.clock.Now()
	t.open = len(addresses)
	if t.request.Spec.Stagger > 0 {
		addresses = byTurns(addresses)
	}
	for i, address := range addresses {
		if i > 0 {
			first = w.newAttempt(t, 1)
		}
		w.schedule.add(&series{taken: t, remote: netip.AddrPortFrom(address, t.request.Target.Port), first: first, Timer: deadline.Timer{Due: now.Add(time.Duration(i) * t.request.Spec.Stagger)}})
	}
}

// byTurns returns addresses so that the families take turns, beginning with that of the first one (RFC 8305 4).
func byTurns(addresses []netip.Addr) []netip.Addr {
	var turns [2][]netip.Addr
	for _, a := range addresses {
		of := 0
		if a.Is4() != addresses[0].Is4() {
			of = 1
		}
		turns[of] = append(turns[of], a)
	}
	var ordered []netip.Addr
	for i := range addresses {
		for _, family := range turns {
			if i < len(family) {
				ordered = append(ordered, family[i])
			}
		}
	}
	return ordered
}

// close takes note that one of a target's series is over.
func (w *worker) close(t *taken) {
	if t.open--; t.open == 0 {
		t.request.Observer.Over()
	}
}
