package arp

import (
	"context"
	"net/netip"
	"slices"
	"sync"
	"time"

	"tcpprobe/internal/socket"
	"tcpprobe/internal/stamp"
)

// maxUnderWay is how many lookups a Finder makes at once. Others wait for their turn.
const maxUnderWay = maxLookups / 2

// Finder looks up many MACs side by side, in a goroutine of its own. Its methods may be called from any goroutine.
type Finder struct {
	ctx    context.Context
	stop   context.CancelFunc
	waiter *socket.Waiter
	ended  chan struct{}

	mu       sync.Mutex
	client   *Client
	underWay []*search
	waiting  []*search
	err      error // of the socket, after which there is nothing to be found any more
}

// search is a lookup, and who waits for it.
type search struct {
	*lookup
	observe func(Event)
	done    func(Result, error)
}

// OpenFinder returns a Finder that looks for as long as the context lasts. Without CAP_NET_RAW the error is
// os.ErrPermission.
func OpenFinder(ctx context.Context) (*Finder, error) {
	client, err := Open(stamp.NewClock(stamp.System))
	if err != nil {
		return nil, err
	}
	ctx, stop := context.WithCancel(ctx)
	waiter, err := socket.NewWaiter(ctx, client.socket.FD())
	if err != nil {
		stop()
		client.Close()
		return nil, err
	}
	f := &Finder{ctx: ctx, stop: stop, waiter: waiter, ended: make(chan struct{}), client: client}
	go f.run()
	return f, nil
}

// Find begins what [Client.Lookup] does. It returns at once: observe is called with each Event as it comes, and done once,
// with the end of it, by whichever goroutine is at it. Neither may call the Finder.
func (f *Finder) Find(link Link, source, target netip.Addr, observe func(Event), done func(Result, error)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.waiting = append(f.waiting, &search{lookup: newLookup(link, source, target), observe: observe, done: done})
	f.step()
	f.waiter.Wake() // to wait for the new one too
}

// Conflicts is [Client.Conflicts].
func (f *Finder) Conflicts() ([]Event, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.step() // what has arrived is to be seen by the lookups under way, too
	return f.client.Conflicts()
}

// Close ends the lookups that are under way, and closes the socket, which takes milliseconds.
func (f *Finder) Close() error {
	f.stop()
	<-f.ended
	f.waiter.Close()
	return f.client.Close()
}

func (f *Finder) run() {
	defer close(f.ended)
	for {
		f.mu.Lock()
		deadline, more := f.step()
		f.mu.Unlock()
		if !more {
			return
		}
		if err := f.waiter.Wait(deadline); err != nil {
			f.mu.Lock()
			f.err = err
			f.mu.Unlock()
		}
	}
}

// step does what is to be done now, and returns when there is more to do: the zero Time is when something happens. Without
// more there never is.
func (f *Finder) step() (deadline time.Time, more bool) {
	if f.err == nil {
		f.err = f.ctx.Err()
	}
	if f.err == nil {
		f.err = f.client.receive()
	}
	for f.err == nil && len(f.underWay) < maxUnderWay && len(f.waiting) > 0 {
		s := f.waiting[0]
		f.waiting = f.waiting[1:]
		f.underWay = append(f.underWay, s)
		f.err = f.client.watch(s.lookup)
	}
	f.underWay = slices.DeleteFunc(f.underWay, func(s *search) bool {
		over, err := f.ask(s)
		s.tell(s.observe)
		if over {
			s.done(s.end(err))
			return true
		}
		if next, ok := s.query.Deadline(); ok && (deadline.IsZero() || next.Before(deadline)) {
			deadline = next
		}
		return false
	})
	if f.err != nil {
		for _, s := range f.waiting {
			s.done(s.end(f.err))
		}
		f.waiting = nil
	}
	return deadline, f.err == nil
}

// ask sends the next request of a search if it is time for it, and reports whether the search is over.
func (f *Finder) ask(s *search) (over bool, err error) {
	if f.err == nil && !s.query.Done() {
		if request, ok := s.query.Next(f.client.clock.Now()); ok {
			if err := f.client.send(s.lookup, request); err != nil {
				return true, err
			}
			f.err = f.client.receive() // for its stamp, which is there already
		}
	}
	switch {
	case s.query.Done() && len(s.query.Answers()) == 0:
		return true, silence(s.link)
	case s.query.Done():
		return true, nil
	}
	return f.err != nil, f.err
}
