//go:build linux

package cli

import (
	"github.com/urfave/cli/v2"

	"tcpprobe/docs"
	"tcpprobe/internal/exit"
)

// schemaCommand prints the JSON Schema of the results.
func schemaCommand() *cli.Command {
	c := &cli.Command{
		Name:  "schema",
		Usage: "print the JSON Schema of the results",
		Action: func(c *cli.Context) error {
			if c.NArg() > 0 {
				return exit.UsageError("schema takes no arguments")
			}
			c.App.Writer.Write(docs.Schema) // its errors are the output's
			return nil
		},
	}
	c.CustomHelpTemplate = smallHelpText(c, `Usage:
  tcpprobe schema
`)
	return c
}
