// Package resolver finds the addresses of a host name as the resolver of the C library would: a literal address, then the
// hosts file, then the name servers of resolv.conf(5). Those are IPv4 addresses, unless another Family is wanted: then A and
// AAAA are asked for side by side.
//
// The queries are its own, octet by octet, and so is the judgement of what comes back. Every query goes out from a
// port and with an ID of its own, drawn at random, and whatever does not answer exactly that query is counted and
// ignored until the time is over (RFC 5452 9). Each query and each answer is told as an Event with the kernel's time
// stamps where there are any.
//
// Names that come from the network are data of strangers. Where this package hands one out, in a Result, an Event or
// an Error, every octet that is not a printable ASCII character is written as \DDD (RFC 1035 5.1).
//
// Order sorts addresses of both families by RFC 6724; which sources they would have, its caller finds out.
//
// Query is the machine that decides what to ask whom and what an answer means. It owns no socket, clock or
// randomness. Resolver is the edge that runs it.
package resolver
