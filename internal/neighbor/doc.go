// Package neighbor finds the link-layer address (MAC) of a neighbour by asking the link, and remembers it.
//
// A Finder asks for any number of neighbours side by side, over one packet socket. What it sends and believes is decided
// by a query machine of the protocol: ARP, in arp.go, for IPv4 addresses, and NDP, in ndp.go, for those of IPv6. Which of them
// it is, hardly anything else here knows.
package neighbor
