// Package nat64 puts IPv4 addresses into IPv6 addresses and takes them out again, as those do that translate between the
// families (RFC 6052), and finds the prefixes of a network for that in what its name servers answer (RFC 7050).
package nat64
