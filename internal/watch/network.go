package watch

import (
	"sync"
	"time"

	"tcpprobe/internal/prober"
	"tcpprobe/probe"
)

// Network is the Source of a live view: the targets of a prober's requests.
type Network struct {
	requests prober.Source
	targets  int
	record   func(*probe.Result)
	board    *Board

	mu    sync.Mutex
	began time.Time
}

// NewNetwork returns the Network of requests for so many targets. It is the source of those requests, and tells their observers as well.
// Every result is handed to record, too, in the goroutine of a worker.
func NewNetwork(requests prober.Source, targets int, record func(*probe.Result), now time.Time) *Network {
	return &Network{requests: requests, targets: max(targets, 1), record: record, board: NewBoard(targets, now), began: now}
}

// Next returns the next request. Targets that are not very many are spread over the interval.
func (n *Network) Next() (prober.Request, bool) {
	r, ok := n.requests.Next()
	if !ok {
		return r, false
	}
	number := n.board.Add(r.Target.Text)
	r.Observer = &observer{r.Observer, n.record, n.board, number}
	if !r.Spec.All && n.targets <= prober.MassTargets { // more are begun together, which costs less
		r.Delay = r.Spec.Interval * time.Duration(number%n.targets) / time.Duration(n.targets)
	}
	return r, true
}

// observer has results stand on the Board, and tells another observer.
type observer struct {
	prober.Observer
	record func(*probe.Result)
	board  *Board
	number int
}

// Result takes the result of a handshake.
func (o *observer) Result(r *probe.Result) {
	o.Observer.Result(r)
	o.record(r)
	o.board.Result(o.number, r)
}

// At returns what is known now.
func (n *Network) At(now time.Time) (Targets, Moment) {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.board.At(now), Moment{Now: now, Began: n.began}
}

// Reset forgets what was counted so far.
func (n *Network) Reset(now time.Time) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.began = now
	n.board.Reset()
}

// Do does nothing: the time of the network is not to be moved.
func (n *Network) Do(Command) {}

// pathAlone is the Source where nothing but the path to one target is looked at.
type pathAlone struct{ board *Board }

// NewPathAlone returns the Source for a Session that traces the path to a target, and makes no handshakes beside.
func NewPathAlone(target string, now time.Time) Source {
	b := NewBoard(1, now)
	b.Add(target)
	return pathAlone{b}
}

// At returns the target.
func (p pathAlone) At(now time.Time) (Targets, Moment) {
	return p.board.At(now), Moment{Now: now, Began: now}
}

// Reset does nothing: there is nothing to forget.
func (p pathAlone) Reset(time.Time) {}

// Do does nothing.
func (p pathAlone) Do(Command) {}
