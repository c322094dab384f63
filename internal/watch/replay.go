package watch

import (
	"fmt"
	"slices"
	"time"

	"tcpprobe/probe"
)

// Replay is the Source of a recording: the results of handshakes, shown as they came in, with a clock of its own. It is for one goroutine.
type Replay struct {
	results []ended // in the order of their ends
	targets []string
	began   time.Time
	end     time.Time

	board   *Board
	numbers map[string]int // of the targets on the board
	next    int            // the first result that is not on the board
	counted time.Time      // when the user wanted to count from
	now     time.Time      // in the recording
	real    time.Time      // when that was so; zero while the clock stands
	speed   float64
}

// ended is a result, and when it became known.
type ended struct {
	at     time.Time
	result *probe.Result
}

// The speeds of a replay.
const (
	slowest = 1. / 8
	fastest = 256
	seek    = 10 * time.Second
)

// NewReplay returns a Replay of results, at least one, at its beginning.
func NewReplay(results []*probe.Result) *Replay {
	r := &Replay{speed: 1}
	for _, one := range results {
		r.results = append(r.results, ended{endOf(one), one})
		if !slices.Contains(r.targets, one.Target) {
			r.targets = append(r.targets, one.Target)
		}
		if r.began.IsZero() || one.Time.Before(r.began) {
			r.began = one.Time
		}
	}
	slices.SortStableFunc(r.results, func(a, b ended) int { return a.at.Compare(b.at) })
	r.end = r.results[len(r.results)-1].at
	r.Seek(r.began)
	return r
}

// endOf returns when a handshake ended.
func endOf(r *probe.Result) time.Time {
	end := r.Time
	for i := range r.Events {
		if at := r.Events[i].At.User; at.After(end) {
			end = at
		}
	}
	return end
}

// Seek goes to a time of the recording.
func (r *Replay) Seek(to time.Time) {
	if to.Before(r.began) {
		to = r.began
	}
	if to.After(r.end) {
		to = r.end
	}
	if r.board == nil || to.Before(r.now) {
		r.board, r.next, r.numbers = NewBoard(len(r.targets), r.began), 0, make(map[string]int)
		for _, name := range r.targets {
			r.numbers[name] = r.board.Add(name)
		}
	}
	for ; r.next < len(r.results) && !r.results[r.next].at.After(to); r.next++ {
		if one := r.results[r.next]; !one.at.Before(r.counted) {
			r.board.Result(r.numbers[one.result.Target], one.result)
		}
	}
	r.now = to
}

// At returns what was known at the time to which the recording has come by now.
func (r *Replay) At(now time.Time) (Targets, Moment) {
	if !r.real.IsZero() {
		r.Seek(r.now.Add(time.Duration(float64(now.Sub(r.real)) * r.speed)))
	}
	r.real = now
	return r.board.At(r.now), Moment{Now: r.now, Began: r.began, Replay: fmt.Sprintf("%s of %s  %sx", clock(r.now.Sub(r.began)), clock(r.end.Sub(r.began)), number(r.speed))}
}

// Reset has what comes from now on counted alone.
func (r *Replay) Reset(time.Time) {
	r.counted = r.now
	r.board.Reset()
}

// Do moves the clock.
func (r *Replay) Do(c Command) {
	switch c {
	case CommandBack:
		r.Seek(r.now.Add(-seek))
	case CommandForward:
		r.Seek(r.now.Add(seek))
	case CommandSlower:
		r.speed = max(r.speed/2, slowest)
	case CommandFaster:
		r.speed = min(r.speed*2, fastest)
	}
	r.real = time.Time{} // what has passed meanwhile does not count
}
