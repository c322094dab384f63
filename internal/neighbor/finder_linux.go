package neighbor

import (
	"context"
	"errors"
	"net/netip"
	"slices"
	"sync"
	"time"

	"tcpprobe/internal/route"
	"tcpprobe/internal/socket"
	"tcpprobe/internal/stamp"
)

// What a Finder keeps is bounded, whatever the stations on the link send.
const (
	maxWatched  = 256            // questions whose neighbours are heard, those that are answered included
	maxUnderWay = maxWatched / 2 // questions at once; others wait for their turn
	maxEvents   = 64             // events of a question, and late ones
	maxBurst    = 1024           // packets read before looking at the time again
)

// Finder finds the MACs of neighbours, in a goroutine of its own. Its methods may be called from any goroutine, and none of
// them waits for the link.
type Finder struct {
	waiter *socket.Waiter
	stop   context.CancelFunc
	ended  chan struct{}
	table  *table

	mu      sync.Mutex
	kernel  *kernel
	changes *changes // nil where the kernel does not tell of changes
	clock   *stamp.Clock
	socket  *socket.Packet
	buffer  [socketBuffer]byte
	asked   map[Hop]*question // under way, or waiting for its turn
	waiting []*question
	active  []*question
	watched []*question // active and answered ones, the most recent one last
	late    []Event     // conflicts that came after the answers
	own     [][6]byte   // MACs of this host's interfaces, once needed
	calls   []func()    // of those who asked: to be made without the lock
	err     error       // of the socket or of the context, after which there is nothing to be found any more
}

// socketBuffer is how many octets of a packet are read: more than those of any packet that is understood.
const socketBuffer = 1500

// Open returns a Finder for the network namespace of the calling thread, which works for as long as the context lasts. Open
// it some time before the first question, so that the kernel has begun to stamp packets by then. Without CAP_NET_RAW the
// error is os.ErrPermission.
func Open(ctx context.Context) (*Finder, error) {
	filter, err := filterFor(nil)
	if err != nil {
		return nil, err
	}
	kernel, err := openKernel()
	if err != nil {
		return nil, err
	}
	clock := stamp.NewClock(stamp.System)
	packets, err := socket.OpenPacket(filter, clock)
	if err != nil {
		kernel.close()
		return nil, err
	}
	ctx, stop := context.WithCancel(ctx)
	waiter, err := socket.NewWaiter(ctx, packets.FD())
	if err != nil {
		stop()
		packets.Close()
		kernel.close()
		return nil, err
	}
	f := &Finder{
		waiter: waiter, stop: stop, ended: make(chan struct{}), table: newTable(),
		kernel: kernel, clock: clock, socket: packets, asked: make(map[Hop]*question),
	}
	if f.changes, err = openChanges(); err == nil { // without, packets and timeouts tell of changes
		waiter.Add(f.changes.fd)
	}
	go f.run(ctx)
	return f, nil
}

// Find finds the MAC of target, an address on the link, for datagrams from source, our own address: by ARP, or by NDP if the
// target is an IPv6 address, whatever the source is. It returns at once.
// observe, which may be nil, is told of every packet of a question that this call begins, and done of the end, once: where
// the error is not nil it is an *Error, and the Result is filled in so far. Both are called by another goroutine, one after
// the other, and must not wait.
//
// Whoever asks for a neighbour that is being asked already shares the answer. So does whoever asks within a second after a
// neighbour was found silent.
func (f *Finder) Find(link Link, source, target netip.Addr, observe func(Event), done func(Result, error)) {
	h := Hop{link.Index, target}
	f.mu.Lock()
	defer f.mu.Unlock()
	if q := f.asked[h]; q != nil {
		q.done = append(q.done, done)
		return
	}
	if f.err != nil {
		err := &Error{Protocol: protocolOf(target), Target: target, Interface: link.Name, Err: f.err}
		go done(Result{}, err)
		return
	}
	if r, err, ok := f.table.answer(h, time.Now()); ok {
		f.calls = append(f.calls, func() { done(r, err) })
		f.waiter.Wake()
		return
	}
	q := newQuestion(link, source, target, observe)
	q.done = append(q.done, done)
	f.wait(q)
}

