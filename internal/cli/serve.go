//go:build linux

package cli

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/urfave/cli/v2"

	"tcpprobe/internal/discovery"
	"tcpprobe/internal/display"
	"tcpprobe/internal/exit"
	"tcpprobe/internal/prober"
	"tcpprobe/internal/serve"
	"tcpprobe/internal/text"
)

// serveCommand is the exporter.
func serveCommand() *cli.Command {
	c := &cli.Command{
		Name:   "serve",
		Usage:  "Prometheus exporter and web page, with the packets of what failed",
		Flags:  serveFlags(),
		Action: runServe,
	}
	c.CustomHelpTemplate = serveHelpText(c)
	return c
}

// serveOptions is what the flags of serve say.
type serveOptions struct {
	options // the sandbox, names and the way that segments take
	listen  string
	files   serve.Files
	find    discovery.Options // what to watch
	every   time.Duration     // it is probed
	allow   []serve.Pattern
	history int
	bounds  serve.Bounds
	conns   int
	offset  time.Duration
}

// runServe answers requests until the run is interrupted.
func runServe(c *cli.Context) error {
	o, err := readServe(c)
	if err != nil {
		return err
	}
	load := func() (serve.Settings, error) { return o.files.Load(o.allow) }
	if c.Bool("check-config") {
		return checkConfig(c, o, load)
	}
	if _, err := load(); err != nil {
		return exit.With(exit.Configuration, err)
	}
	found, err := discovery.Open(o.find)
	if err != nil {
		return exit.With(exit.Configuration, err)
	}
	defer found.Close()
	if err := serve.CheckWebConfig(o.files.Web); err != nil {
		return exit.With(exit.Configuration, err)
	}
	listener, err := openListener(o.listen)
	if err != nil {
		return exit.With(exit.System, fmt.Errorf("--listen: %w", err))
	}
	defer listener.Close()
	p, err := prober.Open(prober.Options{
		Interface: o.iface, Mark: o.mark, Resolver: o.resolver, ResolveEvery: o.resolveAge, Record: true,
		Targets: prober.MassTargets + 1, Rate: serveRate, UnderWay: mostWatched + o.bounds.UnderWay,
	})
	if err != nil {
		return notOpened(err)
	}
	defer p.Close()
	_, stderr := outputsOf(c)
	readable, err := o.files.Readable()
	if err != nil {
		return exit.With(exit.Configuration, err)
	}
	if err := o.enterSandbox(stderr, readable...); err != nil {
		return err
	}
	s, err := serve.New(serve.Options{
		Version: c.App.Version, Prober: p, Listener: listener, WebConfig: o.files.Web, Connections: o.conns, Bounds: o.bounds, Load: load, TimeoutOffset: o.offset,
		History: o.history, AllowTrace: c.Bool("allow-trace"), Discovery: found, Interval: o.every,
	})
	if err != nil {
		return exit.With(exit.Configuration, err)
	}
	return serveUntilStopped(c.Context, s, p, stderr, announcement(o, listener.Addr()))
}

// The Prober of serve keeps to no pace of its own, and has the bounds of the Server, beside what is watched.
const (
	serveRate   = 20_000  // handshakes a second: more than there is time for
	mostWatched = 1 << 14 // handshakes under way

	shortestInterval = 10 * time.Millisecond // between two handshakes with a target that is watched
)

// serveUntilStopped runs a Server and its Prober until the process is told to end. A SIGHUP has the configuration read again.
func serveUntilStopped(program context.Context, s *serve.Server, p *prober.Prober, stderr *display.Output, announced string) error {
	// The context of the program ends with SIGHUP too.
	ctx, stop := signal.NotifyContext(context.WithoutCancel(program), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop) // a second signal ends the process
	hangup := make(chan os.Signal, 1)
	signal.Notify(hangup, syscall.SIGHUP)
	defer signal.Stop(hangup)
	probing := make(chan error, 1)
	go func() {
		probing <- p.Run(ctx)
		stop()
	}()
	go s.Discover(ctx, func(err error) {
		fmt.Fprintf(stderr, "tcpprobe: nothing was changed: %s\n", text.Printable(err.Error()))
	})
	serving := make(chan error, 1)
	go func() { serving <- s.Run(ctx) }()
	fmt.Fprintln(stderr, announced)
	for {
		select {
		case <-hangup:
			if err := s.Reload(); err != nil {
				fmt.Fprintf(stderr, "tcpprobe: nothing was changed: %s\n", text.Printable(err.Error()))
			} else {
				fmt.Fprintln(stderr, "tcpprobe: the configuration was read again")
			}
		case err := <-serving:
			stop()
			if err := errors.Join(err, <-probing); err != nil {
				return exit.With(exit.System, err)
			}
			return nil
		}
	}
}

