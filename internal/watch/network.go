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
	board    *Board

	mu    sync.Mutex
	began time.Time
}

// NewNetwork returns the Network of requests for so many targets. It is the source of those requests, and tells their observers as well.
func NewNetwork(requests prober.Source, targets int, now time.Time) *Network {
	return &Network{requests: requests, board: NewBoard(targets, now), began: now}
}

// Next returns the next request.
func (n *Network) Next() (prober.Request, bool) {
	r, ok := n.requests.Next()
	if ok {
		r.Observer = &observer{r.Observer, n.board, n.board.Add(r.Target.Text)}
	}
	return r, ok
}

// observer has results stand on the Board, and tells another observer.
type observer struct {
	prober.Observer
	board  *Board
	number int
}

// Result takes the result of a handshake.
func (o *observer) Result(r *probe.Result) {
	o.Observer.Result(r)
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
func (n *Network) Do(Command, *View) {}
