//go:build linux

package e2e_test

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"tcpprobe/internal/netlab"
)

// A running is the program while it runs.
type running struct {
	cmd    *netlab.Cmd
	stdout *bufio.Reader
	stderr *bufio.Reader
	seen   strings.Builder // of stdout
}

// start starts the program on a host.
func start(t *testing.T, h *netlab.Host, args ...string) *running {
	t.Helper()
	return startFrom(t, h, nil, args...)
}

// startFrom is start with a file as standard input, which is the program's own from then on; nil for none.
func startFrom(t *testing.T, h *netlab.Host, stdin *os.File, args ...string) *running {
	t.Helper()
	p := &running{cmd: program(t.Context(), h, args...)}
	if stdin != nil {
		p.cmd.Stdin = stdin
		defer stdin.Close()
	}
	stdout, err := p.cmd.StdoutPipe()
	must(t, err)
	stderr, err := p.cmd.StderrPipe()
	must(t, err)
	must(t, p.cmd.Start())
	p.stdout, p.stderr = bufio.NewReader(stdout), bufio.NewReader(stderr)
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("%q ends with %v\n%s", args, p.cmd.ProcessState, &p.seen)
		}
	})
	return p
}

// await reads stdout up to the line that holds the words.
func (p *running) await(t *testing.T, words string) {
	t.Helper()
	for {
		line, err := p.stdout.ReadString('\n')
		p.seen.WriteString(line)
		if err != nil {
			t.Fatalf("no line holds %q: %v", words, err)
		}
		if strings.Contains(line, words) {
			return
		}
	}
}

// end waits for the end of the program.
func (p *running) end(t *testing.T) ran {
	t.Helper()
	_, err := io.Copy(&p.seen, p.stdout)
	must(t, err)
	stderr, err := io.ReadAll(p.stderr)
	must(t, err)
	p.cmd.Wait() // the exit code is looked at instead
	return ran{p.cmd.ProcessState.ExitCode(), p.seen.String(), string(stderr)}
}

// runPrepared runs the program on a host, after something was done to the thread that starts it.
func runPrepared(t *testing.T, h *netlab.Host, prepare func() error, args ...string) ran {
	t.Helper()
	var stdout, stderr strings.Builder
	cmd := exec.CommandContext(t.Context(), "/proc/self/exe", args...)
	cmd.Env = programEnv()
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	must(t, h.Do(func() error {
		if err := prepare(); err != nil {
			return err
		}
		cmd.Run() // the exit code is looked at instead
		return nil
	}))
	if cmd.ProcessState == nil {
		t.Fatalf("%q did not start", args)
	}
	return ran{cmd.ProcessState.ExitCode(), stdout.String(), stderr.String()}
}

// until waits for a condition.
func until(t *testing.T, condition func() bool) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); !condition(); {
		if time.Now().After(deadline) {
			t.Fatal("it did not come about within 20 s")
		}
	}
}

// traces counts the listening TCP sockets and the packet sockets of a host.
func traces(t *testing.T, h *netlab.Host) (listens, packets int) {
	t.Helper()
	must(t, h.Do(func() error {
		for _, name := range []string{"tcp", "tcp6"} {
			tcp, err := os.ReadFile("/proc/thread-self/net/" + name)
			if err != nil {
				return err
			}
			const listening = "0A"
			for line := range strings.Lines(string(tcp)) {
				if fields := strings.Fields(line); len(fields) > 3 && fields[3] == listening {
					listens++
				}
			}
		}
		packet, err := os.ReadFile("/proc/thread-self/net/packet")
		packets = strings.Count(string(packet), "\n") - 1
		return err
	}))
	return listens, packets
}

// blocksIn reports whether a thread of a process waits in a function of the kernel whose name holds the words.
func blocksIn(pid int, words string) bool {
	threads, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/wchan", pid))
	return slices.ContainsFunc(threads, func(name string) bool {
		where, _ := os.ReadFile(name) // a thread that is gone waits for nothing
		return strings.Contains(string(where), words)
	})
}
