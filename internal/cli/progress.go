//go:build linux

package cli

import (
	"fmt"
	"io"
	"sync"
	"time"

	"tcpprobe/internal/text"
)

// progressInterval is how often the line of progress is drawn anew.
const progressInterval = 250 * time.Millisecond

// progress draws a line on a terminal that says how far a run has come. It stands below what is written through it, if that
// goes to a terminal too.
type progress struct {
	terminal io.Writer
	stopped  chan struct{}
	ended    chan struct{}

	mu    sync.Mutex
	drawn bool
}

func newProgress(terminal io.Writer) *progress {
	return &progress{terminal: terminal, stopped: make(chan struct{}), ended: make(chan struct{})}
}

// draw draws what line returns, now and then, until it is stopped.
func (p *progress) draw(line func() string) {
	defer close(p.ended)
	ticker := time.NewTicker(progressInterval)
	defer ticker.Stop()
	for {
		select {
		case <-p.stopped:
			return
		case <-ticker.C:
			p.mu.Lock()
			fmt.Fprintf(p.terminal, "\r%s\x1b[K", line())
			p.drawn = true
			p.mu.Unlock()
		}
	}
}

// over returns a writer that writes to w where the line was.
func (p *progress) over(w io.Writer) io.Writer { return &writerOver{p, w} }

type writerOver struct {
	*progress
	w io.Writer
}

func (o *writerOver) Write(b []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.erase()
	return o.w.Write(b)
}

// erase takes the line away.
func (p *progress) erase() {
	if p.drawn {
		io.WriteString(p.terminal, "\r\x1b[K")
		p.drawn = false
	}
}

// stop takes the line away, for good.
func (p *progress) stop() {
	close(p.stopped)
	<-p.ended
	p.mu.Lock()
	defer p.mu.Unlock()
	p.erase()
}

// progressLine says how far a run has come, and how long what is left takes if it goes on like this.
func progressLine(done, all, established int, took time.Duration) string {
	rate := float64(done) / took.Seconds()
	line := fmt.Sprintf("%d/%d targets, %.0f/s, %d established", done, all, rate, established)
	if left := all - done; done > 0 && left > 0 {
		line += fmt.Sprintf(", %v left", (time.Duration(float64(left)/rate*float64(time.Second)) + time.Second/2).Truncate(time.Second))
	}
	return text.Printable(line)
}
