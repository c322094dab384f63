package display

import (
	"context"
	"errors"
	"io"
	"sync"
	"time"

	"tcpprobe/internal/terminal"
)

// Queue takes what is written to one output or several, and hands it on in its order in a goroutine of its own: whoever
// writes never waits for a reader. Who makes more asks Full whether to go on for the moment, so that a slow reader slows
// down the probes, and loses nothing. Its methods may be called from any goroutine.
type Queue struct {
	mu      sync.Mutex
	more    sync.Cond // there is something to hand on, or there will be nothing any more
	octets  []byte    // that wait
	parts   []part    // of them
	passing int       // octets that are being handed on
	closed  bool
	full    bool   // somebody was told so
	room    func() // called when there is room again after it was full
	failed  bool   // an output has failed
	stuck   bool   // a reader was waited for in vain
}

// part is what waits for one output.
type part struct {
	to       *Output
	octets   int
	progress bool          // it is a line of progress
	reached  chan struct{} // closed when everything before it was handed on; nil for octets
}

const (
	// queueLimit is how many octets may wait for a slow reader before no more handshakes begin.
	queueLimit = 256 << 10
	// lastWords is how long what waits may take to be read when the run was broken off.
	lastWords = 500 * time.Millisecond
)

// NewQueue returns a Queue for outputs that it does not know yet.
func NewQueue() *Queue {
	q := &Queue{room: func() {}}
	q.more.L = &q.mu
	go q.run()
	return q
}

// Output is where something goes through a Queue.
type Output struct {
	queue    *Queue
	w        io.Writer
	terminal bool
	err      error // under the lock of the queue
}

// To returns an output by which what is written to it gets to w.
func (q *Queue) To(w io.Writer) *Output {
	return &Output{queue: q, w: w, terminal: terminal.Is(w)}
}

// Queue returns the queue of an output.
func (o *Output) Queue() *Queue { return o.queue }

// Unwrap returns what is written to in the end.
func (o *Output) Unwrap() io.Writer { return o.w }

// Write keeps b to be handed on. Its error is that of an earlier one.
func (o *Output) Write(b []byte) (int, error) {
	q := o.queue
	q.mu.Lock()
	defer q.mu.Unlock()
	if o.err != nil {
		return 0, o.err
	}
	q.add(part{to: o, octets: len(b)}, b)
	return len(b), nil
}

// add adds a part, or octets to the last one.
func (q *Queue) add(p part, b []byte) {
	waiting := len(q.parts) == 0
	if last := len(q.parts) - 1; last >= 0 && q.parts[last].continuedBy(p) {
		q.parts[last].octets += p.octets
	} else {
		q.parts = append(q.parts, p)
	}
	q.octets = append(q.octets, b...)
	if waiting { // or run knows already that there is something
		q.more.Signal()
	}
}

// continuedBy reports whether a part is only more of the one before it.
func (p part) continuedBy(next part) bool {
	return p.to == next.to && p.reached == nil && next.reached == nil && !p.progress && !next.progress
}

// Err returns why something could not be written.
func (o *Output) Err() error {
	o.queue.mu.Lock()
	defer o.queue.mu.Unlock()
	return o.err
}

// OnRoom sets what is called when there is room again after the Queue was full.
func (q *Queue) OnRoom(f func()) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.room = f
}

// Full reports whether more is waiting for readers than is good.
func (q *Queue) Full() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.full = len(q.octets)+q.passing > queueLimit
	return q.full
}

// Failed reports whether a reader has gone, or something else keeps an output from being written.
func (q *Queue) Failed() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.failed
}

// Flush waits until everything is handed on that was written before. When the context has ended it does not wait long any
// more, and when that was in vain nobody does: the error says that something was not read.
func (q *Queue) Flush(ctx context.Context) error { return q.flush(ctx, false) }

// Close is Flush, after which nothing may be written any more.
func (q *Queue) Close(ctx context.Context) error { return q.flush(ctx, true) }

func (q *Queue) flush(ctx context.Context, last bool) error {
	reached := make(chan struct{})
	q.mu.Lock()
	q.add(part{reached: reached}, nil)
	q.closed = last // not before, or run might end without having seen the part
	stuck := q.stuck
	q.mu.Unlock()
	if !stuck {
		select {
		case <-reached:
			return nil
		case <-ctx.Done():
		}
	}
	patience := time.NewTimer(lastWords)
	defer patience.Stop()
	select {
	case <-reached:
		return nil
	case <-patience.C:
		q.mu.Lock()
		q.stuck = true
		q.mu.Unlock()
		return errUnread
	}
}

// errUnread is the error of a run that was broken off while its reader was stuck.
var errUnread = errors.New("nobody reads the output")

// run hands on what waits.
func (q *Queue) run() {
	var octets []byte
	var parts []part
	var line progressLine
	for {
		q.mu.Lock()
		for len(q.parts) == 0 && !q.closed {
			q.more.Wait()
		}
		if len(q.parts) == 0 {
			q.mu.Unlock()
			return
		}
		octets, q.octets = q.octets, octets[:0]
		parts, q.parts = q.parts, parts[:0]
		q.passing = len(octets)
		q.mu.Unlock()

		rest := octets
		for _, p := range parts {
			q.handOn(p, rest[:p.octets], &line)
			rest = rest[p.octets:]
		}

		q.mu.Lock()
		q.passing = 0
		full, room := q.full, q.room
		q.full = false
		q.mu.Unlock()
		if full {
			room()
		}
	}
}

// handOn writes a part to its output, unless that has failed, where the line of progress was.
func (q *Queue) handOn(p part, b []byte, line *progressLine) {
	to := p.to
	switch {
	case p.reached != nil:
		line.erase()
		close(p.reached)
		return
	case to.Err() != nil:
		return
	case p.progress:
		line.draw(to.w, b)
		return
	case to.terminal:
		line.erase()
	}
	if _, err := to.w.Write(b); err != nil {
		q.mu.Lock()
		to.err, q.failed = err, true
		q.mu.Unlock()
	}
}
