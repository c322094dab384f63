package prober

import (
	"context"
	"errors"
	"slices"
	"time"

	"tcpprobe/internal/port"
	"tcpprobe/internal/route"
	"tcpprobe/probe"
	"tcpprobe/rawip"
	"tcpprobe/tcphdr"
)

// prepare does what comes before the first SYN of an attempt, and reports whether it is ready to begin. If it is not, it has
// ended, or waits for its port or its next hop, or somebody holds it.
func (w *worker) prepare(ctx context.Context, a *attempt) bool {
	now := w.clock.Now() // for all that is done at once
	a.result.Address = a.series.remote.Addr()
	if !w.mayGoOn(a) {
		w.conclude(a)
		w.leave(a)
		return false
	}
	a.result.NAT64 = w.prober.names.translators.behind(a.result.Address)
	if a.byKernel() {
		if !w.prepareConnect(a, now) {
			w.conclude(a)
			w.leave(a)
			return false
		}
		return a.noWay == nil || !w.askForTranslator(ctx, a, func() { w.ready = append(w.ready, a) })
	}
	label := w.flowLabel(a.series.request.Spec)
	way, lease, err := w.lease(a.series, label, now)
	if errors.Is(err, port.ErrBusy) {
		w.blocked = append(w.blocked, a)
		return false
	}
	if err != nil {
		a.fail(outcomeOf(err), ofPort(err, a.series.request.Spec.SourcePort))
		end := func() {
			w.conclude(a)
			w.leave(a)
		}
		if a.result.Outcome != probe.OutcomeNoRoute || !w.askForTranslator(ctx, a, end) {
			end()
		}
		return false
	}
	a.lease = lease
	if lease.Outside {
		a.find(probe.FindingPortOutsideRange)
	}
	if err := a.permitWay(way); err != nil {
		w.abandon(a, err)
		return false
	}
	path := w.goBy(a, way, now)
	ask, err := w.nextHop(a, &path)
	w.fill(a, path, label, now)
	if err == nil && w.prober.options.Rehearse {
		if err = w.rehearse(a, ask); err == nil {
			w.end(a)
			return false
		}
	}
	switch {
	case err != nil:
		w.abandon(a, err)
		return false
	case ask:
		w.ask(ctx, a)
		return false
	case a.series.request.Ready != nil:
		w.hold(a)
		return false
	}
	return true
}

// isReady takes an attempt on whose next hop was found.
func (w *worker) isReady(a *attempt) {
	if a.series.request.Ready != nil {
		w.hold(a)
		return
	}
	w.ready = append(w.ready, a)
}

// fill makes the attempt's flow the handshake that is asked for.
func (w *worker) fill(a *attempt, path rawip.Path, label uint32, now time.Time) {
	spec := a.series.request.Spec
	if a.flow == nil {
		a.flow = &probe.Flow{
			Result: a.result, Record: a.record,
			Observe: func(e *probe.Event) {
				a.begin(e.At)
				a.observer.Event(a.result, e)
			},
			NextHop: func() [6]byte { return w.nextHopAgain(a) },
			Done:    func() { w.done(a) },
		}
	}
	f := a.flow
	f.Local, f.Remote, f.Path = a.lease.Local, a.lease.Remote, path
	f.TTL, f.TOS, f.ID = spec.TTL, spec.TOS, w.random.identification()
	if path.V6 {
		f.FlowLabel, f.Relabel = label, !spec.PinFlowLabel
	}
	f.Handshake = spec.Handshake
	h := &f.Handshake
	h.LocalPort, h.RemotePort = f.Local.Port(), f.Remote.Port()
	numbers := w.prober.numbers
	h.ISS = tcphdr.SeqNum(numbers.ISN(f.Local, f.Remote, now))
	h.TimestampBase = numbers.Timestamp(f.Local.Addr(), f.Remote.Addr(), now)
	if h.MSS == 0 {
		h.MSS = maximumSegment(a.way)
	}
}

