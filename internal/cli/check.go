//go:build linux

package cli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"tcpprobe/internal/exit"
	"tcpprobe/internal/nagios"
	"tcpprobe/internal/prober"
	"tcpprobe/internal/target"
	"tcpprobe/internal/terminal"
	"tcpprobe/internal/text"
	"tcpprobe/probe"
)

const (
	checkName  = "check"
	pluginName = "check_tcpprobe" // what the program is called as to be nothing but the plugin
)

// programArguments returns the arguments of the process. Called as the plugin, the program is its command check.
func programArguments(args []string) []string {
	if len(args) == 0 {
		return nil
	}
	if filepath.Base(args[0]) == pluginName {
		return append([]string{checkName}, args[1:]...)
	}
	return args[1:]
}

// checkCommand is check among the commands, for the help and for completion. It is run by runCheck, except behind flags of
// a probe, which mean something else to it.
func checkCommand() *cli.Command {
	return &cli.Command{
		Name:     checkName,
		Usage:    "monitoring plugin for Nagios and Icinga; check --help has more",
		Flags:    checkFlags(),
		HideHelp: true,
		Action: func(*cli.Context) error {
			return exit.UsageError("the flags of check stand behind it: tcpprobe check -H HOST -p PORT")
		},
	}
}

// checkFlags returns the flags of check: those that the guidelines reserve and check_tcp has, and those of a probe that
// make sense for it.
func checkFlags() []cli.Flag {
	flags := []cli.Flag{
		&cli.StringFlag{Name: "hostname", Aliases: []string{"H"}, Usage: "check `HOST`, a name or an address"},
		&cli.StringFlag{Name: "port", Aliases: []string{"p"}, Usage: "check `PORT`, a number or a service name"},
		&cli.StringFlag{Name: "warning", Aliases: []string{"w"}, Usage: "warn if the handshake takes a time outside of `RANGE`"},
		&cli.StringFlag{Name: "critical", Aliases: []string{"c"}, Usage: "critical if the handshake takes a time outside of `RANGE`"},
		&cli.StringFlag{Name: "refuse", Aliases: []string{"r"}, Value: "crit", Usage: "`ok|warn|crit`: the state of a port that is refused"},
		&cli.IntFlag{Name: "number", Aliases: []string{"n"}, Value: 1, Usage: "make `N` handshakes, and judge their average"},
		durationFlag("timeout", "t", "10s", "", "be done after `D`, whatever is missing"),
		&cli.StringSliceFlag{Name: "fail-on", Usage: "critical if `FINDING` occurs, by its code in the JSON results; may be repeated"},
		&cli.BoolFlag{Name: "verbose", Aliases: []string{"v"}, Usage: "say more: -v in the line, -vv and -vvv in lines below it"},
	}
	for _, f := range probeFlags() {
		if slices.Contains(sharedFlags, f.Names()[0]) {
			if send, ok := f.(*cli.StringFlag); ok && send.Name == "send" {
				send.Value = "ip" // what an application would see is asked for
			}
			flags = append(flags, f)
		}
	}
	return append(flags,
		&cli.BoolFlag{Name: "help", Aliases: []string{"h"}, Usage: "print this help"},
		&cli.BoolFlag{Name: "version", Aliases: []string{"V"}, Usage: "print the version"},
	)
}

// sharedFlags are the flags of a probe that check has too, with the same meaning.
var sharedFlags = []string{
	"interval", "ipv4", "ipv6", "interface", "source", "source-port", "mark", "send", "close", "ttl", "dscp", "syn", "icmp", "dns", "dns-timeout", "dns-tries",
	"user", "no-sandbox",
}

// runCheck is the program as a monitoring plugin. All that it says is on stdout, what is wrong with its arguments or with
// itself too, and it returns a state as the exit code.
func runCheck(ctx context.Context, version string, args []string, stdout io.Writer) (code int) {
	var said bytes.Buffer
	began, limit := time.Now(), time.Duration(0)
	unknown := func(format string, a ...any) int {
		fmt.Fprintln(&said, nagios.Line(nagios.Unknown, fmt.Sprintf(format, a...)))
		return int(nagios.Unknown)
	}
	defer func() {
		if fault := recover(); fault != nil {
			code = unknown("this is a fault of tcpprobe itself: %v", fault)
		}
		if err := deliver(ctx, stdout, said.Bytes(), began.Add(limit)); err != nil {
			code = int(nagios.Unknown)
		}
	}()
	if !terminal.UTF8() {
		stdout = text.ASCIIWriter(stdout)
	}
	state := nagios.Unknown
	app := &cli.App{
		Name:            checkName,
		HideHelp:        true,
		Version:         version,
		HideVersion:     true,
		HideHelpCommand: true,
		// A comma is no separator: --fail-on is given once for each finding.
		DisableSliceFlagSeparator: true,
		Flags:                     checkFlags(),
		Writer:                    &said, // the library prints the help
		ErrWriter:                 io.Discard,
		OnUsageError:              func(_ *cli.Context, err error, _ bool) error { return tidy(err) },
		ExitErrHandler:            func(*cli.Context, error) {},
		Action: func(c *cli.Context) (err error) {
			limit = duration(c, "timeout")
			state, err = checkTarget(c, &said)
			return err
		},
	}
	app.CustomAppHelpTemplate = checkHelp(app)
	args, err := arrange(args, app)
	if err == nil {
		err = app.RunContext(ctx, append([]string{app.Name}, args...))
	}
	if err != nil {
		return unknown("%v", err)
	}
	return int(state)
}