// announcement returns the line that says where a server is.
func announcement(o serveOptions, at net.Addr) string {
	scheme := "http"
	if o.files.TLS() {
		scheme = "https"
	}
	return fmt.Sprintf("tcpprobe: serving on %s://%v/", scheme, at)
}

// checkConfig says whether the files are as they should be.
func checkConfig(c *cli.Context, o serveOptions, load func() (serve.Settings, error)) error {
	settings, err := load()
	if err == nil {
		err = serve.CheckWebConfig(o.files.Web)
	}
	var found *discovery.Discovery
	if err == nil {
		found, err = discovery.Open(o.find)
	}
	if err != nil {
		return exit.With(exit.Configuration, err)
	}
	defer found.Close()
	watched := 0
	for _, g := range found.Groups() {
		watched += len(g.Targets)
	}
	for _, g := range settings.Watch {
		watched += len(g.Targets)
	}
	stdout, _ := outputsOf(c)
	fmt.Fprintf(stdout, "the configuration is right: %d modules, %d targets\n", len(settings.Modules), watched)
	return nil
}

// readServe takes the flags' values, and judges them.
func readServe(c *cli.Context) (o serveOptions, err error) {
	if c.NArg() > 0 {
		return o, exit.UsageError("%s: serve takes flags alone: targets stand in --targets FILE, or in requests", text.Printable(c.Args().First()))
	}
	for _, name := range []string{"listen", "config", "web-config", "user", "interface", "dns"} {
		if c.IsSet(name) && c.String(name) == "" {
			return o, exit.UsageError("--%s has no value; try --help", name)
		}
	}
	o.listen = c.String("listen")
	if _, err := netip.ParseAddrPort(o.listen); err != nil && !inherited.MatchString(o.listen) {
		if host, port, err := net.SplitHostPort(o.listen); err != nil || port == "" || host != "" && host != "localhost" {
			return o, exit.UsageError("--listen %s: an address and a port are wanted, as in 127.0.0.1:9980, [::1]:9980 or :9980 for all addresses", text.Printable(o.listen))
		}
	}
	o.files = serve.Files{Config: c.String("config"), Web: c.String("web-config"), Targets: c.StringSlice("targets")}
	o.find = discovery.Options{Files: o.files.Targets, URLs: c.StringSlice("http-sd")}
	if o.every = duration(c, "interval"); o.every < shortestInterval {
		return o, exit.UsageError("--interval %s is less than %s", text.Duration(o.every), text.Duration(shortestInterval))
	}
	for _, s := range c.StringSlice("allow") {
		p, err := serve.ParsePattern(s)
		if err != nil {
			return o, exit.UsageError("--allow %v", err)
		}
		o.allow = append(o.allow, p)
	}
	o.offset = duration(c, "timeout-offset")
	for name, n := range map[string]*int{"history": &o.history, "max-probes": &o.bounds.UnderWay, "rate": &o.bounds.PerSecond, "rate-per-target": &o.bounds.PerTarget, "max-connections": &o.conns} {
		const most = 1 << 16
		if *n = c.Int(name); *n < 1 || *n > most {
			return o, exit.UsageError("--%s %d is not within 1 to %d", name, *n, most)
		}
	}
	o.iface, o.noSandbox = c.String("interface"), c.Bool("no-sandbox")
	o.resolver.Timeout, o.resolveAge = duration(c, "dns-timeout"), duration(c, "resolve-every")
	if s := c.String("dns"); s != "" {
		if o.resolver.Server, err = parseServer(s); err != nil {
			return o, exit.UsageError("--dns %v", err)
		}
	}
	if s := c.String("user"); s != "" {
		if o.user, err = parseUser(s); err != nil {
			return o, exit.UsageError("--user %v", err)
		}
	}
	return o, nil
}
