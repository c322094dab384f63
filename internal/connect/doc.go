// Package connect has the kernel make handshakes by connect(2), any number of them side by side, and asks the kernel how they
// went. It takes no privilege: a socket of its own sees how its connection came about (TCP_INFO of tcp(7)), and which ICMP
// errors quoted its SYN (IP_RECVERR of ip(7)).
package connect
