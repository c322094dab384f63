//go:build linux

package cli

import (
	"container/heap"
	"errors"
	"net/netip"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"tcpprobe/internal/neighbor"
	"tcpprobe/internal/route"
	"tcpprobe/internal/target"
	"tcpprobe/probe"
	"tcpprobe/rawip"
	"tcpprobe/resolver"
)

// lane is an engine with its wire, and a share of the targets. It is for one goroutine, but for post.
type lane struct {
	*journey
	run        *campaign
	engine     *probe.Engine
	congestion *probe.Congestion

	agenda   agenda     // courses that wait for their time
	ready    []*attempt // that have to begin, and wait for their turn
	parked   int        // attempts that wait for a name or for a next hop
	underWay int        // handshakes
	looked   time.Time  // when losses were looked for last
	heard    time.Time  // when conflicts about next hops were asked for last
	begun    time.Time  // since when handshakes were begun that may not have left yet; zero if there are none
	latest   time.Time  // when the latest of them was begun
	port     uint16     // from which handshakes begin at the moment
	berths   map[netip.AddrPort]int
	free     []*attempt // for those to come, where results are not kept
	spare    []*course  // for those to come

	mu     sync.Mutex
	posted []func()
	called chan struct{} // that something was posted
}

// What a lane takes on at the most. The rest waits.
const (
	mostUnderWay = 1 << 14 // handshakes: together they take some 20 MiB
	mostRecorded = 1 << 12 // handshakes of which the packets are kept
	mostParked   = 1 << 8  // attempts that wait for a name or for a next hop
)

const (
	outputPause  = 100 * time.Millisecond // to wait for a slow reader, who wakes us before
	lossInterval = 10 * time.Millisecond  // in which losses are looked for
	portInUse    = 5 * time.Millisecond   // to wait before looking again whether the one source port is free
)

func newLane(j *journey, run *campaign) *lane {
	most := mostUnderWay
	if run.record {
		most = mostRecorded
	}
	return &lane{
		journey: j, run: run, engine: probe.NewEngine(j.wire), congestion: probe.NewCongestion(most),
		berths: make(map[netip.AddrPort]int), port: run.o.sourcePort, called: make(chan struct{}, 1),
	}
}

// post has something done by the lane's own goroutine.
func (l *lane) post(f func()) {
	l.mu.Lock()
	l.posted = append(l.posted, f)
	l.mu.Unlock()
	select {
	case l.called <- struct{}{}:
	default:
	}
	l.wire.Wake()
}

// attend does what was posted.
func (l *lane) attend() {
	l.mu.Lock()
	posted := l.posted
	l.posted = nil
	l.mu.Unlock()
	for _, f := range posted {
		f()
	}
}

// next says for the engine which handshake is to begin, or when there may be one.
func (l *lane) next(now time.Time) (_ *probe.Flow, again time.Time, more bool) {
	l.attend()
	l.lookForLosses(now)
	if flushed := l.wire.Flushed(); !l.begun.IsZero() && flushed.After(l.latest) {
		l.run.left(l.begun, flushed)
		l.begun = time.Time{}
	}
	for {
		if l.run.out.Full() {
			return nil, now.Add(outputPause), true
		}
		if l.underWay >= l.congestion.Limit() {
			return nil, now.Add(lossInterval), true
		}
		a, again, more := l.nextAttempt(now)
		if a == nil {
			return nil, again, more
		}
		if again, ok := l.run.mayBegin(l.clock); !ok {
			l.ready = append([]*attempt{a}, l.ready...)
			if together := now.Add(l.run.together); again.Before(together) {
				again = together
			}
			return nil, again, true
		}
		l.underWay++
		a.embark()
		if l.begun.IsZero() {
			l.begun = now
		}
		l.latest = l.clock.Now()
		return a.flow, now, true
	}
}

// nextAttempt returns an attempt of which everything is known that its handshake takes. Without one, it says when there may
// be one, and whether there will be.
func (l *lane) nextAttempt(now time.Time) (_ *attempt, again time.Time, more bool) {
	for {
		if len(l.ready) > 0 {
			a := l.ready[0]
			l.ready = l.ready[1:]
			return a, time.Time{}, true
		}
		a, again, more := l.nextDue(now)
		if a == nil {
			return nil, again, more
		}
		if l.prepare(a) {
			return a, time.Time{}, true
		}
	}
}

// nextDue returns an attempt that is to begin now, of a course or of a new target.
func (l *lane) nextDue(now time.Time) (_ *attempt, again time.Time, more bool) {
	for {
		if len(l.agenda) > 0 && !now.Before(l.agenda[0].due) {
			c := l.agenda[0]
			if l.o.sourcePort != 0 && l.busy(c, l.o.sourcePort) {
				c.due = now.Add(portInUse)
				heap.Fix(&l.agenda, 0)
				continue
			}
			return l.begin(c, now), time.Time{}, true
		}
		if l.parked < mostParked {
			if t, ok := l.run.targets.Next(); ok {
				l.take(t, now)
				continue
			}
		}
		switch {
		case len(l.agenda) > 0:
			return nil, l.agenda[0].due, true
		case l.parked > 0:
			return nil, now.Add(time.Hour), true // whoever ends the wait posts it
		}
		return nil, time.Time{}, false
	}
}

