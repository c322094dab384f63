package prober

import (
	"context"
	"net/netip"
	"sync"
	"time"

	"tcpprobe/internal/port"
	"tcpprobe/internal/route"
	"tcpprobe/internal/stamp"
	"tcpprobe/probe"
	"tcpprobe/rawip"
)

// worker is an engine with its wire, and a share of the targets. It is for one goroutine, but for post.
type worker struct {
	prober     *Prober
	clock      *stamp.Clock
	wire       *rawip.Wire
	routes     *route.Cache
	engine     *probe.Engine
	congestion *Congestion
	random     random
	ports      *port.Table
	lingering  lingering
	connects   connects
	elsewhere  map[[2]int]string // by two interfaces, the second's name if its packets are not the first's

	schedule  schedule             // series that wait for their time
	ready     []*attempt           // that have to begin, and wait for their turn
	flows     []*probe.Flow        // that holders have made, and wait for their turn
	blocked   []*attempt           // that wait for a port which is leased for their server
	released  bool                 // a port was given back since those were tried
	parked    int                  // attempts that wait for a name or for a next hop
	held      int                  // attempts whose handshakes their holders make
	repeating int                  // series that go on until a handshake is established
	abandoned map[*probe.Flow]bool // flows that their holders have no more use for
	looked    time.Time            // when losses were looked for last
	heard     time.Time            // when conflicts about next hops were asked for last
	begun     time.Time            // since when handshakes were begun that may not have left yet; zero if there are none
	latest    time.Time            // when the latest of them was begun
	free      []*attempt           // for those to come, where results are not kept
	spare     []*series            // for those to come

	mu     sync.Mutex
	posted []func()
	called chan struct{} // that something was posted
}

// What a worker takes on at the most. The rest waits.
const (
	mostUnderWay = 1 << 14 // handshakes: together they take some 20 MiB
	mostRecorded = 1 << 12 // handshakes of which the packets are kept
	mostParked   = 1 << 8  // attempts that wait for a name, a port or a next hop
)

// endAtOnce is how many attempts may end before their handshake, or come to wait, until the engine has its turn: to see
// what has arrived, that the output is full, or that the run is to end.
const endAtOnce = 64

const (
	idlePause    = time.Hour              // to wait for whoever ends the wait by Wake or post
	outputPause  = 100 * time.Millisecond // to wait for a slow reader, who wakes us before
	lossInterval = 10 * time.Millisecond  // in which losses are looked for
	portInUse    = 5 * time.Millisecond   // to wait before looking again whether the one source port is free
)

func newWorker(p *Prober, wire *rawip.Wire, routes *route.Cache) *worker {
	most := mostUnderWay
	if p.options.Record {
		most = mostRecorded
	}
	w := &worker{
		lingering: newLingering(p.cycles.Len()),
		ports:     port.NewTable(p.cycles, p.mass, func(locals []netip.AddrPort) error { return wire.Watch(locals...) }),
		elsewhere: make(map[[2]int]string),
		abandoned: make(map[*probe.Flow]bool),
		prober:    p, wire: wire, routes: routes, clock: stamp.NewClock(stamp.System),
		engine: probe.NewEngine(wire), congestion: NewCongestion(most),
		called: make(chan struct{}, 1),
	}
	if p.together > 0 {
		w.schedule.step = endlessTogether
	}
	return w
}

// work makes the worker's handshakes, until there are none left or the context ends. With an error it stops the run first:
// nobody, here or in the other workers, has anything to wait for then.
func (w *worker) work(ctx context.Context, stop func()) error {
	err := w.engine.Run(ctx, func(now time.Time) (*probe.Flow, time.Time, bool) { return w.next(ctx, now) })
	w.breakOffConnects(probe.OutcomeInterrupted, nil)
	if err != nil {
		stop()
	}
	for w.parked > 0 {
		<-w.called
		w.attend()
	}
	w.attend()
	for _, a := range w.ready {
		a.fail(probe.OutcomeInterrupted, nil)
		w.abandon(a, nil)
	}
	for _, a := range w.blocked {
		a.fail(probe.OutcomeInterrupted, nil)
		w.conclude(a)
		w.leave(a)
	}
	for _, f := range w.flows {
		f.Result.Outcome = probe.OutcomeInterrupted
		f.Done()
	}
	return err
}

// post has something done by the worker's own goroutine.
func (w *worker) post(f func()) {
	w.mu.Lock()
	w.posted = append(w.posted, f)
	w.mu.Unlock()
	select {
	case w.called <- struct{}{}:
	default:
	}
	w.wire.Wake()
}

// attend does what was posted.
func (w *worker) attend() {
	w.mu.Lock()
	posted := w.posted
	w.posted = nil
	w.mu.Unlock()
	for _, f := range posted {
		f()
	}
}

// next says for the engine which handshake is to begin, or when there may be one.
func (w *worker) next(ctx context.Context, now time.Time) (_ *probe.Flow, again time.Time, more bool) {
	w.attend()
	w.attendConnects()
	w.lookForLosses(now)
	f, again, more := w.nextHandshake(ctx, now)
	if c, ok := w.connects.due.First(); ok && (!more || c.Due.Before(again)) {
		again, more = c.Due, true
	}
	return f, again, more
}

