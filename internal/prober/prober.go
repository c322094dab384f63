package prober

import (
	"context"
	"errors"
	"io"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"tcpprobe/internal/hostpolicy"
	"tcpprobe/internal/neighbor"
	"tcpprobe/internal/port"
	"tcpprobe/internal/socket"
	"tcpprobe/internal/stamp"
	"tcpprobe/rawip"
	"tcpprobe/resolver"
)

// Options are what all requests to a Prober have in common.
type Options struct {
	Interface string // by which segments leave; empty for the one that the kernel chooses
	Mark      uint32 // with which mark (SO_MARK); 0 for none
	Resolver  resolver.Options

	// AskBoth has names asked for IPv6 addresses too where this host has none itself.
	AskBoth bool

	// ResolveEvery is how long the answer for a name holds at the most; 0: as long as its TTL says.
	ResolveEvery time.Duration

	Rate        int  // handshakes that may begin in a second; 0: as many as the path takes
	Targets     int  // how many are expected: hundreds share ports and processors
	MostTargets int  // addresses may be probed of names all of whose addresses are wanted; 0: any number
	Record      bool // events are wanted, not only results
	InOrder     bool // one goroutine tells the observers of everything

	// UnderWay is how many handshakes may be under way at once; 0: as many as are not lost on this side of the network. It is for
	// those who bound them by themselves, as silent targets would keep others from their turn.
	UnderWay int

	// IPOnly is for those who ask for no frames: there are no sockets for them, and nobody asks what of this host they pass by.
	IPOnly bool

	// FramesOnly is for those who ask for nothing but frames.
	FramesOnly bool

	// ConnectOnly is for those who ask for nothing but SendConnect, which takes no privilege.
	ConnectOnly bool

	// Deadline is when the context of Run ends by itself; zero if it does not. Attempts that it breaks off are judged by how far
	// they have come.
	Deadline time.Time

	// Rehearse is for those who want to see what would be sent: it takes no privilege, and nothing leaves.
	Rehearse bool

	// Full is asked before a handshake begins. While it says true none does, until Wake is called. nil is never full.
	Full func() bool
}

// MassTargets is how many targets make a run a matter of lines. More are a matter of speed: they share ports, and the processors.
const MassTargets = 256

// A process that wakes up for every one of many handshakes does little else. So some are begun together.
const (
	mostTogether    = 50
	longestTogether = 5 * time.Millisecond
	endlessTogether = 50 * time.Millisecond // of those that go on for ever, each at its own time
)

// oneWorker is how many handshakes a second are no burden for one processor.
const oneWorker = 20_000

// stampingDelay is how long to wait at the most until the kernel stamps packets. It takes well below a millisecond, unless the
// processors are busy.
const stampingDelay = 20 * time.Millisecond

// Prober makes handshakes with targets that may be submitted at any time. Its workers share what is the same for all: names,
// next hops, ports and the pace. Its methods may be called from any goroutine, unless they say otherwise.
type Prober struct {
	options  Options
	mass     bool
	together time.Duration // how long those that the pace holds back are collected, to begin side by side

	stop      context.CancelFunc // ends what waits in the sockets
	stamping  *socket.Stamping
	names     *names
	neighbors *neighbor.Finder // nil where no frames are asked for: nobody pays for its packet sockets then
	workers   []*worker
	cycles    *port.Cycles
	numbers   *port.Numbers
	policy    hostpolicy.Policy

	finished atomic.Bool
	ended    chan struct{} // closed when Run returns
	drops    atomic.Int64

	addresses atomic.Int64 // of names all of whose addresses are wanted

	mu      sync.Mutex
	sources []Source
	pace    *Pace // nil for as fast as the path takes
}

// Permitted returns nil if this process may send what the kernel's TCP does not, and an error that is os.ErrPermission if it lacks
// CAP_NET_RAW.
func Permitted() error { return rawip.Permitted() }

// Open opens everything that handshakes take: from then on they need no rights, and nothing from outside has been looked at as
// long as Run was not called. Without CAP_NET_RAW the error is os.ErrPermission, unless that is not needed.
func Open(o Options) (*Prober, error) {
	o.IPOnly = o.IPOnly || o.ConnectOnly
	if !o.Rehearse && !o.ConnectOnly {
		if err := rawip.Permitted(); err != nil {
			return nil, err
		}
	}
	ctx, stop := context.WithCancel(context.Background())
	p := &Prober{options: o, mass: o.Targets > MassTargets, stop: stop, ended: make(chan struct{})}
	p.cycles, p.numbers = port.NewCycles(rawip.ReadPortRange()), port.NewNumbers(time.Now())
	p.names = newNames(o.Resolver, o.ResolveEvery, o.AskBoth, o.Rehearse)
	if err := p.open(ctx); err != nil {
		return nil, errors.Join(err, p.Close())
	}
	return p, nil
}

