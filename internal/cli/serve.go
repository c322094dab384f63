//go:build linux

package cli

import (
	"context"
	"errors"
	"fmt"
	"net"

	"github.com/urfave/cli/v2"

	"tcpprobe/internal/exit"
	"tcpprobe/internal/prober"
	"tcpprobe/internal/serve"
)

const categoryServe = "What is served"

// serveCommand is the exporter.
func serveCommand() *cli.Command {
	c := &cli.Command{
		Name:   "serve",
		Usage:  "Prometheus exporter and web page, with the packets of what failed",
		Flags:  serveFlags(),
		Action: runServe,
	}
	return c
}

// serveFlags returns the flags of serve.
func serveFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Name: "listen", Value: "127.0.0.1:9980", Category: categoryServe, Usage: "answer HTTP on `ADDR:PORT`"},
		&cli.IntFlag{Name: "history", Value: 100, Category: categoryServe, Usage: "keep the latest `N` results, and as many failures apart from them"},
		&cli.StringFlag{Name: "user", Category: categoryRights, Usage: "as root: be `USER`, a name or UID:GID, once everything is open"},
		&cli.BoolFlag{Name: "no-sandbox", Category: categoryRights, Usage: "keep all rights, files and system calls while packets are read"},
	}
}

// runServe answers requests until the run is interrupted.
func runServe(c *cli.Context) error {
	if c.NArg() > 0 {
		return exit.UsageError("%s: serve takes flags alone; try serve --help", c.Args().First())
	}
	var o options
	var err error
	o.noSandbox = c.Bool("no-sandbox")
	if s := c.String("user"); s != "" {
		if o.user, err = parseUser(s); err != nil {
			return exit.UsageError("--user %v", err)
		}
	}
	_, stderr := outputsOf(c)
	listener, err := net.Listen("tcp", c.String("listen"))
	if err != nil {
		return exit.With(exit.System, fmt.Errorf("--listen: %w", err))
	}
	defer listener.Close()
	p, err := prober.Open(prober.Options{Targets: 1, Record: true})
	if err != nil {
		return notOpened(err)
	}
	defer p.Close()
	if err := o.enterSandbox(stderr); err != nil {
		return err
	}
	s, err := serve.New(serve.Options{Version: c.App.Version, Prober: p, Listener: listener, History: c.Int("history")})
	if err != nil {
		return exit.With(exit.Software, err)
	}
	fmt.Fprintf(stderr, "tcpprobe: serving on http://%v/\n", listener.Addr())
	ctx, stop := context.WithCancel(c.Context)
	defer stop()
	ran := make(chan error, 1)
	go func() {
		ran <- p.Run(ctx)
		stop()
	}()
	err = s.Run(ctx)
	stop()
	if err := errors.Join(err, <-ran); err != nil {
		return exit.With(exit.System, err)
	}
	return nil
}