// maximumSegment returns what the interface has room for behind the headers of IP and TCP, without options. Of IPv6 a route may
// set less, since it names no path MTU that is not the sender's to keep to (RFC 8200 5).
func maximumSegment(way route.Route) uint16 {
	const longest = 65535            // of a datagram of IPv4: the loopback interface would carry more
	const headers, headers6 = 40, 60 // 20 of TCP, and 20 of IPv4 or 40 of IPv6
	if way.Source.Is6() {
		return uint16(max(min(way.LinkMTU, way.MTU, longest+headers6)-headers6, 1))
	}
	return uint16(max(min(way.LinkMTU, longest)-headers, 1))
}

// flowLabel returns the label of a first SYN: the one that is wanted, or one from the whole range that nobody can foresee (RFC
// 6437 3).
func (w *worker) flowLabel(spec *Spec) uint32 {
	if spec.PinFlowLabel {
		return spec.FlowLabel
	}
	return w.random.flowLabel()
}

// done takes note that the handshake of an attempt has ended.
func (w *worker) done(a *attempt) {
	now := w.clock.Now()
	w.endAttempt(a, now)
	if finder := w.prober.neighbors; finder != nil && a.result.Outcome == probe.OutcomeTimeout {
		finder.Forget(hopOf(a.way)) // which may have another MAC by now
	}
	if a.record && (!w.prober.mass || now.Sub(w.heard) > lossInterval) {
		w.heard = now
		w.noteConflicts(a)
	}
	if a.result.TCP.AnsweredSYN > 1 {
		w.congestion.Lost(now)
	} else {
		w.congestion.Whole()
	}
	w.judgeWay(a)
	if a.result.Outcome == probe.OutcomeTimeout && w.unsent(a) {
		w.silentToKernel(a)
	}
	w.end(a)
}

// abandon ends an attempt before its handshake.
func (w *worker) abandon(a *attempt, err error) {
	a.fail(probe.OutcomeLocalError, err)
	w.end(a)
}

// end gives back what an attempt had, and tells how it ended.
func (w *worker) end(a *attempt) {
	lease, over := a.lease, true
	if w.lingers(a) {
		lease, over = w.lingering.add(lease)
	}
	if over {
		if err := w.ports.Release(lease); err != nil {
			a.fail(probe.OutcomeLocalError, err)
		}
		w.released = true
	}
	w.conclude(a)
	w.leave(a)
}

// conclude tells how an attempt has ended.
func (w *worker) conclude(a *attempt) {
	if a.series != nil && a.result.Outcome != probe.OutcomeInterrupted {
		a.series.ended++
	}
	w.expire(a)
	a.observer.Result(a.result)
}

// again has a series go on that ends with the first established handshake, or reports that this was it.
func (w *worker) again(s *series, o probe.Outcome) (over bool) {
	if o == probe.OutcomeEstablished {
		w.repeating--
		return true
	}
	if now := w.clock.Now(); s.Due.Before(now) {
		s.Due = now
	}
	w.schedule.add(s)
	return false
}

// leave takes an attempt off its series.
func (w *worker) leave(a *attempt) {
	s := a.series
	s.underWay--
	over := s.underWay == 0 && (s.started == s.request.Spec.Count || s.broken != goesOn)
	if s.request.Handle != nil {
		s.attempts = slices.DeleteFunc(s.attempts, func(other *attempt) bool { return other == a })
	}
	if s.request.Spec.UntilEstablished && s.broken == goesOn {
		over = w.again(s, a.result.Outcome)
	}
	if over {
		w.close(s.taken)
		s.request.Handle.over()
		if !s.request.Spec.All {
			w.spare = append(w.spare, s) // which is the only one of its target
		}
	}
	if !a.record || s.request.Spec.Reuse {
		w.free = append(w.free, a)
	}
}
