package port

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"net/netip"
	"time"
)

// Numbers are the initial sequence numbers and time stamps of a run: nobody outside can foresee them, and for connections
// with the same addresses and ports they go up, so that a server that still has the one before in TIME-WAIT takes the next
// one as new (RFC 9293 3.10.7.8 fourth step, RFC 6191). They may be used by several goroutines.
type Numbers struct {
	start  time.Time
	secret [16]byte
}

// NewNumbers returns the Numbers of a run that begins now.
func NewNumbers(now time.Time) *Numbers {
	n := &Numbers{start: now}
	rand.Read(n.secret[:]) // it never fails
	return n
}

// ISN returns the initial sequence number of a connection that begins now: a clock that counts once in 4 µs, and a keyed
// hash of the addresses and ports (RFC 9293 3.4.1).
func (n *Numbers) ISN(local, remote netip.AddrPort, now time.Time) uint32 {
	const tick = 4 * time.Microsecond
	return n.hash(local, remote) + uint32(now.Sub(n.start)/tick)
}

// Timestamp returns the time stamp of a segment to a host that leaves now: a clock that counts once in a millisecond, and a
// keyed hash of the addresses. The clock is one for all connections with the host (RFC 7323 5.4).
func (n *Numbers) Timestamp(local, remote netip.Addr, now time.Time) uint32 {
	h := n.hash(netip.AddrPortFrom(local, 0), netip.AddrPortFrom(remote, 0))
	return h + uint32(now.Sub(n.start)/time.Millisecond)
}

// hash returns 32 bits of a keyed hash of addresses and ports, all of which fit into one block of SHA-256.
func (n *Numbers) hash(local, remote netip.AddrPort) uint32 {
	var b [16 + 2*(16+2)]byte
	copy(b[:], n.secret[:])
	for i, end := range [...]netip.AddrPort{local, remote} {
		at := b[16+18*i:]
		address := end.Addr().As16()
		copy(at, address[:])
		binary.BigEndian.PutUint16(at[16:], end.Port())
	}
	sum := sha256.Sum256(b[:])
	return binary.BigEndian.Uint32(sum[:])
}
