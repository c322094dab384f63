// Package icmp reads and writes the messages of ICMP (RFC 792) and ICMPv6 (RFC 4443): what a router or a host has to say
// about a datagram.
//
// Reading is faithful: [Parse] and [Parse6] keep every octet and judge none. What an error message says depends on its type,
// and the methods of [Message] tell. What it means, by numbers that the two protocols do not share, is its [Meaning].
//
// Its types name those of internal packages: the package is public in name only.
package icmp
