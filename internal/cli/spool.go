//go:build linux

package cli

import (
	"io"
	"sync"
)

// spoolLimit is how many octets may wait for a slow reader before no more handshakes begin.
const spoolLimit = 256 << 10

// spool is a writer that never waits for the reader: a goroutine hands on what is written, in its order. Whoever writes
// asks Full whether to go on for the moment, so that a slow reader slows down the probes, and loses nothing. It may be used
// by several goroutines.
type spool struct {
	w     io.Writer
	ended chan struct{}
	wake  func() // called when there is room again after it was full

	mu      sync.Mutex
	more    sync.Cond // there is something to hand on, or there will be nothing any more
	waiting []byte
	passing int // octets that are being handed on
	closed  bool
	full    bool // somebody was told so
	err     error
}

// newSpool returns a spool in front of w. It calls wake when there is room again after it was full.
func newSpool(w io.Writer, wake func()) *spool {
	s := &spool{w: w, ended: make(chan struct{}), wake: wake}
	s.more.L = &s.mu
	go s.run()
	return s
}

// Write keeps b to be handed on. Its error is that of an earlier one.
func (s *spool) Write(b []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err != nil {
		return 0, s.err
	}
	s.waiting = append(s.waiting, b...)
	s.more.Signal()
	return len(b), nil
}

// Full reports whether more is waiting for the reader than is good.
func (s *spool) Full() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.full = s.err == nil && len(s.waiting)+s.passing > spoolLimit
	return s.full
}

// Failed reports whether the reader has gone, or something else keeps it from being written.
func (s *spool) Failed() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.err != nil
}

// Close waits until everything is handed on, and returns the error of that.
func (s *spool) Close() error {
	s.mu.Lock()
	s.closed = true
	s.more.Signal()
	s.mu.Unlock()
	<-s.ended
	return s.err
}

func (s *spool) run() {
	defer close(s.ended)
	var passing []byte
	for {
		s.mu.Lock()
		for len(s.waiting) == 0 && !s.closed {
			s.more.Wait()
		}
		if len(s.waiting) == 0 || s.err != nil {
			s.mu.Unlock()
			return
		}
		passing, s.waiting = s.waiting, passing[:0]
		s.passing = len(passing)
		s.mu.Unlock()

		_, err := s.w.Write(passing)

		s.mu.Lock()
		s.passing, s.err = 0, err
		wake := s.full
		s.full = false
		s.mu.Unlock()
		if wake {
			s.wake()
		}
	}
}
