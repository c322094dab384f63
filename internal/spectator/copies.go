package spectator

import (
	"math"
	"time"

	"tcpprobe/rawip"
	"tcpprobe/tcphdr"
)

// A packet may pass the place of the capture several times, or be copied to it: on both sides of a bridge or a router, in
// several VLANs, by a switch that mirrors two ports. The copies are alike in what no bridge changes. So is what a host sends again,
// but for the Identification, or the time stamp, and then it is some time later.
const (
	copyWithin    = time.Second            // where the Identification says that it is the same datagram
	copyWithoutID = 200 * time.Millisecond // where it says nothing
)

// copies is what the latest segments of a side looked like, those that copies are looked for of.
type copies struct {
	latest [2]likeness
	next   uint8
}

// likeness is what a copy has in common with its original, and when that came.
type likeness struct {
	hash uint32
	at   uint32 // milliseconds since the attempt began, and 1 more: 0 is none
}

// seen reports whether the segment is a copy of an earlier one, and takes note of it. The time is counted from the beginning of
// the attempt.
func (c *copies) seen(ip *rawip.Datagram, h *tcphdr.Header, since time.Duration) bool {
	l := likeness{hash: hashOf(ip, h), at: uint32(min(max(since.Milliseconds(), 0), math.MaxUint32-1)) + 1}
	within := copyWithoutID
	if ip.ID != 0 {
		within = copyWithin
	}
	for _, earlier := range c.latest {
		apart := int64(l.at) - int64(earlier.at)
		if earlier.at != 0 && earlier.hash == l.hash && apart < within.Milliseconds() {
			return true
		}
	}
	c.latest[c.next] = l
	c.next ^= 1
	return false
}

// hashOf mixes what copies have in common (FNV-1a, by words).
func hashOf(ip *rawip.Datagram, h *tcphdr.Header) uint32 {
	const prime = 16777619
	hash := uint32(2166136261)
	for _, word := range [...]uint32{uint32(h.Seq), uint32(h.Ack), uint32(h.Checksum)<<16 | uint32(h.Flags), uint32(ip.ID)} {
		for range 4 {
			hash = (hash ^ word&0xff) * prime
			word >>= 8
		}
	}
	return hash
}
