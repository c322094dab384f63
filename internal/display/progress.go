package display

import (
	"fmt"
	"io"
	"time"

	"tcpprobe/internal/text"
)

// progressInterval is how often the line of progress is drawn anew.
const progressInterval = 250 * time.Millisecond

// progressLine is a line on a terminal that says how far a run has come. It stands below what is written to any terminal.
type progressLine struct {
	on io.Writer // where it stands; nil if it does not
}

func (l *progressLine) draw(on io.Writer, line []byte) {
	fmt.Fprintf(on, "\r%s\x1b[K", line)
	l.on = on
}

// erase takes the line away.
func (l *progressLine) erase() {
	if l.on != nil {
		io.WriteString(l.on, "\r\x1b[K")
		l.on = nil
	}
}

// Progress draws what line returns on a terminal, now and then, until it is stopped. It leaves out what a slow reader would
// see late.
func (q *Queue) Progress(on *Output, line func() string) (stop func()) {
	stopped, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		ticker := time.NewTicker(progressInterval)
		defer ticker.Stop()
		for {
			select {
			case <-stopped:
				return
			case <-ticker.C:
				q.drawProgress(on, line())
			}
		}
	}()
	return func() {
		close(stopped)
		<-ended
	}
}

func (q *Queue) drawProgress(on *Output, line string) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.parts) == 0 && q.passing == 0 {
		q.add(part{to: on, octets: len(line), progress: true}, []byte(line))
	}
}

// progress says how far a run has come, and how long what is left takes if it goes on like this.
func progress(done, all, established int, took time.Duration) string {
	rate := float64(done) / took.Seconds()
	line := fmt.Sprintf("%d/%d targets, %.0f/s, %d established", done, all, rate, established)
	if left := all - done; done > 0 && left > 0 {
		line += fmt.Sprintf(", %v left", (time.Duration(float64(left)/rate*float64(time.Second)) + time.Second/2).Truncate(time.Second))
	}
	return text.Printable(line)
}