// open opens the sockets, whose waits last no longer than the context.
func (p *Prober) open(ctx context.Context) (err error) {
	o := p.options
	if p.names.sources, err = openSources(o.Interface, o.Mark, o.ConnectOnly); err != nil {
		return err
	}
	if p.stamping, err = socket.StartStamping(); err != nil {
		return err
	}
	policy := make(chan hostpolicy.Policy, 1)
	go func() { // beside the wait for stamps
		var read hostpolicy.Policy
		if !o.IPOnly && !o.Rehearse {
			read, _ = hostpolicy.Read() // what may not be asked is not claimed to exist
		}
		policy <- read
	}()
	if !o.IPOnly && !o.Rehearse {
		if p.neighbors, err = neighbor.Open(ctx); err != nil {
			return err
		}
	}
	p.stamping.Wait(stampingDelay)
	paced := 0 < o.Rate && o.Rate <= oneWorker
	if o.Rate > 0 {
		p.pace = NewPace(o.Rate)
	}
	if p.mass && o.Rate > 0 {
		p.together = min(mostTogether*time.Second/time.Duration(o.Rate), longestTogether)
	}
	workers := 1
	if p.mass && !o.InOrder && !paced {
		workers = runtime.GOMAXPROCS(0)
	}
	often := p.mass && paced && runtime.GOMAXPROCS(0) > 1
	for range workers {
		w, err := p.openWorker(ctx, rawip.WireOptions{Interface: o.Interface, Mark: o.Mark, Mass: p.mass, Single: o.Targets == 1, Brief: !o.Record, Often: often, NoLinks: o.ConnectOnly})
		if err != nil {
			return err
		}
		p.workers = append(p.workers, w)
	}
	p.policy = <-policy
	return nil
}

// openWorker opens what one worker takes.
func (p *Prober) openWorker(ctx context.Context, o rawip.WireOptions) (*worker, error) {
	routes, err := openRoutes(p.options.ConnectOnly)
	if err != nil {
		return nil, err
	}
	wire, err := rawip.OpenWire(ctx, o)
	if err != nil {
		return nil, errors.Join(err, routes.Close())
	}
	for _, path := range p.paths() {
		err := wire.Prepare(path)
		if path.V6 && errors.Is(err, unix.EAFNOSUPPORT) {
			continue // a kernel without IPv6
		}
		if err != nil {
			return nil, errors.Join(err, wire.Close(), routes.Close())
		}
	}
	return newWorker(p, wire, routes), nil
}

// paths returns one path of each kind that segments may take.
func (p *Prober) paths() []rawip.Path {
	frames, ip, ip6 := rawip.Path{Link: true}, rawip.Path{}, rawip.Path{V6: true}
	switch o := p.options; {
	case o.Rehearse, o.ConnectOnly:
		return nil
	case o.IPOnly:
		return []rawip.Path{ip, ip6}
	case o.FramesOnly:
		return []rawip.Path{frames}
	}
	return []rawip.Path{frames, ip, ip6}
}

// Submit has the requests of a source taken on, behind those of the sources before it.
func (p *Prober) Submit(s Source) {
	p.mu.Lock()
	p.sources = append(p.sources, s)
	p.mu.Unlock()
	p.Wake()
}

// Finish says that nothing more is submitted, so that Run ends when everything has.
func (p *Prober) Finish() {
	p.finished.Store(true)
	p.Wake()
}

// Run makes the handshakes, until all have ended and Finish was called, or until the context ends: it breaks off those under
// way. The error is one of this system that leaves nothing to go on with. Run is called once.
func (p *Prober) Run(ctx context.Context) error {
	defer close(p.ended)
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	defer context.AfterFunc(ctx, p.stop)()
	errs := make(chan error, len(p.workers))
	run := func(w *worker) { errs <- w.work(ctx, stop) }
	for _, w := range p.workers[1:] {
		go run(w)
	}
	run(p.workers[0])
	var err error
	for range p.workers {
		err = errors.Join(err, <-errs)
	}
	return err
}

// Ended returns a channel that is closed when Run has returned: no observer is told of anything from then on.
func (p *Prober) Ended() <-chan struct{} { return p.ended }

// Wake has the workers look whether there is something to do.
func (p *Prober) Wake() {
	for _, w := range p.workers {
		w.wire.Wake()
	}
}

// HostPolicy returns what stands between the applications of this host and the wire, as far as it was asked for and told.
func (p *Prober) HostPolicy() hostpolicy.Policy { return p.policy }

// Drops returns how many frames have found no room on their way in.
func (p *Prober) Drops() int { return int(p.drops.Load()) }

// Close closes what was opened. It takes some milliseconds: everything is to be said before.
func (p *Prober) Close() error {
	p.stop()
	var closers []io.Closer
	if p.names.sources != nil {
		closers = append(closers, p.names.sources)
	}
	if p.stamping != nil {
		closers = append(closers, p.stamping)
	}
	if p.neighbors != nil {
		closers = append(closers, p.neighbors)
	}
	for _, w := range p.workers {
		closers = append(closers, &w.connects, w.ports, w.wire, w.routes)
	}
	return closeAll(closers)
}

// closeAll closes side by side what each takes its time to close.
func closeAll(closers []io.Closer) error {
	errs := make(chan error, len(closers))
	for _, c := range closers {
		go func() { errs <- c.Close() }()
	}
	var joined error
	for range closers {
		joined = errors.Join(joined, <-errs)
	}
	return joined
}

// next returns the next request, if there is one.
func (p *Prober) next() (Request, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for len(p.sources) > 0 {
		if r, ok := p.sources[0].Next(); ok {
			return r, true
		}
		p.sources = p.sources[1:]
	}
	return Request{}, false
}

// mayBegin takes leave to begin a handshake now, or says when to ask again.
func (p *Prober) mayBegin(clock *stamp.Clock) (again time.Time, ok bool) {
	if p.pace == nil {
		return time.Time{}, true
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.pace.Take(clock.Now()) // what was done since the engine looked at it may have taken a while
}

// begun takes note that the handshakes begun since a time had left by another.
func (p *Prober) begun(since, by time.Time) {
	if p.pace == nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.pace.Left(since, by)
}
