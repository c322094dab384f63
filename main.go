//go:build linux

// Tcpprobe makes a TCP handshake by hand and tells the truth about it.
package main

import (
	"os"

	"tcpprobe/internal/cli"
)

// version is set when a release is built: -ldflags "-X main.version=1.2.3".
var version = "0.1.0-dev"

func main() { os.Exit(cli.Main(version)) }
