//go:build linux

package cli

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

	"tcpprobe/internal/display"
	"tcpprobe/internal/exit"
	"tcpprobe/internal/sandbox"
	"tcpprobe/internal/terminal"
	"tcpprobe/internal/text"
)

// Main runs the program as the process that it is, and returns the exit status.
func Main(version string) int {
	if os.Args[0] == guardName {
		return runGuard()
	}
	args := programArguments(os.Args)
	if err := errors.Join(abortOnDeath(), startPoller()); err != nil {
		return notStarted(err, args, os.Stdout, os.Stderr)
	}
	// Where a file gives CAP_NET_RAW as permitted alone. If it cannot be raised, the sockets do not open, and that is said.
	_ = sandbox.RaiseNetRaw()
	// A reader that has gone is an output that could not be written, not a reason to die without a word.
	signal.Ignore(syscall.SIGPIPE)
	if asksVersion(args) {
		return printVersion(version, os.Stdout, os.Stderr)
	}
	outliveQuit()
	ctx, stop := interruptible()
	code := run(ctx, version, args, os.Stdin, os.Stdout, os.Stderr)
	stop()
	return code
}

// outliveQuit has the process go on at a SIGQUIT, of which the Go runtime dies: it asks how far a run has come (see onQuit), and
// where nothing is to be said of that, nothing is. Programs that are started die of it as ever.
func outliveQuit() { signal.Notify(make(chan os.Signal, 1), syscall.SIGQUIT) }

// interruptible returns a context that SIGINT, SIGTERM or SIGHUP ends. A second one ends the process. A SIGHUP that is
// ignored, as nohup(1) has it, stays so.
func interruptible() (context.Context, context.CancelFunc) {
	ending := []os.Signal{os.Interrupt, syscall.SIGTERM}
	if !signal.Ignored(syscall.SIGHUP) {
		ending = append(ending, syscall.SIGHUP)
	}
	ctx, stop := signal.NotifyContext(context.Background(), ending...)
	context.AfterFunc(ctx, stop)
	return ctx, stop
}

// run is the program, but for the process around it.
func run(ctx context.Context, version string, args []string, stdin io.Reader, stdout, stderr io.Writer) (code int) {
	defer func() {
		if fault := recover(); fault != nil {
			fmt.Fprintf(stderr, "tcpprobe: this is a fault of tcpprobe itself: %v\n%s", fault, debug.Stack())
			code = exit.Software
		}
	}()
	if !terminal.UTF8() {
		stderr = text.ASCIIWriter(stderr)
	}
	if len(args) > 0 && args[0] == checkName {
		return runCheck(ctx, version, args[1:], stdout)
	}
	queue := display.NewQueue()
	out, beside := queue.To(stdout), queue.To(stderr)
	app := newApp(version, stdin, out, beside)
	args, err := arrange(args, app)
	if err == nil {
		err = app.RunContext(ctx, append([]string{app.Name}, args...))
	}
	if unread := queue.Close(ctx); unread != nil {
		err = errors.Join(exit.With(exit.Output, unread), err)
	}
	if unwritten := errors.Join(out.Err(), beside.Err()); unwritten != nil {
		err = exit.With(exit.Output, fmt.Errorf("cannot write the results: %w", unwritten))
	}
	return conclude(err, stderr)
}

// conclude says why the program ended, unless there is nothing to say or nobody to hear it, and returns the exit status.
func conclude(err error, stderr io.Writer) int {
	var ended *exit.Error
	switch {
	case err == nil:
		return exit.Established
	case !errors.As(err, &ended):
		ended = &exit.Error{Code: exit.Usage, Err: err}
	}
	if ended.Err != nil && !errors.Is(ended.Err, syscall.EPIPE) {
		fmt.Fprintf(stderr, "tcpprobe: %s\n", text.Printable(ended.Err.Error()))
	}
	return ended.Code
}

// asksVersion reports whether the version is all that is asked for. It is answered before there is a command line, which
// takes longer to build than all the rest of that run: packages and scripts ask.
func asksVersion(args []string) bool {
	return len(args) == 1 && (args[0] == "--version" || args[0] == "-V")
}

// printVersion prints the version, and returns the exit status.
func printVersion(version string, stdout, stderr io.Writer) int {
	_, err := fmt.Fprintf(stdout, "tcpprobe %s\n", version)
	if err != nil {
		err = exit.With(exit.Output, fmt.Errorf("cannot write the results: %w", err))
	}
	return conclude(err, stderr)
}

// newApp returns the command line.
func newApp(version string, stdin io.Reader, stdout, stderr io.Writer) *cli.App {
	cli.VersionFlag = &cli.BoolFlag{Name: "version", Aliases: []string{"V"}, Usage: "print the version", DisableDefaultText: true}
	cli.HelpFlag = &cli.BoolFlag{Name: "help", Aliases: []string{"h"}, Usage: "print this help", DisableDefaultText: true}
	cli.VersionPrinter = func(c *cli.Context) { fmt.Fprintf(c.App.Writer, "tcpprobe %s\n", c.App.Version) }
	usageError := func(_ *cli.Context, err error, _ bool) error { return exit.With(exit.Usage, tidy(err)) }
	app := &cli.App{
		Name:            "tcpprobe",
		Usage:           "make a TCP handshake by hand and tell the truth about it",
		Version:         version,
		HideHelpCommand: true,
		// A comma is no separator: --assert is given once for each assertion.
		DisableSliceFlagSeparator: true,
		Flags:                     probeFlags(),
		Action:                    probeCommand,
		Commands:                  []*cli.Command{traceCommand(), watchCommand(), checkCommand(), serveCommand(), readCommand(), demoCommand(), schemaCommand(), completionCommand(), doctorCommand()},
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
