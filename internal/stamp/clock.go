package stamp

import "time"

// tolerance is how far the wall clock may move against the monotonic clock before it counts as stepped. Both are
// slewed alike, so that the distance between them is constant but for steps and for the time between reading the one
// and the other.
const tolerance = time.Millisecond

// Reading is one look at the two clocks of this host.
type Reading struct {
	Wall int64     // CLOCK_REALTIME, nanoseconds since 1970
	Mono time.Time // the monotonic clock
}

// offset is the distance between the clocks, on a scale of its own.
func (r Reading) offset(base Reading) time.Duration {
	return time.Duration(r.Wall-base.Wall) - r.Mono.Sub(base.Mono)
}

// Clock turns the kernel's wall-clock stamps into Stamps. It notices when the wall clock is stepped, and then trusts
// no stamp of the kernel until every packet that was under way at that moment has been read.
//
// A Clock is for one goroutine.
type Clock struct {
	read    func() Reading
	start   Reading // of when the Clock was made: no packet is older
	base    Reading // of which moment the distance between the clocks is known
	armed   bool    // the kernel has been seen to stamp packets
	stepped bool    // the wall clock moved, and the packets from before are not all read
}

// NewClock returns a Clock over the given clocks; System is what to give outside of tests.
func NewClock(read func() Reading) *Clock {
	now := read()
	return &Clock{read: read, start: now, base: now}
}

// Now returns the process's time.
func (c *Clock) Now() time.Time { return c.look().Mono }

// Before returns the moment to give to Stamp: when the process is about to read a packet.
func (c *Clock) Before() Reading { return c.look() }

// Stamp returns the time of a packet that has just been read and that the kernel stamped with wall, in nanoseconds
// since 1970, or 0 if it did not. before is when the process asked for the packet.
//
// The kernel starts to stamp packets a moment after the first socket asks for it, and gives those that it missed the
// time of their reading. So until one stamp has been older than its reading, none is believed.
func (c *Clock) Stamp(wall int64, before Reading) Stamp { return c.stamp(wall, before, c.look()) }

// StampAt is Stamp for a packet that was found to be there at a moment that Before has returned, and that the kernel had
// stamped by then.
func (c *Clock) StampAt(wall int64, now Reading) Stamp { return c.stamp(wall, now, now) }

func (c *Clock) stamp(wall int64, before, now Reading) Stamp {
	s := Stamp{User: now.Mono}
	if wall == 0 || c.stepped {
		return s
	}
	if wall < before.Wall {
		c.armed = true
	}
	at := c.base.Mono.Add(time.Duration(wall - c.base.Wall))
	if !c.armed || at.Before(c.start.Mono.Add(-tolerance)) || at.After(now.Mono.Add(tolerance)) {
		return s
	}
	s.Kernel = at
	return s
}

// Drained says that every packet that has arrived so far has been read. Those that follow are stamped by the clock as
// it is now.
func (c *Clock) Drained() { c.stepped = false }

// look reads the clocks, and takes note if they have moved against each other.
func (c *Clock) look() Reading {
	var now Reading
	// A process that loses the processor between reading the one clock and the other sees a distance that is not
	// there, but not three times in a row.
	for range 3 {
		now = c.read()
		if now.offset(c.base).Abs() <= tolerance {
			return now
		}
	}
	c.base = now
	c.stepped = true
	return now
}
