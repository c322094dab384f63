// Package probe makes TCP handshakes by hand: the machine of one active open (RFC 9293 3.10), the engine that drives any
// number of them over one wire, and the result of each.
//
// It names types of internal packages, and is public in name only.
package probe
