package display

import (
	"bytes"
	"context"
	"errors"
	"io"
	"strings"
	"sync"
	"testing"
	"time"
)

// sleeper is a writer that takes nothing until it is woken.
type sleeper struct {
	awake chan struct{}
	bytes.Buffer
}

func (s *sleeper) Write(b []byte) (int, error) {
	<-s.awake
	return s.Buffer.Write(b)
}

// broken is a writer that fails.
type broken struct{}

func (broken) Write([]byte) (int, error) { return 0, io.ErrClosedPipe }

// TestQueueKeepsOrder: what goes to several outputs is handed on in the order in which it was written.
func TestQueueKeepsOrder(t *testing.T) {
	var screen bytes.Buffer
	q := NewQueue()
	a, b := q.To(&screen), q.To(&screen)
	for _, s := range []string{"1", "2", "3"} {
		io.WriteString(a, "a"+s)
		io.WriteString(b, "b"+s)
	}
	if err := q.Close(t.Context()); err != nil || screen.String() != "a1b1a2b2a3b3" {
		t.Errorf("%q, %v", &screen, err)
	}
}

// TestQueueDoesNotWait: whoever writes to a reader that sleeps goes on at once, is told that it is full, and is woken when it
// no longer is.
func TestQueueDoesNotWait(t *testing.T) {
	q := NewQueue()
	reader := &sleeper{awake: make(chan struct{})}
	room := make(chan struct{}, 1)
	q.OnRoom(func() { room <- struct{}{} })
	out := q.To(reader)
	line := strings.Repeat("x", 1023) + "\n"
	for range queueLimit / len(line) {
		io.WriteString(out, line)
	}
	if q.Full() {
		t.Error("it is full at its limit")
	}
	io.WriteString(out, line)
	if !q.Full() {
		t.Error("it is not full beyond its limit")
	}
	close(reader.awake)
	<-room
	if err := q.Close(t.Context()); err != nil || reader.Len() != queueLimit+len(line) || q.Full() {
		t.Errorf("%v, %d octets arrived, full: %v", err, reader.Len(), q.Full())
	}
}

// TestQueueOutputsFailAlone: where one output is broken, the others are written to the end.
func TestQueueOutputsFailAlone(t *testing.T) {
	var screen bytes.Buffer
	q := NewQueue()
	bad, good := q.To(broken{}), q.To(&screen)
	io.WriteString(bad, "lost")
	io.WriteString(good, "kept")
	if err := q.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	if !errors.Is(bad.Err(), io.ErrClosedPipe) || good.Err() != nil || !q.Failed() || screen.String() != "kept" {
		t.Errorf("%v, %v, failed: %v, %q", bad.Err(), good.Err(), q.Failed(), &screen)
	}
	if _, err := bad.Write([]byte("more")); !errors.Is(err, io.ErrClosedPipe) {
		t.Errorf("writing after a failure: %v", err)
	}
}

// TestQueueEndsBesideAStuckReader: when the run was broken off, nobody waits for a reader for long.
func TestQueueEndsBesideAStuckReader(t *testing.T) {
	q := NewQueue()
	reader := &sleeper{awake: make(chan struct{})}
	defer close(reader.awake)
	io.WriteString(q.To(reader), "never read")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := q.Close(ctx); err == nil {
		t.Error("what was not read is not said")
	}
}

// screen is a terminal that says when something was drawn.
type screen struct {
	mu    sync.Mutex
	drawn chan struct{}
	bytes.Buffer
}

func (s *screen) Write(b []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	select {
	case s.drawn <- struct{}{}:
	default:
	}
	return s.Buffer.Write(b)
}

// TestProgressBelowTheOutput: what is written stands where the line was, and in the end there is no line.
func TestProgressBelowTheOutput(t *testing.T) {
	s := &screen{drawn: make(chan struct{}, 1)}
	q := NewQueue()
	out := q.To(s)
	out.terminal = true
	stop := q.Progress(out, func() string { return "1/2 targets" })
	<-s.drawn
	stop()
	io.WriteString(out, "ESTABLISHED\n")
	if err := q.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	const line, erased = "\r1/2 targets\x1b[K", "\r\x1b[K"
	if got := s.String(); !strings.HasPrefix(got, line) || !strings.HasSuffix(got, line+erased+"ESTABLISHED\n") {
		t.Errorf("%q", got)
	}
}

func TestProgress(t *testing.T) {
	for _, test := range []struct {
		done, all, established int
		took                   time.Duration
		want                   string
	}{
		{0, 100, 0, time.Second, "0/100 targets, 0/s, 0 established"},
		{500, 65536, 490, 500 * time.Millisecond, "500/65536 targets, 1000/s, 490 established, 1m5s left"},
		{100, 100, 99, time.Second, "100/100 targets, 100/s, 99 established"},
		{1_000_000, 10_000_000, 1_000_000, 10 * time.Second, "1000000/10000000 targets, 100000/s, 1000000 established, 1m30s left"},
	} {
		if got := progress(test.done, test.all, test.established, test.took); got != test.want || len(got) > 80 {
			t.Errorf("%q, want %q", got, test.want)
		}
	}
}

// TestQueueFlushesAgain: whoever flushes behind somebody who has given up is told when everything is handed on.
func TestQueueFlushesAgain(t *testing.T) {
	q := NewQueue()
	reader := &sleeper{awake: make(chan struct{})}
	io.WriteString(q.To(reader), "read late")
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if err := q.Flush(ended); err == nil {
		t.Error("what was not read is not said")
	}
	time.AfterFunc(lastWords/10, func() { close(reader.awake) })
	if err := q.Flush(ended); err != nil {
		t.Errorf("everything is read, and yet: %v", err)
	}
}

// TestQueueCloses: a Queue closes also when it is just done with what it had.
func TestQueueCloses(t *testing.T) {
	for range 20_000 {
		q := NewQueue()
		io.WriteString(q.To(io.Discard), "x")
		closed := make(chan error, 1)
		go func() { closed <- q.Close(t.Context()) }()
		select {
		case <-closed:
		case <-time.After(10 * time.Second):
			t.Fatal("it does not close")
		}
	}
}
