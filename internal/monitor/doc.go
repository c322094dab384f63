// Package monitor holds what is known of targets that are watched: their recent handshakes, how many ended in which way, when they
// were away, how their round-trip times are distributed, and, of what failed or was odd, the packets.
//
// A Store has all targets. A Target is what a prober tells of one; it is a prober.Observer. Readers get snapshots, and hold nobody
// up but for the time of a copy. Times come with the results, or as an argument.
package monitor
