package prober_test

import (
	"math/rand/v2"
	"testing"
	"time"

	"tcpprobe/internal/prober"
)

const ms = time.Millisecond

// TestPace: whatever the delays of whoever asks, no tenth of a second has more starts than its share, and without delays
// the rate is reached.
func TestPace(t *testing.T) {
	for _, test := range []struct {
		rate  int
		delay time.Duration // up to
		least int           // starts in a second
	}{
		{1, 0, 1}, {3, 0, 3}, {9, 0, 9}, {10, 0, 10}, {1000, 0, 994}, {1000, 30 * ms, 900}, {50_000, 0, 49_700},
		{50_000, 5 * ms, 45_000}, {1000, 300 * ms, 0}, {250_000, ms, 200_000},
	} {
		random := rand.New(rand.NewPCG(1, uint64(test.rate)))
		p := prober.NewPace(test.rate)
		begin := time.Unix(5_000, 0)
		var starts []time.Time
		for now := begin; now.Sub(begin) < 2*time.Second; {
			again, ok := p.Take(now)
			if ok {
				starts = append(starts, now)
				continue
			}
			if !again.After(now) {
				t.Fatalf("rate %d: at %v it says to ask again at %v", test.rate, now.Sub(begin), again.Sub(begin))
			}
			now = again
			if test.delay > 0 && random.IntN(10) == 0 {
				now = now.Add(time.Duration(random.Int64N(int64(test.delay))))
			}
		}
		window, most := 100*ms, test.rate/10
		if most < 1 {
			window, most = time.Second/time.Duration(test.rate), 1
		}
		for i := most; i < len(starts); i++ {
			if apart := starts[i].Sub(starts[i-most]); apart < window {
				t.Fatalf("rate %d, delays up to %v: %d starts within %v", test.rate, test.delay, most+1, apart)
			}
		}
		if n := len(starts) / 2; n < test.least {
			t.Errorf("rate %d, delays up to %v: %d starts a second, want %d", test.rate, test.delay, n, test.least)
		}
	}
}

// TestPaceOnTheWire: what was begun in time may leave late, and then what follows is late, too.
func TestPaceOnTheWire(t *testing.T) {
	p := prober.NewPace(100) // 10 in a tenth of a second
	now := time.Unix(5_000, 0)
	var left []time.Time
	for len(left) < 200 {
		again, ok := p.Take(now)
		if !ok {
			now = again
			continue
		}
		since := now
		now = now.Add(time.Duration(len(left)%3) * 4 * ms) // until it has left
		p.Left(since, now)
		left = append(left, now)
	}
	for i := 10; i < len(left); i++ {
		if apart := left[i].Sub(left[i-10]); apart < 100*ms {
			t.Errorf("%d to %d left within %v", i-10, i, apart)
		}
	}
}
