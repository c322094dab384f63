//go:build linux

package demo

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"runtime"
	"syscall"

	"golang.org/x/sys/unix"

	"tcpprobe/internal/doctor"
	"tcpprobe/internal/exit"
	"tcpprobe/internal/netlab"
	"tcpprobe/internal/terminal"
)

// Demo is a run of the demo.
type Demo struct {
	Scenes         []Scene  // to be shown, in this order; of a shell none is
	Shell          string   // the host of the network on which a shell is run instead; "" for none
	Serve          string   // the address outside of the network on which an exporter is served instead; "" for none
	Color          string   // "auto", "always" or "never"
	Args           []string // of this process, which starts itself again with them: os.Args
	Stdout, Stderr io.Writer
}

// Run shows the scenes, or runs the shell, until they end or the context does. The error is an *exit.Error.
//
// It starts this program once more, in namespaces in which that may build networks, and which vanish with it.
func (d *Demo) Run(ctx context.Context) error {
	if !inNamespaces() {
		return d.restart(ctx)
	}
	// From here on this process is alone with its network.
	n, err := newNetwork()
	switch {
	case errors.Is(err, os.ErrPermission):
		return noUserNamespace(err)
	case err != nil:
		return exit.With(exit.System, err)
	}
	defer n.close()
	ctx, stop := d.notify(ctx)
	defer stop()
	r := newRunner(n, d)
	switch {
	case d.Shell != "":
		return r.runShell(ctx, d.Shell)
	case d.Serve != "":
		return r.runServe(ctx)
	}
	return r.runScenes(ctx, d.Scenes)
}

// outsideFD is the file descriptor by which the process that is started to be alone with its network has the mount namespace
// of the one that started it. An environment variable would be a mark that root may inherit from somebody else, and mounts of
// the host would be covered.
const outsideFD = 3

const mountNamespace = "/proc/self/ns/mnt"

// inNamespaces reports whether this process was started to be alone with its network, and closes the descriptor that says so.
func inNamespaces() bool {
	var system unix.Statfs_t
	if err := unix.Fstatfs(outsideFD, &system); err != nil || system.Type != unix.NSFS_MAGIC {
		return false
	}
	kind, err := unix.IoctlRetInt(outsideFD, unix.NS_GET_NSTYPE)
	if err != nil || kind != unix.CLONE_NEWNS {
		return false
	}
	var outside, here unix.Stat_t
	if unix.Fstat(outsideFD, &outside) != nil || unix.Stat(mountNamespace, &here) != nil || here.Ino == outside.Ino {
		return false
	}
	unix.Close(outsideFD)
	return doctor.InUserNamespace()
}

// restart runs this program again, with the same arguments, where it may build networks, and ends as it does.
func (d *Demo) restart(ctx context.Context) error {
	outside, err := os.Open(mountNamespace)
	if err != nil {
		return exit.With(exit.System, err)
	}
	defer outside.Close()
	// After a file capability came with execve(2), the kernel would not let us write the user mapping of our own child.
	if err := unix.Prctl(unix.PR_SET_DUMPABLE, 1, 0, 0, 0); err != nil {
		return exit.With(exit.System, os.NewSyscallError("prctl", err))
	}
	// The end of the thread that forks ends the child: it must not be one that the runtime can do without.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()

	ctx, stop := d.notify(ctx)
	defer stop()
	cmd := exec.CommandContext(ctx, "/proc/self/exe", d.Args[1:]...)
	cmd.Args[0] = d.Args[0]
	cmd.ExtraFiles = []*os.File{outside} // the first is outsideFD
	if d.Serve != "" {
		listener, err := d.listen()
		if err != nil {
			return err
		}
		defer listener.Close()
		cmd.ExtraFiles = append(cmd.ExtraFiles, listener) // listenerFD
	}
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, terminal.Unwrap(d.Stdout), d.Stderr
	cmd.SysProcAttr = netlab.UserNamespace()
	cmd.SysProcAttr.Pdeathsig = syscall.SIGKILL
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	if err := cmd.Start(); err != nil {
		return noUserNamespace(err)
	}
	return ended(cmd.Wait(), cmd.ProcessState)
}

// notify returns a context that ends when the demo is to end. Other than that of the program it bears a second signal, for
// Ctrl-C comes from the terminal and once more from the process outside of the namespaces. A shell has the interrupts of
// its terminal to itself.
func (d *Demo) notify(ctx context.Context) (context.Context, context.CancelFunc) {
	if d.Shell == "" {
		return signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM)
	}
	// Ignoring them would be inherited by the shell.
	interrupts := make(chan os.Signal, 1)
	signal.Notify(interrupts, os.Interrupt, syscall.SIGQUIT)
	ctx, stop := signal.NotifyContext(context.WithoutCancel(ctx), syscall.SIGTERM, syscall.SIGHUP)
	return ctx, func() {
		stop()
		signal.Stop(interrupts)
	}
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
