// Package icmp reads and writes the messages of RFC 792: what a router or a host has to say about a datagram.
//
// Reading is faithful: [Parse] keeps every octet and judges none. What an error message says depends on its type, and
// the methods of [Message] tell.
//
// Its types name those of internal packages: the package is public in name only.
package icmp
