//go:build linux

package cli

import (
	"github.com/urfave/cli/v2"

	"tcpprobe/internal/doctor"
	"tcpprobe/internal/exit"
)

// doctorCommand says whether this process may probe, and if not, what is missing and how to give it.
func doctorCommand() *cli.Command {
	c := &cli.Command{
		Name:  "doctor",
		Usage: "may this process probe? if not, what is missing and how to give it",
		Action: func(c *cli.Context) error {
			if c.NArg() > 0 {
				return exit.UsageError("doctor takes no arguments: it looks at this process and its system")
			}
			e := doctor.Examine()
			e.EnterSandbox()
			e.Print(c.App.Writer)
			if !e.MayProbe() {
				return &exit.Error{Code: exit.NotPermitted}
			}
			return nil
		},
	}
	c.CustomHelpTemplate = smallHelpText(c, `Usage:
  tcpprobe doctor
  It exits with 0 if this process may probe, and with 77 if not.
`)
	return c
}
