//go:build linux

// Tcpprobe makes a TCP handshake by hand and tells the truth about it.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"

	"github.com/urfave/cli/v2"

	"tcpprobe/internal/report"
)

// version is set when a release is built: -ldflags "-X main.version=1.2.3".
var version = "0.1.0-dev"

// Exit codes. Those from 64 on are of sysexits.h.
const (
	exitEstablished   = 0
	exitRefused       = 1
	exitTimeout       = 2
	exitUnreachable   = 3
	exitDNS           = 4
	exitNoNextHop     = 5
	exitMixed         = 6
	exitUsage         = 64
	exitSoftware      = 70
	exitSystem        = 71
	exitOutput        = 74
	exitNotPermitted  = 77
	exitConfiguration = 78
	exitInterrupted   = 130
)

func main() {
	// With file capabilities the runtime keeps silent about a panic unless asked not to.
	debug.SetTraceback("single")
	// A reader that has gone is an output that could not be written, not a reason to die without a word.
	signal.Ignore(syscall.SIGPIPE)
	ctx, stop := interruptible()
	code := run(ctx, programArguments(os.Args), os.Stdin, os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// interruptible returns a context that SIGINT or SIGTERM ends. A second one ends the process.
func interruptible() (context.Context, context.CancelFunc) {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop)
	return ctx, stop
}

// run is the program, but for the process around it.
func run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) (code int) {
	defer func() {
		if fault := recover(); fault != nil {
			fmt.Fprintf(stderr, "tcpprobe: this is a fault of tcpprobe itself: %v\n%s", fault, debug.Stack())
			code = exitSoftware
		}
	}()
	if len(args) > 0 && args[0] == checkName {
		return runCheck(ctx, args[1:], stdout)
	}
	out := &output{w: stdout}
	app := newApp(stdin, out, stderr)
	args, err := arrange(args, app)
	if err == nil {
		err = app.RunContext(ctx, append([]string{app.Name}, args...))
	}
	if out.err != nil {
		err = &exitError{exitOutput, fmt.Errorf("cannot write the results: %w", out.err)}
	}
	var exit *exitError
	switch {
	case err == nil:
		return exitEstablished
	case !errors.As(err, &exit):
		exit = &exitError{exitUsage, err}
	}
	if exit.err != nil && !errors.Is(exit.err, syscall.EPIPE) {
		fmt.Fprintf(stderr, "%s: %s\n", app.Name, report.Printable(exit.err.Error()))
	}
	return exit.code
}

// newApp returns the command line.
func newApp(stdin io.Reader, stdout, stderr io.Writer) *cli.App {
	cli.VersionFlag = &cli.BoolFlag{Name: "version", Aliases: []string{"V"}, Usage: "print the version", DisableDefaultText: true}
	cli.HelpFlag = &cli.BoolFlag{Name: "help", Aliases: []string{"h"}, Usage: "print this help", DisableDefaultText: true}
	cli.VersionPrinter = func(c *cli.Context) { fmt.Fprintf(c.App.Writer, "tcpprobe %s\n", c.App.Version) }
	usageError := func(_ *cli.Context, err error, _ bool) error { return &exitError{exitUsage, tidy(err)} }
	app := &cli.App{
		Name:            "tcpprobe",
		Usage:           "make a TCP handshake by hand and tell the truth about it",
		Version:         version,
		HideHelpCommand: true,
		// A comma is no separator: --assert is given once for each assertion.
		DisableSliceFlagSeparator: true,
		Flags:                     probeFlags(),
		Action:                    probeCommand,
		Commands:                  []*cli.Command{traceCommand(), checkCommand(), demoCommand(), schemaCommand(), completionCommand(), doctorCommand()},
		Reader:                    stdin,
		Writer:                    stdout,
		ErrWriter:                 stderr,
		OnUsageError:              usageError,
		ExitErrHandler:            func(*cli.Context, error) {}, // run maps errors to codes
	}
	app.CustomAppHelpTemplate = helpText(app)
	for _, c := range app.Commands {
		c.OnUsageError = usageError
		c.HideHelpCommand = true
	}
	return app
}

// exitError ends the program with a code, and a line on stderr if there is an error.
type exitError struct {
	code int
	err  error
}

func (e *exitError) Error() string {
	if e.err == nil {
		return fmt.Sprintf("exit %d", e.code)
	}
	return e.err.Error()
}

func (e *exitError) Unwrap() error { return e.err }

// usage returns an error for a command line that cannot be understood.
func usage(format string, a ...any) error {
	return &exitError{exitUsage, fmt.Errorf(format, a...)}
}

// output remembers the first error of a writer, and writes nothing after it.
type output struct {
	w   io.Writer
	err error
}

func (o *output) Write(b []byte) (int, error) {
	if o.err != nil {
		return 0, o.err
	}
	n, err := o.w.Write(b)
	o.err = err
	return n, err
}

// outputFailed reports whether writing has failed.
func outputFailed(w io.Writer) bool {
	o, ok := w.(*output)
	return ok && o.err != nil
}
