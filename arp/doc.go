// Package arp has the packets by which the MAC of an IPv4 address is found on an Ethernet: the Address Resolution Protocol
// (RFC 826).
//
// Packet is the codec. Query is the machine that decides what to send and what to believe. Filter is the program for a
// socket that receives the answers. None of them touches the system.
package arp
