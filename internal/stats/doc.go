// Package stats sums up many handshakes with one target: how they ended, how their round-trip times are distributed, when
// the target was away, and whether all that is as somebody asserts.
package stats
