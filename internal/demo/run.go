//go:build linux

package demo

import (
	"context"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"syscall"
	"time"

	"tcpprobe/internal/exit"
	"tcpprobe/internal/terminal"
	"tcpprobe/internal/text"
)

// drawing is the network of the demo but for the side path of the lost SYN.
const drawing = `
  client ─────── router1 ──── 5 ms ──── router2 ─────── server
  10.1.0.2       10.1.0.1               10.2.0.2        10.3.0.80
`

// runner runs scenes, and the shell, on a network.
type runner struct {
	network *network
	style   text.Style
	stdout  *output
	stderr  io.Writer
}

func newRunner(n *network, d *Demo) *runner {
	style := text.Style{Color: terminal.Color(d.Stdout, d.Color), UTF8: terminal.UTF8()}
	return &runner{network: n, style: style, stdout: &output{Writer: d.Stdout}, stderr: d.Stderr}
}

// output remembers the first error of a writer.
type output struct {
	io.Writer
	err error
}

// Write writes b.
func (o *output) Write(b []byte) (int, error) {
	n, err := o.Writer.Write(b)
	if o.err == nil {
		o.err = err
	}
	return n, err
}

// runScenes runs scenes, one after the other.
func (r *runner) runScenes(ctx context.Context, scenes []Scene) error {
	began := time.Now()
	r.print("A network of its own, in namespaces that vanish with this program:\n" + drawing)
	var wrong []string
	for i, s := range scenes {
		r.announce(i+1, len(scenes), s)
		if s.host == dualstack && !r.network.ipv6 {
			r.print("This kernel has no IPv6: the scene is left out.\n")
			continue
		}
		code, err := r.run(ctx, s)
		switch {
		case ctx.Err() != nil:
			return &exit.Error{Code: exit.Interrupted}
		case r.stdout.err != nil:
			return exit.With(exit.Output, fmt.Errorf("cannot write the results: %w", r.stdout.err))
		case err != nil:
			return exit.With(exit.System, err)
		case code != s.code:
			wrong = append(wrong, fmt.Sprintf("%s with exit code %d, not %d", s.Name, code, s.code))
		}
	}
	if wrong != nil {
		return exit.With(exit.Software, fmt.Errorf("not every scene ended as it should: %s", strings.Join(wrong, ", ")))
	}
	if len(scenes) > 1 {
		r.print(fmt.Sprintf("\n%d scenes, and each ended as it should, in %.1f s.\n", len(scenes), time.Since(began).Seconds()))
	}
	r.print("\nNext: tcpprobe demo --shell opens a shell on the client.\n")
	return nil
}

// print prints s, in ASCII where the terminal knows no more.
func (r *runner) print(s string) {
	if !r.style.UTF8 {
		s = strings.ReplaceAll(s, "─", "-")
	}
	io.WriteString(r.stdout, s)
}

// announce says what comes, and which command line it is.
func (r *runner) announce(number, of int, s Scene) {
	title := r.style.Paint(text.Bold, fmt.Sprintf("%d of %d  %s: %s", number, of, s.Name, s.Title))
	prompt := "$ "
	if s.host != client {
		prompt = s.host + prompt
	}
	command := r.style.Paint(text.Bold, prompt+r.commandLine(s))
	r.print(fmt.Sprintf("\n%s\n  %s\n  %s\n\n%s\n", title, s.look[0], s.look[1], command))
}

// commandLine returns what a user would type for a scene.
func (r *runner) commandLine(s Scene) string {
	return strings.Join(slices.Concat([]string{"tcpprobe"}, r.network.dns, s.args), " ")
}

// run runs a scene, and returns the exit code with which it ended.
func (r *runner) run(ctx context.Context, s Scene) (int, error) {
	args := slices.Concat(r.network.dns, s.args)
	if r.style.Color {
		args = append(args, "--color=always") // its output comes to the terminal through this process
	}
	cmd := r.network.hosts[s.host].Command(ctx, "/proc/self/exe", args...)
	cmd.Args[0] = "tcpprobe"
	cmd.Stdout, cmd.Stderr = r.stdout, r.stderr
	// In a process group of its own it does not hear Ctrl-C from the terminal as well as from us: of two it would die.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	err := cmd.Run()
	if cmd.ProcessState == nil {
		return 0, err
	}
	return cmd.ProcessState.ExitCode(), nil
}
