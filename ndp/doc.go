// Package ndp has the packets by which the MAC of an IPv6 address is found on an Ethernet: Neighbor Solicitations and Neighbor
// Advertisements of Neighbor Discovery for IPv6 (RFC 4861).
//
// Packet is the codec. Query is the machine that decides what to send and what to believe. Filter is the program for a
// socket that receives the answers. None of them touches the system.
package ndp
