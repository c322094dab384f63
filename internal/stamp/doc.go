// Package stamp says when a packet left or arrived, and subtracts only like from like.
//
// A packet has up to two times: the one that this process noted when it handed the packet over or read it (always
// there, late by whatever the scheduler took), and the one that the kernel noted as the packet passed the interface
// (exact, but on the wall clock, which may step, and not always there). A duration is the difference of two times
// of the same clock, and says of which.
package stamp
