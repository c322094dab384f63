//go:build linux

package cli

import (
	"github.com/urfave/cli/v2"

	"tcpprobe/internal/exit"
)

// compareCaptures matches the handshakes in two captures, and shows what became of them between the two places.
func compareCaptures(c *cli.Context, o readingOptions) error {
	return exit.UsageError("two files are not compared yet")
}