// take takes a target on: its name is looked up, and a course is set to each of its addresses.
func (l *lane) take(t target.Target, now time.Time) {
	show := l.run.show.present(t)
	show.courses++
	first := l.attempt(t, 1, show)
	if t.Address.IsValid() {
		first.literal(t)
		c := l.course()
		*c = course{Target: t, remote: netip.AddrPortFrom(t.Address, t.Port), show: show, first: first, due: now}
		l.set(c)
		return
	}
	l.parked++
	l.names.find(t.Host, func(e resolver.Event) {
		l.post(func() { first.happened(dnsEvent(e)) })
	}, func(found resolver.Result, err error) {
		l.post(func() {
			l.parked--
			l.resolved(t, first, show, found, err)
		})
	})
}

// resolved goes on with a target whose name was looked up.
func (l *lane) resolved(t target.Target, first *attempt, show *presenter, found resolver.Result, err error) {
	addresses := l.judge(first, found, err)
	if len(addresses) == 0 {
		l.conclude(first, show)
		l.over(show)
		return
	}
	if !l.o.all {
		addresses = addresses[:1]
	}
	now := l.clock.Now()
	for i, address := range addresses {
		if i > 0 {
			show.courses++
			first = l.attempt(t, 1, show)
		}
		l.set(&course{Target: t, remote: netip.AddrPortFrom(address, t.Port), show: show, first: first, due: now})
	}
}

func (l *lane) set(c *course) { heap.Push(&l.agenda, c) }

// attempt returns an attempt of which nothing is known yet.
func (l *lane) attempt(t target.Target, seq int, show *presenter) *attempt {
	if last := len(l.free) - 1; last >= 0 {
		a := l.free[last]
		l.free = l.free[:last]
		a.renew(t, seq)
		return a
	}
	a := l.newAttempt(t, seq, show.event)
	a.terse = !l.run.record
	return a
}

// begin begins the next handshake of the first course of the agenda, and sets the time of the one after it.
func (l *lane) begin(c *course, now time.Time) *attempt {
	a := c.first
	c.first = nil
	if a == nil {
		a = l.attempt(c.Target, c.started+1, c.show)
	}
	a.course = c
	c.started++
	c.underWay++
	if c.started == l.o.count {
		heap.Pop(&l.agenda)
		return a
	}
	// What is late does not make what follows late, too.
	if c.due = c.due.Add(l.o.interval); c.due.Before(now) {
		c.due = now.Add(l.o.interval)
	}
	heap.Fix(&l.agenda, 0)
	return a
}

// prepare does what comes before the first SYN, and reports whether the attempt is ready for it. If it is not, it has ended,
// or waits for its next hop.
func (l *lane) prepare(a *attempt) bool {
	way, guard, err := l.berth(a.course)
	if err != nil {
		a.fail(outcomeOf(err), err)
		l.conclude(a, a.course.show)
		l.leave(a)
		return false
	}
	a.way = way
	path := l.journey.take(a, way)
	ask, err := l.nextHop(a, way, &path)
	if err == nil {
		err = l.wire.Prepare(path)
	}
	l.fill(a, way, path, guard)
	switch {
	case err != nil:
		l.abandon(a, err)
		return false
	case !ask:
		return true
	}
	l.parked++
	asking := &asking{attempt: a, way: way}
	l.neighbors.Find(linkOf(way), way.Source, way.NextHop, func(e neighbor.Event) {
		l.post(func() { asking.happened(e) })
	}, func(found neighbor.Result, err error) {
		l.post(func() {
			l.parked--
			if err := l.arrive(asking, found, err, &a.flow.Path); err != nil {
				l.abandon(a, err)
				return
			}
			l.ready = append(l.ready, a)
		})
	})
	return false
}

// fill makes the attempt's flow the handshake that the flags ask for.
func (l *lane) fill(a *attempt, way route.Route, path rawip.Path, guard *rawip.Guard) {
	if a.flow == nil {
		a.flow = l.flow(a, way, path, guard, a.course.remote)
		a.flow.Done = func() { l.done(a) }
		a.flow.NextHop = func() [6]byte { return l.nextHopAgain(a) }
		a.flow.Record = l.run.record
		return
	}
	a.flow.Local, a.flow.Remote, a.flow.Path = guard.Local(), a.course.remote, path
	a.flow.ID, a.flow.Handshake = identification(), l.config(way, guard, a.course.remote)
}

// nextHopAgain returns where a SYN goes that is sent again: to where the next hop is by now, of which the link is asked.
func (l *lane) nextHopAgain(a *attempt) [6]byte {
	l.neighbors.Verify(hopOf(a.way))
	if known, ok := l.neighbors.Known(hopOf(a.way)); ok {
		return known.MAC
	}
	return a.flow.Path.NextHop
}

