// Package rawip reads and writes the headers of IPv4 (RFC 791) and IPv6 (RFC 8200), and carries datagrams that were built octet by octet to the
// network and back.
//
// A [Wire] sends them in one of two ways: on a link, in frames to the MAC of the next hop, past the kernel's network
// layer; or by the kernel's IP, which routes, filters and translates them as it does its own. Either way it sees what
// comes back before, or beside, the kernel's TCP, with the kernel's time stamps.
//
// The kernel's TCP knows nothing of our connections, and would answer the peer's SYN-ACK with RST. A [Guard] keeps it
// silent.
//
// Its types name those of internal packages: the package is public in name only.
package rawip
