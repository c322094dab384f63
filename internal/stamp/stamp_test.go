package stamp_test

import (
	"testing"
	"time"

	"tcpprobe/internal/stamp"
)

// host is a pair of clocks under the test's control.
type host struct {
	wall int64
	mono time.Time
}

func newHost() *host {
	return &host{wall: 1_800_000_000_000_000_000, mono: time.Unix(5_000, 0)}
}

func (h *host) read() stamp.Reading { return stamp.Reading{Wall: h.wall, Mono: h.mono} }

// pass lets time go by on both clocks.
func (h *host) pass(d time.Duration) { h.wall += int64(d); h.mono = h.mono.Add(d) }

// step moves the wall clock alone.
func (h *host) step(d time.Duration) { h.wall += int64(d) }

// receive is a packet that the kernel stamps now and that the process reads after delay.
func (h *host) receive(c *stamp.Clock, delay time.Duration) stamp.Stamp {
	wall := h.wall
	h.pass(delay)
	before := c.Before()
	s := c.Stamp(wall, before)
	c.Drained()
	return s
}

func TestBetweenUsesKernelStampsWhereBothHaveOne(t *testing.T) {
	h := newHost()
	c := stamp.NewClock(h.read)
	a := h.receive(c, 40*time.Microsecond)
	h.pass(11 * time.Millisecond)
	b := h.receive(c, 900*time.Microsecond)
	got, source := stamp.Between(a, b)
	if want := 11*time.Millisecond + 40*time.Microsecond; got != want || source != stamp.Kernel {
		t.Errorf("Between = %v, %v; want %v, kernel", got, source, want)
	}
}

func TestBetweenNeverSubtractsAcrossClocks(t *testing.T) {
	base := time.Unix(100, 0)
	both := stamp.Stamp{User: base, Kernel: base.Add(-time.Millisecond)}
	user := stamp.Stamp{User: base.Add(time.Second)}
	for name, pair := range map[string][2]stamp.Stamp{"kernel then user": {both, user}, "user then kernel": {{User: base.Add(-time.Second)}, both}} {
		got, source := stamp.Between(pair[0], pair[1])
		if got != time.Second || source != stamp.User {
			t.Errorf("%s: Between = %v, %v; want 1s, user", name, got, source)
		}
	}
}

func TestBetweenIsNeverNegative(t *testing.T) {
	base := time.Unix(100, 0)
	a := stamp.Stamp{User: base, Kernel: base}
	b := stamp.Stamp{User: base.Add(time.Millisecond), Kernel: base.Add(-time.Hour)}
	if got, source := stamp.Between(a, b); got != time.Millisecond || source != stamp.User {
		t.Errorf("kernel stamps in the wrong order: %v, %v; want 1ms, user", got, source)
	}
	if got, _ := stamp.Between(stamp.Stamp{User: base.Add(time.Second)}, stamp.Stamp{User: base}); got != 0 {
		t.Errorf("user times in the wrong order: %v; want 0", got)
	}
}

// The kernel fills in the time of reading for packets that it did not stamp.
func TestStampFilledInAtReadingIsNotBelieved(t *testing.T) {
	h := newHost()
	c := stamp.NewClock(h.read)
	before := c.Before()
	h.pass(time.Microsecond)
	if s := c.Stamp(h.wall, before); s.Source() != stamp.User {
		t.Errorf("a stamp not older than its reading was believed: %v", s)
	}
	if s := h.receive(c, time.Microsecond); s.Source() != stamp.Kernel {
		t.Errorf("a stamp older than its reading was not believed: %v", s)
	}
	before = c.Before()
	if s := c.Stamp(h.wall, before); s.Source() != stamp.Kernel {
		t.Errorf("once stamps are known to work, one as young as its reading is believed; got %v", s)
	}
}

func TestStampOutsideTheProcessesLifeIsNotBelieved(t *testing.T) {
	h := newHost()
	c := stamp.NewClock(h.read)
	h.pass(time.Second)
	for name, wall := range map[string]int64{"none": 0, "1970": 1, "before the start": h.wall - int64(time.Minute), "the future": h.wall + int64(time.Minute)} {
		if s := c.Stamp(wall, c.Before()); s.Source() != stamp.User || !s.Kernel.IsZero() {
			t.Errorf("%s: stamp %d was believed: %v", name, wall, s)
		}
	}
}

// TestH10_WallClockSteps steps the wall clock by an hour, either way, at every moment around two packets: before the
// first, between its stamp and its reading, between the packets, and between the second's stamp and its reading. The
// duration is always right, to within what the process's own lateness allows.
func TestH10_WallClockSteps(t *testing.T) {
	const late = 70 * time.Microsecond
	const apart = 3 * time.Millisecond
	for _, by := range []time.Duration{time.Hour, -time.Hour, 5 * time.Millisecond, -5 * time.Millisecond} {
		for moment := range 5 {
			h := newHost()
			c := stamp.NewClock(h.read)
			stepAt := func(m int) {
				if m == moment {
					h.step(by)
				}
			}
			var packets [2]stamp.Stamp
			for i := range packets {
				stepAt(2 * i)
				wall := h.wall
				h.pass(late)
				stepAt(2*i + 1)
				packets[i] = c.Stamp(wall, c.Before())
				c.Drained()
				h.pass(apart - late)
			}
			stepAt(4)
			got, source := stamp.Between(packets[0], packets[1])
			if got != apart {
				t.Errorf("step of %v at moment %d: %v apart by the %v clock, want %v", by, moment, got, source, apart)
			}
			if moment < 4 && source != stamp.User {
				t.Errorf("step of %v at moment %d: source %v, want user", by, moment, source)
			}
		}
	}
}

// A packet stamped before a step may be read after the step was noticed: its stamp is of a clock that is no more.
func TestH10_PacketsUnderWayDuringAStep(t *testing.T) {
	h := newHost()
	c := stamp.NewClock(h.read)
	if s := h.receive(c, time.Microsecond); s.Source() != stamp.Kernel {
		t.Fatal("stamps do not work before the step")
	}
	h.pass(time.Second)
	first, second := h.wall, h.wall+int64(time.Microsecond)
	h.pass(2 * time.Microsecond)
	h.step(-2 * time.Millisecond)
	for i, wall := range []int64{first, second} {
		if s := c.Stamp(wall, c.Before()); s.Source() != stamp.User {
			t.Errorf("packet %d under way during the step: stamp believed", i+1)
		}
	}
	c.Drained()
	if s := h.receive(c, time.Microsecond); s.Source() != stamp.Kernel {
		t.Error("stamps are not believed again once the queue was drained")
	}
}

// Losing the processor between the two readings is no step.
func TestClockReadTornByTheScheduler(t *testing.T) {
	h := newHost()
	torn := 0
	c := stamp.NewClock(func() stamp.Reading {
		r := h.read()
		if torn > 0 {
			torn--
			r.Mono = r.Mono.Add(4 * time.Millisecond)
		}
		return r
	})
	wall := h.wall
	h.pass(time.Microsecond)
	before := c.Before()
	torn = 2
	if s := c.Stamp(wall, before); s.Source() != stamp.Kernel {
		t.Errorf("a torn reading was taken for a step: %v", s)
	}
}

func TestSourceNames(t *testing.T) {
	if stamp.User.String() != "user" || stamp.Kernel.String() != "kernel" {
		t.Errorf("names %q and %q", stamp.User, stamp.Kernel)
	}
}
