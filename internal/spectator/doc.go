// Package spectator judges handshakes between others, out of the packets that passed somewhere between them.
//
// A Spectator takes one datagram after the other. Every SYN begins an attempt, whoever sends it, and what follows between the
// same addresses and ports says how it ended. The rules by which a segment counts are those of package probe, which makes
// handshakes itself: what is acknowledged, which SYN was answered, what an ICMP error quotes. What is different is that
// both ends are strangers here, and that packets may be missing, or be there twice.
//
// It has no clock: time passes with the packets.
package spectator
