//go:build linux

package main

import (
	"github.com/urfave/cli/v2"

	"tcpprobe/docs"
)

// schemaCommand prints the JSON Schema of the results.
func schemaCommand() *cli.Command {
	return &cli.Command{
		Name:  "schema",
		Usage: "print the JSON Schema of the results",
		Action: func(c *cli.Context) error {
			c.App.Writer.Write(docs.Schema) // its errors are the output's
			return nil
		},
	}
}
