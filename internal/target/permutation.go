package target

import "math/bits"

// permutation is an order of the numbers from 0 to size-1, which has each of them once. Neighbors in it are no neighbors as
// numbers, so that no subnet sees a burst. It is a Feistel network over the smallest square that has room for all, walked until
// a number is one of them (Black and Rogaway, "Ciphers with Arbitrary Finite Domains", 2002); nothing of it is secret.
type permutation struct {
	size uint64
	half int // bits of each half
	seed uint64
}

// rounds of a Feistel network from which on it is a pseudorandom permutation, for round functions that are random (Luby and
// Rackoff: 4, where both directions are asked for).
const rounds = 4

func newPermutation(size int, seed uint64) permutation {
	width := bits.Len64(uint64(max(size, 2) - 1))
	return permutation{size: uint64(size), half: (width + 1) / 2, seed: seed}
}

// at returns the number at a place. Both are from 0 to size-1.
func (p permutation) at(place int) int {
	n := uint64(place)
	for {
		if n = p.encrypt(n); n < p.size { // the square has less than four times the numbers
			return int(n)
		}
	}
}

// encrypt maps the numbers of the square to each other.
func (p permutation) encrypt(n uint64) uint64 {
	mask := uint64(1)<<p.half - 1
	left, right := n>>p.half, n&mask
	for round := range uint64(rounds) {
		left, right = right, left^mix(p.seed^mix(right+round<<32))&mask
	}
	return left<<p.half | right
}

// mix has every bit of its result depend on every bit of n (the finalizer of SplitMix64).
func mix(n uint64) uint64 {
	n += 0x9e3779b97f4a7c15
	n = (n ^ n>>30) * 0xbf58476d1ce4e5b9
	n = (n ^ n>>27) * 0x94d049bb133111eb
	return n ^ n>>31
}
