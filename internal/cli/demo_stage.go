//go:build linux

package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/urfave/cli/v2"

	"tcpprobe/internal/exit"
	"tcpprobe/internal/report"
	"tcpprobe/internal/terminal"
)

// demoDrawing is the network of the demo but for the side path of the lost SYN.
const demoDrawing = `
  client ─────── router1 ──── 5 ms ──── router2 ─────── server
  10.1.0.2       10.1.0.1               10.2.0.2        10.3.0.80
`

// stage is where scenes are shown.
type stage struct {
	network     *demoNetwork
	style       report.Style
	out, errors io.Writer
}

// demoScenes shows scenes, one after the other.
func demoScenes(c *cli.Context, n *demoNetwork, selected []scene) error {
	ctx, stop := demoContext(c)
	defer stop()
	st := &stage{n, styleOf(c.App.Writer, options{color: c.String("color")}), c.App.Writer, c.App.ErrWriter}
	begun := time.Now()
	st.print("A network of its own, in namespaces that vanish with this program:\n" + demoDrawing)
	var wrong []string
	for i, s := range selected {
		st.announce(i+1, len(selected), s)
		code, err := st.show(ctx, s)
		switch {
		case ctx.Err() != nil:
			return &exit.Error{Code: exit.Interrupted}
		case outputFailed(st.out):
			return nil // run says so
		case err != nil:
			return exit.With(exit.System, err)
		case code != s.code:
			wrong = append(wrong, fmt.Sprintf("%s with exit code %d, not %d", s.name, code, s.code))
		}
	}
	if wrong != nil {
		return exit.With(exit.Software, fmt.Errorf("not every scene ended as it should: %s", strings.Join(wrong, ", ")))
	}
	if len(selected) > 1 {
		st.print(fmt.Sprintf("\n%d scenes, and each ended as it should, in %.1f s.\n", len(selected), time.Since(begun).Seconds()))
	}
	st.print("\nNext: tcpprobe demo --shell opens a shell on the client.\n")
	return nil
}

// print prints a text, in ASCII where the terminal knows no more.
func (st *stage) print(text string) {
	if !st.style.UTF8 {
		text = strings.ReplaceAll(text, "─", "-")
	}
	fmt.Fprint(st.out, text)
}

// announce says what comes, and which command line it is.
func (st *stage) announce(number, of int, s scene) {
	begin, end := "", ""
	if st.style.Color {
		begin, end = "\x1b[1m", "\x1b[0m" // bold
	}
	command := strings.Join(slices.Concat([]string{"tcpprobe"}, st.network.dns, s.args), " ")
	st.print(fmt.Sprintf("\n%s%d of %d  %s: %s%s\n  %s\n  %s\n\n%s$ %s%s\n",
		begin, number, of, s.name, s.title, end, s.look[0], s.look[1], begin, command, end))
}

// show runs a scene, and returns the exit code with which it ended.
func (st *stage) show(ctx context.Context, s scene) (int, error) {
	args := slices.Concat(st.network.dns, s.args)
	if st.style.Color {
		args = append(args, "--color=always") // its output comes to the terminal through this process
	}
	cmd := st.network.client.Command(ctx, "/proc/self/exe", args...)
	cmd.Args[0] = "tcpprobe"
	cmd.Stdout, cmd.Stderr = st.out, st.errors
	// In a process group of its own it does not hear Ctrl-C from the terminal as well as from us: of two it would die.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	err := cmd.Run()
	if cmd.ProcessState == nil {
		return 0, err
	}
	return cmd.ProcessState.ExitCode(), nil
}

// demoShell runs the user's shell on the client, and ends as it does.
func demoShell(c *cli.Context, n *demoNetwork) error {
	if n.filesErr != nil {
		return exit.With(exit.System, fmt.Errorf("no place to put tcpprobe in the shell's PATH: %w", n.filesErr))
	}
	ctx, stop := demoContext(c)
	defer stop()
	st := &stage{n, styleOf(c.App.Writer, options{color: c.String("color")}), c.App.Writer, c.App.ErrWriter}
	st.print("This shell runs on the client, as its root. With its end the network vanishes.\n" + demoDrawing + "\n")
	for _, name := range demoNames {
		st.print(fmt.Sprintf("  %-22s %-10v %s\n", name.name, name.address, name.about))
	}
	st.print(fmt.Sprintf("\nTry: %s\n\n", strings.Join(slices.Concat([]string{"tcpprobe"}, n.dns, scenes[0].args), " ")))

	shell := os.Getenv("SHELL")
	if shell == "" {
		shell = "/bin/sh"
	}
	cmd := n.client.Command(ctx, shell)
	cmd.Env = append(os.Environ(), "PATH="+demoFiles+":"+os.Getenv("PATH"))
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, terminal.Unwrap(st.out), st.errors
	// Interactive shells do not hear SIGTERM.
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGHUP) }
	err := cmd.Run()
	if cmd.ProcessState == nil && errors.Is(err, os.ErrNotExist) {
		return exit.With(exit.System, fmt.Errorf("no shell: %w", err))
	}
	return ended(err, cmd.ProcessState)
}
