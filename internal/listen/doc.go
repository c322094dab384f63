// Package listen is shown the packets of handshakes as they pass an interface of this host, and takes no part in them.
//
// The kernel leaves out what tells nothing of handshakes (see [rawip.ListenFilter]), stamps the rest, and puts it into memory that it
// shares with this process. Packets look as if they came from a capture file of the link type LINUX_SLL2.
package listen