// nextHandshake is next, but for what the kernel has under way. It has the kernel begin with those that it is to make.
func (w *worker) nextHandshake(ctx context.Context, now time.Time) (_ *probe.Flow, again time.Time, more bool) {
	if flushed := w.wire.Flushed(); !w.begun.IsZero() && flushed.After(w.latest) {
		w.prober.begun(w.begun, flushed)
		w.begun = time.Time{}
	}
	if f := w.nextFlow(); f != nil {
		return f, now, true
	}
	for range endAtOnce {
		if full := w.prober.options.Full; full != nil && full() {
			return nil, now.Add(outputPause), true
		}
		if !w.hasRoom(now) {
			return nil, now.Add(lossInterval), true
		}
		a, again, more := w.nextAttempt(ctx, now)
		if a == nil {
			return nil, again, more
		}
		if again, ok := w.prober.mayBegin(w.clock); !ok {
			w.ready = append([]*attempt{a}, w.ready...)
			if together := now.Add(w.prober.together); again.Before(together) {
				again = together
			}
			return nil, again, true
		}
		switch {
		case !a.byKernel():
			return w.begin(a, now), now, true
		case !w.connect(a): // until another ends
			w.ready = append([]*attempt{a}, w.ready...)
			return nil, now.Add(idlePause), true
		}
	}
	return nil, now, true
}

// hasRoom reports whether another handshake may begin.
func (w *worker) hasRoom(now time.Time) bool {
	if most := w.prober.options.UnderWay; most > 0 {
		return w.congestion.UnderWay() < most
	}
	return w.congestion.Room(now)
}

// begin returns the flow of an attempt, which is to begin now.
func (w *worker) begin(a *attempt, now time.Time) *probe.Flow {
	w.beginAttempt(a)
	a.result.TCP = a.tcp
	if w.begun.IsZero() {
		w.begun = now
	}
	w.latest = a.beganAt
	return a.flow
}

// beginAttempt takes note that the handshake of an attempt begins.
func (w *worker) beginAttempt(a *attempt) {
	a.begun, a.beganAt = true, w.clock.Now()
	w.congestion.Begun(a.beganAt)
}

// endAttempt takes note that the handshake of an attempt has ended.
func (w *worker) endAttempt(a *attempt, now time.Time) { w.congestion.Ended(a.beganAt, now) }

// nextFlow returns the next flow that a holder has made, but for those that were abandoned before.
func (w *worker) nextFlow() *probe.Flow {
	for len(w.flows) > 0 {
		f := w.flows[0]
		w.flows = w.flows[1:]
		if f.Result.Outcome == probe.OutcomePending {
			return f
		}
		f.Done()
	}
	return nil
}

// nextAttempt returns an attempt of which everything is known that its handshake takes. Without one, it says when there may
// be one, and whether there will be.
func (w *worker) nextAttempt(ctx context.Context, now time.Time) (_ *attempt, again time.Time, more bool) {
	for range endAtOnce {
		w.unblock(ctx)
		if len(w.ready) > 0 {
			a := w.ready[0]
			w.ready = w.ready[1:]
			if a.series.broken != goesOn {
				a.fail(probe.OutcomeInterrupted, nil)
				w.abandon(a, nil)
				continue
			}
			return a, time.Time{}, true
		}
		a, again, more := w.nextDue(ctx, now)
		if a == nil {
			return nil, again, more
		}
		if w.resolve(ctx, a) && w.prepare(ctx, a) {
			return a, time.Time{}, true
		}
	}
	return nil, now, true
}

// nextDue returns an attempt that is to begin now, of a series or of a new target.
func (w *worker) nextDue(ctx context.Context, now time.Time) (_ *attempt, again time.Time, more bool) {
	for {
		if s := w.schedule.next(); s != nil && !now.Before(s.Due) {
			if w.busy(s) {
				w.schedule.postpone(now.Add(portInUse))
				continue
			}
			a := s.first
			s.first = nil
			if a == nil {
				a = w.newAttempt(s.taken, s.started+1)
			}
			a.series = s
			w.schedule.begun(now)
			if s.request.Handle != nil {
				s.attempts = append(s.attempts, a)
			}
			return a, time.Time{}, true
		}
		if w.parked+len(w.blocked) < max(mostParked, w.prober.options.UnderWay) {
			if r, ok := w.prober.next(); ok {
				w.take(ctx, r, now)
				continue
			}
		}
		switch s := w.schedule.next(); {
		case s != nil:
			return nil, s.Due, true
		case w.parked > 0 || len(w.blocked) > 0 || w.held > 0 || w.repeating > 0 || !w.prober.finished.Load():
			return nil, now.Add(idlePause), true
		}
		return nil, time.Time{}, false
	}
}

// lookForLosses takes note of what this host has lost.
func (w *worker) lookForLosses(now time.Time) {
	if now.Sub(w.looked) < lossInterval {
		return
	}
	w.looked = now
	drops, err := w.wire.Drops()
	if err != nil {
		return // the next Receive says it, too
	}
	w.prober.drops.Add(int64(drops))
	if drops > 0 || w.wire.Refusals() > 0 {
		w.congestion.Lost(now)
	}
}
