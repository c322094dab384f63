// Package socket holds what the edges of this module that talk to the kernel need of socket(7) and packet(7) alike:
// packet sockets that are filtered before they see a frame, the control messages that come with what is received,
// the kernel's time stamps, and waiting for several sockets at once.
package socket
