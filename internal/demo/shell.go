//go:build linux

package demo

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"syscall"

	"tcpprobe/internal/exit"
	"tcpprobe/internal/terminal"
)

// hosts are those of the network that a shell may run on, from the client to the servers.
var hosts = []struct{ name, about string }{
	{client, "10.1.0.2, where tcpprobe is"},
	{dualstack, "10.9.0.2 and 2001:db8:1::2, where tcpprobe has both families"},
	{"router1", "10.1.0.1, 10.2.0.1 and 10.9.0.1"},
	{"router2", "10.2.0.2, 10.3.0.1 and 10.4.0.1"},
	{"server", "10.3.0.80 to 10.3.0.84, " + server6 + ", and the name server, 10.3.0.53"},
	{"lossy", "10.4.0.80"},
}

// Hosts returns the names of the hosts that a shell may run on, the client first.
func Hosts() []string {
	var all []string
	for _, h := range hosts {
		all = append(all, h.name)
	}
	return all
}

// IsHost reports whether a shell may run on a host of that name.
func IsHost(name string) bool { return slices.Contains(Hosts(), name) }

// runShell runs the user's shell on a host, and ends as it does.
func (r *runner) runShell(ctx context.Context, host string) error {
	if r.network.filesErr != nil {
		return exit.With(exit.System, fmt.Errorf("no place to put tcpprobe in the shell's PATH: %w", r.network.filesErr))
	}
	r.print(fmt.Sprintf("This shell runs on %s, as its root. With its end the network vanishes.\n", host) + drawing + "\n")
	for _, name := range names {
		r.print(fmt.Sprintf("  %-22s %-10s %s\n", name.name, name.addresses[len(name.addresses)-1], name.about))
	}
	r.print(fmt.Sprintf("\nTry: %s\n\n", r.commandLine(scenes[0])))

	shell := os.Getenv("SHELL")
	if shell == "" {
		shell = "/bin/sh"
	}
	args, env := prompting(shell, host)
	cmd := r.network.hosts[host].Command(ctx, shell, args...)
	cmd.Env = append(os.Environ(), append(env, "PATH="+filesDir+":"+os.Getenv("PATH"))...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, terminal.Unwrap(r.stdout.Writer), r.stderr
	// Interactive shells do not hear SIGTERM.
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGHUP) }
	err := cmd.Run()
	if cmd.ProcessState == nil && errors.Is(err, os.ErrNotExist) {
		return exit.With(exit.System, fmt.Errorf("no shell: %w", err))
	}
	return ended(err, cmd.ProcessState)
}

// prompting returns the arguments and the environment with which a shell's prompt says which host it is on. Startup files
// set prompts, too: bash reads one of ours behind the user's, and others take what the environment says, if they do.
func prompting(shell, host string) (args, env []string) {
	prompt := "demo:" + host + "# "
	env = []string{"PS1=" + prompt}
	if filepath.Base(shell) != "bash" {
		return nil, env
	}
	script := "[ ! -r ~/.bashrc ] || . ~/.bashrc\nPS1='" + prompt + "'\nunset PROMPT_COMMAND HISTFILE\n" +
		"PATH=" + filesDir + ":$PATH\nsource <(tcpprobe completion bash)\n"
	if err := os.WriteFile(bashrc, []byte(script), 0o644); err != nil {
		return nil, env
	}
	return []string{"--rcfile", bashrc}, env
}

// bashrc is the startup file of bash in the demo.
const bashrc = filesDir + "/bashrc"
