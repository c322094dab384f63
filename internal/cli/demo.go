//go:build linux

package cli

import (
	"os"
	"strings"

	"github.com/urfave/cli/v2"

	"tcpprobe/internal/demo"
	"tcpprobe/internal/exit"
	"tcpprobe/internal/terminal"
)

// demoCommand shows handshakes on a network of its own.
func demoCommand() *cli.Command {
	c := &cli.Command{
		Name:      "demo",
		Usage:     "the whole journey on a network of its own: no server, no set-up, no root",
		ArgsUsage: demo.Names("|") + "|" + strings.Join(demo.Hosts(), "|"),
		Flags: []cli.Flag{
			&cli.BoolFlag{Name: "list", Usage: "name the scenes"},
			&cli.BoolFlag{Name: "serve", Usage: "serve the web page of an exporter on the network's client, for a browser of this host"},
			&cli.StringFlag{Name: "listen", Value: defaultListen, Usage: "with --serve: answer HTTP on `ADDR:PORT` of this host"},
			&cli.BoolFlag{Name: "shell", Usage: "open a shell on the network's client, or on the host that is named"},
		},
		Action: runDemo,
	}
	c.CustomHelpTemplate = smallHelpText(c, demoUsage())
	return c
}

// demoUsage says how demo is called, and names what there is to choose from.
func demoUsage() string {
	var b strings.Builder
	b.WriteString(`Examples:
  tcpprobe demo                all scenes, one after the other
  tcpprobe demo lost-syn       one of them
  tcpprobe demo --shell        to look around on the client

Usage:
  tcpprobe demo [SCENE]
  tcpprobe demo --shell [HOST]
  tcpprobe demo --serve [--listen ADDR:PORT]

`)
	helpLine(&b, "SCENE", demo.Names(", "))
	helpLine(&b, "HOST", strings.Join(demo.Hosts(), ", "))
	return b.String()
}

func runDemo(c *cli.Context) error {
	scenes, shell, served := demo.Scenes(), "", ""
	switch name := c.Args().First(); {
	case c.Bool("serve") && (c.NArg() > 0 || c.Bool("shell") || c.Bool("list")):
		return exit.UsageError("demo --serve takes neither scenes nor --shell: it shows all that there is")
	case c.Bool("serve"):
		if served = c.String("listen"); served == "" {
			return exit.UsageError("--listen has no value; try --help")
		}
	case c.IsSet("listen"):
		return exit.UsageError("--listen is where --serve is: give that too")
	case c.NArg() > 1:
		return exit.UsageError("demo takes one scene, or none for all of them")
	case c.Bool("shell"):
		if shell = name; c.NArg() == 0 {
			shell = demo.Hosts()[0]
		}
		if !demo.IsHost(shell) {
			return exit.UsageError("demo --shell runs on %s; %s is none of them", strings.Join(demo.Hosts(), ", "), name)
		}
	case c.NArg() == 1 && demo.IsHost(name):
		return exit.UsageError("%s is a host: tcpprobe demo --shell %s opens a shell there", name, name)
	case c.NArg() == 1:
		s, ok := demo.Find(name)
		if !ok {
			return exit.UsageError("there is no scene %s: one of %s is wanted", name, demo.Names(", "))
		}
		scenes = []demo.Scene{s}
	}
	if c.Bool("list") {
		return demo.List(c.App.Writer, scenes)
	}
	d := demo.Demo{
		Scenes: scenes, Shell: shell, Serve: served, Color: c.String("color"), Args: os.Args,
		Stdout: terminal.Unwrap(c.App.Writer), Stderr: terminal.Unwrap(c.App.ErrWriter),
	}
	return d.Run(c.Context)
}
