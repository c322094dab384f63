package tcphdr

// A SeqNum is a sequence number. Its arithmetic is modulo 2^32 (RFC 9293 3.4); comparisons hold for numbers less than
// 2^31 apart.
type SeqNum uint32

// Add returns the sequence number n after s, or before it if n is negative.
func (s SeqNum) Add(n int) SeqNum { return s + SeqNum(n) }

// Sub returns how far s is after t; negative if it is before t.
func (s SeqNum) Sub(t SeqNum) int32 { return int32(s - t) }

// Less reports whether s comes before t.
func (s SeqNum) Less(t SeqNum) bool { return s.Sub(t) < 0 }

// LessEq reports whether s comes before t or is t.
func (s SeqNum) LessEq(t SeqNum) bool { return s.Sub(t) <= 0 }

// InWindow reports whether s is one of the size numbers that begin with first. A size of 0 or less holds none.
func (s SeqNum) InWindow(first SeqNum, size int) bool {
	return size > 0 && uint64(s-first) < uint64(size)
}