// deliver writes what the plugin says, and returns an error if that is not done by a time, which is a second from now at the
// least: whoever started the plugin may not read it, and its limit holds all the same. The end of the context leaves it that
// second.
func deliver(ctx context.Context, w io.Writer, text []byte, by time.Time) error {
	const least = time.Second
	written := make(chan error, 1)
	go func() {
		_, err := w.Write(text)
		written <- err
	}()
	ended := ctx.Done()
	late := time.NewTimer(max(time.Until(by), least))
	defer late.Stop()
	for {
		select {
		case err := <-written:
			return err
		case <-late.C:
			return os.ErrDeadlineExceeded
		case <-ended:
			ended = nil
			late.Reset(least)
		}
	}
}

// checkTarget makes the handshakes, and prints what has become of them.
func checkTarget(c *cli.Context, stdout io.Writer) (nagios.State, error) {
	if c.Bool("version") {
		fmt.Fprintf(stdout, "%s %s\n", pluginName, c.App.Version)
		return nagios.Unknown, nil
	}
	o, err := readCheck(c)
	if err != nil {
		return nagios.Unknown, err
	}
	ctx, cancel := context.WithTimeout(c.Context, o.rule.Limit)
	defer cancel()
	var said bytes.Buffer // beside the first line
	results, err := handshakesWith(ctx, o.options, o.target, &said)
	switch {
	case errors.Is(err, os.ErrPermission):
		return nagios.Unknown, errors.New(checkNotPermitted())
	case err != nil:
		return nagios.Unknown, err
	case c.Context.Err() != nil:
		return nagios.Unknown, errors.New("interrupted")
	case len(results) == 0:
		return nagios.Unknown, fmt.Errorf("no time for a handshake in %s", text.Duration(o.rule.Limit))
	}
	if _, err := fmt.Fprint(stdout, o.rule.Line(results), "\n", o.rule.LongOutput(results), said.String()); err != nil {
		return nagios.Unknown, err
	}
	return o.rule.Judge(results), nil
}

// handshakesWith makes the handshakes with a target that the options ask for, and returns their results in the order in which
// they began. What else there is to say is said before.
func handshakesWith(ctx context.Context, o options, t target.Target, said io.Writer) ([]*probe.Result, error) {
	p, err := prober.Open(prober.Options{Interface: o.iface, Mark: o.mark, Resolver: o.resolver, Rate: o.rate, Targets: 1, Record: true,
		ConnectOnly: o.spec.Send == prober.SendConnect})
	if err != nil {
		return nil, err
	}
	defer p.Close()
	if err := o.enterSandbox(said); err != nil {
		return nil, err
	}
	all := &results{}
	p.Submit(prober.One(prober.Request{Target: t, Spec: &o.spec, Observer: all}))
	p.Finish()
	err = p.Run(ctx)
	slices.SortStableFunc(all.ended, func(a, b *probe.Result) int { return a.Seq - b.Seq })
	return all.ended, err
}

// results observes a target by keeping the results.
type results struct{ ended []*probe.Result }

// Event does nothing: what happened is in the results.
func (*results) Event(*probe.Result, *probe.Event) {}

// Result keeps a result.
func (r *results) Result(ended *probe.Result) { r.ended = append(r.ended, ended) }

// Over does nothing.
func (*results) Over() {}

// checkOptions is what the flags of check say.
type checkOptions struct {
	options options // of the probe that makes the handshakes
	target  target.Target
	rule    nagios.Rule
}

