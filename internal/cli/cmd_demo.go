//go:build linux

package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"runtime"
	"syscall"

	"github.com/urfave/cli/v2"
	"golang.org/x/sys/unix"

	"tcpprobe/internal/doctor"
	"tcpprobe/internal/exit"
	"tcpprobe/internal/netlab"
	"tcpprobe/internal/terminal"
	"tcpprobe/internal/text"
)

// demoCommand shows the journey on a network of its own.
func demoCommand() *cli.Command {
	return &cli.Command{
		Name:      "demo",
		Usage:     "the whole journey on a network of its own: no server, no set-up, no root",
		ArgsUsage: sceneNames("|"),
		Flags: []cli.Flag{
			&cli.BoolFlag{Name: "list", Usage: "name the scenes"},
			&cli.BoolFlag{Name: "shell", Usage: "open a shell on the network's client"},
		},
		Action: demo,
	}
}

func demo(c *cli.Context) error {
	selected := scenes
	switch name := c.Args().First(); {
	case c.NArg() > 1:
		return exit.UsageError("demo takes one scene, or none for all of them")
	case c.NArg() == 1 && c.Bool("shell"):
		return exit.UsageError("demo --shell takes no scene")
	case c.NArg() == 1:
		s, ok := findScene(name)
		if !ok {
			return exit.UsageError("there is no scene %s: one of %s is wanted", text.Printable(name), sceneNames(", "))
		}
		selected = []scene{s}
	}
	if c.Bool("list") {
		for _, s := range selected {
			fmt.Fprintf(c.App.Writer, "%-*s  %s\n", sceneNameWidth, s.name, s.title)
		}
		return nil
	}
	if !inDemo() {
		return restartInNamespaces(c)
	}
	// From here on this process is alone with its network. The mark is not for the processes that it starts.
	os.Unsetenv(envDemo)
	n, err := newDemoNetwork()
	switch {
	case errors.Is(err, os.ErrPermission):
		return noUserNamespace(err)
	case err != nil:
		return exit.With(exit.System, err)
	}
	defer n.close()
	if c.Bool("shell") {
		return demoShell(c, n)
	}
	return demoScenes(c, n, selected)
}

// envDemo holds, for the process that was started to be alone with its network, the mount namespace that it was started
// from. Whoever is still in that one, is not alone.
const envDemo = "TCPPROBE_DEMO"

const mountNamespace = "/proc/self/ns/mnt"

func inDemo() bool {
	outside := os.Getenv(envDemo)
	here, err := os.Readlink(mountNamespace)
	return outside != "" && err == nil && here != outside
}

// restartInNamespaces runs this program again, with the same arguments, where it may build networks, and ends as it
// does.
func restartInNamespaces(c *cli.Context) error {
	outside, err := os.Readlink(mountNamespace)
	if err != nil {
		return exit.With(exit.System, err)
	}
	// After a file capability came with execve(2), the kernel would not let us write the user mapping of our own child.
	if err := unix.Prctl(unix.PR_SET_DUMPABLE, 1, 0, 0, 0); err != nil {
		return exit.With(exit.System, os.NewSyscallError("prctl", err))
	}
	// The end of the thread that forks ends the child: it must not be one that the runtime can do without.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()

	ctx, stop := demoContext(c)
	defer stop()
	cmd := exec.CommandContext(ctx, "/proc/self/exe", os.Args[1:]...)
	cmd.Args[0] = os.Args[0]
	cmd.Env = append(os.Environ(), envDemo+"="+outside)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, terminal.Unwrap(c.App.Writer), c.App.ErrWriter
	cmd.SysProcAttr = netlab.UserNamespace()
	cmd.SysProcAttr.Pdeathsig = syscall.SIGKILL
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	if err := cmd.Start(); err != nil {
		return noUserNamespace(err)
	}
	return ended(cmd.Wait(), cmd.ProcessState)
}

// demoContext returns a context that ends when the demo is to end. Other than that of the program it bears a second
// signal, for Ctrl-C comes from the terminal and once more from the process outside of the namespaces. A shell has the
// interrupts of its terminal to itself.
func demoContext(c *cli.Context) (context.Context, context.CancelFunc) {
	if !c.Bool("shell") {
		return signal.NotifyContext(c.Context, os.Interrupt, syscall.SIGTERM)
	}
	// Ignoring them would be inherited by the shell.
	signal.Notify(make(chan os.Signal, 1), os.Interrupt, syscall.SIGQUIT)
	return signal.NotifyContext(context.WithoutCancel(c.Context), syscall.SIGTERM, syscall.SIGHUP)
}

// noUserNamespace is the error of a demo that cannot have a network.
func noUserNamespace(err error) error {
	return exit.With(exit.NotPermitted, fmt.Errorf("no user namespace for the network of the demo: %s", doctor.WhyNoUserNamespace(err)))
}

// ended returns the exit code of a process that was waited for as an error, which is nil for 0.
func ended(err error, state *os.ProcessState) error {
	const killed = 128 // plus the signal, as shells have it
	if state == nil {
		return exit.With(exit.System, err)
	}
	code := state.ExitCode()
	if status := state.Sys().(syscall.WaitStatus); status.Signaled() {
		code = killed + int(status.Signal())
	}
	if code == 0 {
		return nil
	}
	return &exit.Error{Code: code}
}