// done takes note that the handshake of an attempt has ended.
func (l *lane) done(a *attempt) {
	l.underWay--
	if a.Outcome == probe.OutcomeTimeout && a.flow.Path.Link {
		l.neighbors.Forget(hopOf(a.way)) // which may have another MAC by now
	}
	if now := l.clock.Now(); l.run.record && (l.run.apart || now.Sub(l.heard) > lossInterval) {
		l.heard = now
		l.noteConflicts(a)
	}
	if a.TCP.AnsweredSYN > 1 {
		l.congestion.Lost(l.clock.Now())
	} else {
		l.congestion.Over()
	}
	l.unberth(a.flow.Local)
	l.conclude(a, a.course.show)
	l.leave(a)
}

// abandon ends an attempt before its handshake.
func (l *lane) abandon(a *attempt, err error) {
	if a.Outcome == probe.OutcomePending {
		a.fail(probe.OutcomeLocalError, err)
	}
	l.unberth(a.flow.Local)
	l.conclude(a, a.course.show)
	l.leave(a)
}

// conclude shows the end of an attempt.
func (l *lane) conclude(a *attempt, show *presenter) {
	l.run.add(a.Result)
	show.result(a.Result)
}

// leave takes an attempt off its course.
func (l *lane) leave(a *attempt) {
	c := a.course
	c.underWay--
	if c.underWay == 0 && c.started == l.o.count {
		l.over(c.show)
		l.spare = append(l.spare, c)
	}
	if !l.run.record {
		l.free = append(l.free, a)
	}
}

// course returns memory for a course: that of one that is over, if there is any.
func (l *lane) course() *course {
	last := len(l.spare) - 1
	if last < 0 {
		return new(course)
	}
	c := l.spare[last]
	l.spare = l.spare[:last]
	return c
}

// over takes note that one of a target's courses is over.
func (l *lane) over(show *presenter) {
	if show.courses--; show.courses == 0 {
		l.run.show.over(show)
	}
}

// busy reports whether a handshake of the course from that port is under way.
func (l *lane) busy(c *course, port uint16) bool {
	for local := range l.berths {
		if local.Port() == port && l.engine.Busy(local, c.remote) {
			return true
		}
	}
	return false
}

// berth asks for the route of the course's next handshake, and reserves a port for it. Handshakes with different addresses
// may share a port; those with the same one do not, and neither do two of a course that follow each other: a peer might take
// the one for a part of the other.
func (l *lane) berth(c *course) (route.Route, *rawip.Guard, error) {
	const tries = 100
	for i := 1; ; i++ {
		if l.o.sourcePort == 0 && (l.port == 0 || l.port == c.port || l.run.apart) {
			l.turn()
		}
		way, err := l.routeFrom(l.port, c.remote)
		if err != nil {
			return route.Route{}, nil, err
		}
		local := netip.AddrPortFrom(way.Source, l.port)
		taken := local == c.remote || l.engine.Busy(local, c.remote)
		if taken && l.o.sourcePort != 0 {
			return route.Route{}, nil, sameEnds(local)
		}
		guard := l.guards[local]
		if guard == nil && !taken {
			guard, err = rawip.NewGuard(local)
			if err == nil {
				if err = l.guard(guard); err != nil {
					guard.Close()
				}
			}
			taken = errors.Is(err, unix.EADDRINUSE) && l.o.sourcePort == 0
		}
		switch {
		case taken && i < tries:
			l.port = 0
			continue
		case err != nil:
			return route.Route{}, nil, err
		}
		l.berths[local]++
		c.port = l.port
		return way, guard, nil
	}
}

// turn makes the handshakes to come begin from another port, and gives up those that nobody uses.
func (l *lane) turn() {
	l.port = rawip.EphemeralPort()
	for local, users := range l.berths {
		if users == 0 && local.Port() != l.port {
			delete(l.berths, local)
			l.release(local)
		}
	}
}

// unberth gives the port of a handshake back. It stays reserved as long as others may begin from it.
func (l *lane) unberth(local netip.AddrPort) {
	l.berths[local]--
	if l.berths[local] == 0 && (local.Port() != l.port || l.run.apart) {
		delete(l.berths, local)
		l.release(local)
	}
}

// lookForLosses takes note of what this host has lost.
func (l *lane) lookForLosses(now time.Time) {
	if now.Sub(l.looked) < lossInterval {
		return
	}
	l.looked = now
	drops, err := l.wire.Drops()
	if err != nil {
		return // the next Receive says it, too
	}
	if drops > 0 {
		l.run.dropped(drops)
	}
	if drops > 0 || l.wire.Refusals() > 0 {
		l.congestion.Lost(now)
	}
}

// work makes the lane's handshakes, until there are none left or the run is broken off.
func (l *lane) work() error {
	err := l.engine.Run(l.ctx, l.next)
	if err != nil {
		l.run.stop() // the others have nothing to wait for
	}
	for l.parked > 0 {
		<-l.called
		l.attend()
	}
	for _, a := range l.ready {
		a.fail(probe.OutcomeInterrupted, nil)
		l.abandon(a, nil)
	}
	return err
}
