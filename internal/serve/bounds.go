package serve

import (
	"sync"
	"time"
)

// Bounds are how much may be asked for. Each 0 is no bound.
type Bounds struct {
	UnderWay  int // probes at once
	PerSecond int // probes
	PerTarget int // probes of one target in a second
}

// bounds keeps to Bounds. What is over them is refused at once: whoever asks would otherwise wait, and take a late answer for a dead
// target. Its methods may be called from any goroutine.
type bounds struct {
	Bounds

	mu       sync.Mutex
	underWay int
	all      bucket
	targets  map[string]*bucket // that were probed in the last second
	swept    time.Time          // when those that were not were forgotten
}

// bucket is a bound on what happens in a second: it is full of leaves to take, and fills again with time.
type bucket struct {
	left   float64
	filled time.Time
}

// take takes a leave of so many a second.
func (b *bucket) take(perSecond int, now time.Time) bool {
	most := float64(perSecond)
	if b.filled.IsZero() {
		b.left = most
	} else {
		b.left = min(most, b.left+max(now.Sub(b.filled).Seconds(), 0)*most)
	}
	b.filled = now
	if b.left < 1 {
		return false
	}
	b.left--
	return true
}

// newBounds returns bounds of which nothing is used.
func newBounds(b Bounds) *bounds { return &bounds{Bounds: b, targets: make(map[string]*bucket)} }

// The bounds that refuse, as a metric has them.
const (
	overUnderWay  = "under_way"
	overPerSecond = "per_second"
	overPerTarget = "per_target"
)

// take takes leave to probe a target. Without it over says what there is too much of, and nothing is to be given back.
func (b *bounds) take(key string, now time.Time) (over string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.UnderWay > 0 && b.underWay >= b.UnderWay {
		return overUnderWay
	}
	if b.PerTarget > 0 && !b.target(key, now).take(b.PerTarget, now) {
		return overPerTarget
	}
	if b.PerSecond > 0 && !b.all.take(b.PerSecond, now) {
		return overPerSecond
	}
	b.underWay++
	return ""
}

// target returns the bucket of a target. Those that have been full again for a while are forgotten.
func (b *bounds) target(key string, now time.Time) *bucket {
	if now.Sub(b.swept) > time.Second || now.Before(b.swept) {
		b.swept = now
		for name, one := range b.targets {
			if now.Sub(one.filled) > time.Second {
				delete(b.targets, name)
			}
		}
	}
	one := b.targets[key]
	if one == nil {
		one = new(bucket)
		b.targets[key] = one
	}
	return one
}

// giveBack gives back the leave of a probe that has ended.
func (b *bounds) giveBack() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.underWay--
}