// Known returns what is known of a neighbour, if it may be used without asking the link again. It follows announcements,
// answers of another station, and the kernel's own entry, as they come: who sends again asks it again.
func (f *Finder) Known(h Hop) (Entry, bool) { return f.table.known(h, time.Now()) }

// Forget has a neighbour asked again before it is used: it did not seem to be there. Within a second after it was asked that
// changes nothing (RFC 1122 2.3.2.1).
func (f *Finder) Forget(h Hop) { f.table.forget(h, time.Now()) }

// Verify asks the link whether a neighbour that is known is still where it was. Until that is answered it stays known; then
// Known follows. Within a second after it was asked that changes nothing (RFC 1122 2.3.2.1).
func (f *Finder) Verify(h Hop) {
	if _, _, ok := f.table.due(h, time.Now()); !ok {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	link, source, ok := f.table.due(h, time.Now()) // it may have been answered while the lock was another's
	if ok && f.asked[h] == nil && f.err == nil {
		f.wait(newQuestion(link, source, h.Address, nil))
	}
}

// wait has a question wait for its turn.
func (f *Finder) wait(q *question) {
	f.asked[q.hop()] = q
	f.waiting = append(f.waiting, q)
	f.waiter.Wake()
}

// Conflicts returns what has come in since neighbours were found, and changes that or makes it doubtful: Moved, a Conflict or
// an AddressConflict. It tells each once, and does not wait for any. Only the 256 neighbours asked for most recently are
// watched, and of events the first 64 kept.
func (f *Finder) Conflicts() []Event {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.err == nil {
		f.err = errors.Join(f.receive(), f.follow())
		f.waiter.Wake() // what has arrived may be an answer
	}
	late := f.late
	f.late = nil
	return late
}

// Close ends the questions that are under way, and closes the sockets, which takes milliseconds.
func (f *Finder) Close() error {
	f.stop()
	<-f.ended
	f.waiter.Close()
	err := f.kernel.close()
	if f.changes != nil {
		err = errors.Join(err, f.changes.close())
	}
	return errors.Join(err, f.socket.Close())
}

// run asks and listens until the context ends or the socket fails.
func (f *Finder) run(ctx context.Context) {
	defer close(f.ended)
	for {
		deadline, calls, err := f.step(ctx)
		for _, call := range calls {
			call()
		}
		if err != nil {
			return
		}
		if err := f.waiter.Wait(deadline); err != nil {
			f.mu.Lock()
			f.err = err
			f.mu.Unlock()
		}
	}
}

// step does what is to be done now, and returns the calls to make and when there is more to do: the zero Time is when
// something happens. With an error there never is.
func (f *Finder) step(ctx context.Context) (deadline time.Time, calls []func(), err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.err == nil {
		f.err = ctx.Err()
	}
	if f.err == nil {
		f.err = errors.Join(f.receive(), f.follow())
	}
	if f.err == nil {
		f.err = f.begin()
	}
	f.active = slices.DeleteFunc(f.active, func(q *question) bool {
		over, err := f.ask(q)
		f.tell(q)
		if over {
			f.end(q, err)
			return true
		}
		if next, ok := q.query.Deadline(); ok && (deadline.IsZero() || next.Before(deadline)) {
			deadline = next
		}
		return false
	})
	if f.err != nil {
		for _, q := range f.waiting {
			f.end(q, f.err)
		}
		f.waiting = nil
	}
	calls, f.calls = f.calls, nil
	return deadline, calls, f.err
}

// begin takes up questions that wait for their turn.
func (f *Finder) begin() error {
	n := min(len(f.waiting), maxUnderWay-len(f.active))
	if n == 0 {
		return nil
	}
	begun := f.waiting[:n]
	f.waiting = f.waiting[n:]
	now := f.clock.Now()
	for _, q := range begun {
		q.askAs(f.kernel.sender(q.link, q.source, q.target, now))
	}
	f.active = append(f.active, begun...)
	f.watched = slices.DeleteFunc(f.watched, func(earlier *question) bool {
		return slices.ContainsFunc(begun, func(q *question) bool { return q.hop() == earlier.hop() })
	})
	f.watched = append(f.watched, begun...)
	excess := len(f.watched) - maxWatched
	f.watched = slices.DeleteFunc(f.watched, func(earlier *question) bool {
		if excess <= 0 || !earlier.over {
			return false
		}
		excess--
		return true
	})
	filter, err := filterFor(f.watched)
	if err != nil {
		return err
	}
	return f.socket.SetFilter(filter)
}

// ask sends the next request of a question if it is time for it, and reports whether the question is over.
func (f *Finder) ask(q *question) (over bool, err error) {
	if f.err == nil && !q.query.Done() {
		request, ok, err := q.query.next(f.clock.Now())
		if err != nil {
			return true, err
		}
		if ok {
			if q.query.Attempts() == unicastAttempt && q.target.Is4() {
				// Some access points let no broadcast through to a station, and the kernel keeps such a neighbour by asking it
				// alone, as RFC 1122 2.3.2.1 (2) allows.
				if entry := f.kernel.entry(q.hop()); entry.Known {
					request.to = entry.HardwareAddr
				}
			}
			if err := f.send(q, request); err != nil {
				// A link that is lost shows in many ways, such as a queue that is full.
				if lost := f.kernel.silence(q.link); lost != ErrTimeout {
					err = lost
				}
				return true, err
			}
			f.err = f.receive() // for its stamp, which is there already
		}
	}
	switch _, found := q.query.mac(); {
	case found:
		return true, nil
	case q.query.Done():
		return true, f.silence(q)
	}
	return f.err != nil, f.err
}

// unicastAttempt is which request goes to the MAC that the kernel knows alone, if it knows one.
const unicastAttempt = 2

// silence returns why nobody answered, unless the kernel has heard of the neighbour lately all the same.
func (f *Finder) silence(q *question) error {
	err := f.kernel.silence(q.link)
	if err != ErrTimeout {
		return err
	}
	if entry := f.kernel.entry(q.hop()); entry.Known && entry.State&route.NeighborReachable != 0 {
		q.kernels = &entry.HardwareAddr
		return nil
	}
	return err
}

// send sends a request.
func (f *Finder) send(q *question, r request) error {
	at := stamp.Stamp{User: f.clock.Now()}
	if err := f.socket.Send(q.link.Index, r.etherType, r.to, r.octets); err != nil {
		return err
	}
	q.sent(r, at)
	return nil
}

// tell has the packets that are new told to who observes the question.
func (f *Finder) tell(q *question) {
	if q.observe == nil {
		return
	}
	for ; q.told < len(q.events); q.told++ {
		event := q.events[q.told]
		f.calls = append(f.calls, func() { q.observe(event) })
	}
}

// end takes note of how a question ended, and has all told who wait for it.
func (f *Finder) end(q *question, err error) {
	delete(f.asked, q.hop())
	result := q.result()
	if err != nil {
		err = &Error{Protocol: protocolOf(q.target), Target: q.target, Interface: q.link.Name, Err: err}
	}
	if moved := f.table.set(q, result, err, f.clock.Now()); moved {
		f.addLate(Event{Link: q.link, Address: q.target, Peer: q.sender, MAC: result.MAC, At: stamp.Stamp{User: f.clock.Now()},
			Verdict: Moved, Note: "found at another MAC"})
	}
	for _, done := range q.done {
		f.calls = append(f.calls, func() { done(result, err) })
	}
	q.over = true
}
