//go:build !linux

// Tcpprobe makes a TCP handshake by hand and tells the truth about it.
package main

import (
	"fmt"
	"os"
)

func main() {
	fmt.Fprintln(os.Stderr, "tcpprobe: it runs on Linux only: it needs packet(7) sockets and the time stamps of that kernel")
	os.Exit(71) // EX_OSERR
}
