package capfile

import (
	"math"
	"math/bits"
)

// clock turns the numbers by which a file counts time into nanoseconds.
type clock struct {
	nanoseconds int64  // of a unit, where that is a whole number; otherwise 0
	perSecond   uint64 // units; 0 if there are more than a number can tell, or fewer than one
	offset      int64  // seconds to be added
}

// newClock returns the clock of an if_tsresol and an if_tsoffset (draft-ietf-opsawg-pcapng 4.2). The first says of how many
// units a second consists, as a power of 10 or, with its first bit, of 2.
func newClock(resolution uint8, offset int64) clock {
	c := clock{offset: offset}
	exponent := resolution & 0x7f
	switch {
	case resolution&0x80 != 0 && exponent < 64:
		c.perSecond = 1 << exponent
	case resolution&0x80 == 0 && exponent < 20: // 10^19 is the last that has room
		c.perSecond = 1
		for range exponent {
			c.perSecond *= 10
		}
	}
	if c.perSecond > 0 && 1e9%c.perSecond == 0 {
		c.nanoseconds = int64(1e9 / c.perSecond)
	}
	return c
}

// at returns the time of a number of units, in nanoseconds since 1970. It is not ok if there is no such number.
func (c *clock) at(units uint64) (ns int64, ok bool) {
	if c.perSecond == 0 {
		return 0, false
	}
	seconds, rest := units/c.perSecond, units%c.perSecond
	if c.nanoseconds > 0 {
		rest *= uint64(c.nanoseconds)
	} else {
		high, low := bits.Mul64(rest, 1e9)
		rest, _ = bits.Div64(high, low, c.perSecond)
	}
	const limit = math.MaxInt64/1_000_000_000 - 1
	if seconds > limit || c.offset > limit || c.offset < -limit {
		return 0, false
	}
	total := int64(seconds) + c.offset
	if total > limit || total < -limit {
		return 0, false
	}
	return total*1e9 + int64(rest), true
}
