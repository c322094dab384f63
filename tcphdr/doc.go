// Package tcphdr reads and writes TCP headers as RFC 9293 3.1 defines them.
//
// Reading is faithful: [Parse] keeps reserved bits, contradictory control bits and unknown or malformed options, and
// rejects only a segment whose fields cannot be told apart. Writing is strict: [Header.Append] refuses what may not be
// sent. Lengths and the checksum are computed, never given, so no field of a [Header] can contradict another.
//
// Its types name those of internal packages: the package is public in name only.
package tcphdr
