package prober

import (
	"crypto/rand"
	"encoding/binary"
)

// random is a stock of bits that nobody can foresee, for one goroutine. Asking the system for each number takes its time.
type random struct {
	octets [1024]byte
	used   int // octets from the front; all of them at the beginning, which is 0 as well
	filled bool
}

// uint32 returns 32 bits.
func (r *random) uint32() uint32 {
	if !r.filled || r.used == len(r.octets) {
		rand.Read(r.octets[:]) // it never fails
		r.used, r.filled = 0, true
	}
	b := r.octets[r.used : r.used+4]
	r.used += len(b)
	n := binary.BigEndian.Uint32(b)
	clear(b)
	return n
}

// flowLabel returns 20 bits that are not all 0.
func (r *random) flowLabel() uint32 { return 1 + r.uint32()%0xfffff }

// identification returns the Identification of a flow's first datagram. The flow counts on from there, and must not come
// to 0, in whose place the kernel's IP would put a number of its own.
func (r *random) identification() uint16 { return uint16(1 + r.uint32()%0xf000) }
