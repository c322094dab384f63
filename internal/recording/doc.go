// Package recording reads results of handshakes again that were written as JSON lines (schema tcpprobe/1), so that every view of
// results can show them.
//
// What JSON does not have stays unknown: the octets of packets, and how long after the beginning the first SYN left, which is taken to be what the name and
// the next hop took.
package recording
