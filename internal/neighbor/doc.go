// Package neighbor finds the link-layer address (MAC) of a neighbour by asking the link, and remembers it.
//
// A Finder asks for any number of neighbours side by side, over one packet socket. What it sends and believes is decided
// by a query machine of the protocol: ARP, in arp.go. Nothing else here knows which protocol it is.
package neighbor