// readCheck takes the flags' values, and judges them.
func readCheck(c *cli.Context) (o checkOptions, err error) {
	const most = 1000
	if c.NArg() > 0 {
		return o, fmt.Errorf("%s: check takes flags alone: -H HOST -p PORT", text.Printable(c.Args().First()))
	}
	for _, name := range []string{"hostname", "port"} {
		if c.String(name) == "" {
			return o, fmt.Errorf("--%s is missing: check -H HOST -p PORT -w RANGE -c RANGE, or check --help", name)
		}
	}
	host := c.String("hostname")
	if a, err := netip.ParseAddr(host); err == nil && a.Is6() {
		host = "[" + host + "]"
	}
	rules := target.Rules{Interface: c.String("interface"), IPv4: c.Bool("ipv4"), IPv6: c.Bool("ipv6")}
	if o.target, err = rules.Parse(host + ":" + c.String("port")); err != nil {
		return o, err
	}
	u := &o.rule
	u.Target = o.target.Text
	u.Local = func(r *probe.Result) bool {
		code := exit.CodeOf(r)
		return code == exit.System || code == exit.Configuration
	}
	for name, r := range map[string]**nagios.Range{"warning": &u.Warning, "critical": &u.Critical} {
		if !c.IsSet(name) {
			continue
		}
		parsed, err := nagios.ParseRange(c.String(name))
		if err != nil {
			return o, fmt.Errorf("--%s %w", name, err)
		}
		*r = &parsed
	}
	refuse := c.String("refuse")
	if err := oneOf(refuse, "ok", "warn", "crit"); err != nil {
		return o, fmt.Errorf("--refuse %w", err)
	}
	u.Refused = map[string]nagios.State{"ok": nagios.OK, "warn": nagios.Warning, "crit": nagios.Critical}[refuse]
	if u.Limit = duration(c, "timeout"); u.Limit <= 0 {
		return o, errors.New("--timeout must be more than 0")
	}
	u.Number = c.Int("number")
	if u.Number < 1 || u.Number > most {
		return o, fmt.Errorf("--number %d is not within 1 to %d", u.Number, most)
	}
	if every := duration(c, "interval"); u.Number > 1 && every >= u.Limit/time.Duration(u.Number-1) {
		return o, fmt.Errorf("%d handshakes, one every %s, do not fit into %s: lower --number or --interval, or raise --timeout", u.Number, text.Duration(every), text.Duration(u.Limit))
	}
	u.Verbose = c.Count("verbose")
	for _, code := range c.StringSlice("fail-on") {
		f, err := probe.ParseFinding(code)
		if err != nil {
			return o, fmt.Errorf("--fail-on %w", err)
		}
		u.FailOn = append(u.FailOn, f)
	}
	o.options, err = probeOptions(c, o.rule)
	return o, err
}

// probeOptions returns the options of a probe that makes the handshakes. Its SYNs are sent again as long as there is time, as
// connect(2) would. The time of the check ends them, and no clock of their own beside it.
func probeOptions(c *cli.Context, u nagios.Rule) (o options, err error) {
	const mostRetries = 30
	args := []string{"tcpprobe", fmt.Sprintf("--count=%d", u.Number), fmt.Sprintf("--timeout=%v", u.Limit+time.Hour), fmt.Sprintf("--retries=%d", mostRetries)}
	for _, name := range sharedFlags {
		if c.IsSet(name) || name == "send" {
			args = append(args, fmt.Sprintf("--%s=%v", name, c.Generic(name)))
		}
	}
	flags := &cli.App{
		HideHelp:     true,
		HideVersion:  true,
		Flags:        probeFlags(),
		Writer:       io.Discard,
		ErrWriter:    io.Discard,
		OnUsageError: func(_ *cli.Context, err error, _ bool) error { return tidy(err) },
		Action: func(c *cli.Context) (err error) {
			if o, err = readOptions(c); err == nil {
				err = o.chooseSend(c)
			}
			return err
		},
	}
	err = flags.RunContext(c.Context, args)
	return o, err
}

// checkHelp returns the text of check --help.
func checkHelp(app *cli.App) string {
	var b strings.Builder
	b.WriteString(`check_tcpprobe - monitoring plugin: a TCP handshake, and how long it takes

Usage:
  tcpprobe check -H HOST -p PORT [-w RANGE] [-c RANGE] [-r ok|warn|crit] [-n N]
  check_tcpprobe, a link to tcpprobe, is the same as tcpprobe check.

Example:
  tcpprobe check -H db.example.com -p 5432 -w 100ms -c 500ms

RANGE is [@]START:END, in seconds or with a unit: 0.1 and 0:0.1 alert above
0.1 s, 0.01: below 0.01 s, 0.01:0.5 outside, and @0.01:0.5 inside.

Flags:
`)
	for _, f := range app.Flags {
		helpFlag(&b, f.(cli.DocGenerationFlag))
	}
	b.WriteString(`
Exit status:
  0 OK   1 WARNING   2 CRITICAL: refused, silent, unreachable, no such name
  3 UNKNOWN: wrong arguments, CAP_NET_RAW is missing, a fault of this host
`)
	return b.String()
}
