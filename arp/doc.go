// Package arp finds the MAC of an IPv4 address on an Ethernet, with Address Resolution Protocol packets built by hand
// (RFC 826).
//
// Packet is the codec. Query is the machine that decides what to send and what to believe; it has no socket and no
// clock. Client drives it over a packet socket.
package arp
