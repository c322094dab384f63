//go:build linux

package demo

import (
	"context"
	"fmt"
	"net"
	"os"
	"slices"
	"strings"
	"syscall"

	"tcpprobe/internal/exit"
	"tcpprobe/internal/terminal"
)

// listenerFD is the file descriptor, behind outsideFD, by which the process that is alone with its network has a socket that listens
// outside of it: a browser of the host has no way into the network.
const listenerFD = outsideFD + 1

// listen opens the socket that is served on.
func (d *Demo) listen() (*os.File, error) {
	l, err := net.Listen("tcp", d.Serve)
	if err != nil {
		return nil, exit.With(exit.System, fmt.Errorf("--listen: %w", err))
	}
	defer l.Close() // the file is another descriptor of the socket
	file, err := l.(*net.TCPListener).File()
	if err != nil {
		return nil, exit.With(exit.System, err)
	}
	return file, nil
}

// watched are the targets that the exporter of the demo watches: a life of each kind.
var watched = []string{
	"www.demo.test:80", "www.demo.test:81", "lossy.demo.test:80", "busy.demo.test:80", "reset.demo.test:80", "prohibited.demo.test:80",
	"unreachable.demo.test:80", "silent.demo.test:80", "island.demo.test:80", "nobody.demo.test:80",
}

// runServe runs the exporter on the client, on a socket outside of the network, and ends as it does.
func (r *runner) runServe(ctx context.Context) error {
	if r.network.filesErr != nil {
		return exit.With(exit.System, fmt.Errorf("no place to put the targets: %w", r.network.filesErr))
	}
	const targets = filesDir + "/targets"
	if err := os.WriteFile(targets, []byte(strings.Join(watched, "\n")+"\n"), 0o644); err != nil {
		return exit.With(exit.System, err)
	}
	listener := os.NewFile(listenerFD, "listener")
	defer listener.Close()
	r.print("An exporter on the client of a network of its own, which vanishes with it:\n" + drawing + "\n")
	const inherited = 3 // the first of ExtraFiles
	args := slices.Concat([]string{"serve", "--listen", fmt.Sprintf("fd:%d", inherited), "--targets", targets}, r.network.dns)
	cmd := r.network.hosts[client].Command(ctx, "/proc/self/exe", args...)
	cmd.Args[0] = "tcpprobe"
	cmd.Stdout, cmd.Stderr = terminal.Unwrap(r.stdout.Writer), r.stderr
	cmd.ExtraFiles = []*os.File{listener}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // Ctrl-C comes from us alone
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	err := cmd.Run()
	if ctx.Err() != nil && cmd.ProcessState != nil && cmd.ProcessState.Success() {
		return nil
	}
	return ended(err, cmd.ProcessState)
}
