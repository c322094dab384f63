//go:build linux

package main

import "github.com/urfave/cli/v2"

// doctorCommand says whether this process may probe, and if not, what is missing and how to give it.
func doctorCommand() *cli.Command {
	return &cli.Command{
		Name:   "doctor",
		Usage:  "may this process probe? if not, what is missing and how to give it",
		Action: func(c *cli.Context) error { return nil },
	}
}
