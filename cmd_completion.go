//go:build linux

package main

import "github.com/urfave/cli/v2"

// completionCommand prints a script that completes command lines of tcpprobe.
func completionCommand() *cli.Command {
	return &cli.Command{
		Name:      "completion",
		Usage:     "print a completion script for bash, zsh or fish",
		ArgsUsage: "bash|zsh|fish",
		Action:    func(c *cli.Context) error { return nil },
	}
}
