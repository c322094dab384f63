//go:build linux

package e2e_test

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"tcpprobe/internal/exit"
	"tcpprobe/internal/nagios"
	"tcpprobe/internal/netlab/labtest"
)

// TestQuitGoesOn: SIGQUIT ends nothing, wherever the program is, and where there is somebody to tell it says how far that is.
func TestQuitGoesOn(t *testing.T) {
	t.Parallel()
	a, b := labtest.Pair(t)
	labtest.Nft(t, b, silence)
	t.Run("check", func(t *testing.T) {
		p := start(t, a, "check", "-H10.0.0.2", "-p80", "-t1m")
		until(t, func() bool {
			listens, _ := traces(t, a)
			return listens > 0
		})
		for range 3 {
			must(t, p.cmd.Process.Signal(unix.SIGQUIT))
		}
		must(t, p.cmd.Process.Signal(os.Interrupt))
		onePluginLine(t, p.end(t), nagios.Unknown)
	})
	t.Run("while targets are read", func(t *testing.T) {
		pipe := filepath.Join(t.TempDir(), "pipe")
		must(t, unix.Mkfifo(pipe, 0o600))
		p := start(t, a, "--targets", pipe)
		awaitQuitLine(t, p, pipe, "the targets are being read, and nothing was sent yet\n")
		must(t, os.WriteFile(pipe, []byte("10.0.0.2:7\n"), 0))
		if r := p.end(t); r.code != exit.Refused || !strings.Contains(r.stdout, "REFUSED  10.0.0.2:7") || r.stderr != "" {
			t.Errorf("exit code %d, stdout %q, stderr %q", r.code, r.stdout, r.stderr)
		}
	})
	t.Run("while a capture waits for its reader", func(t *testing.T) {
		pipe := filepath.Join(t.TempDir(), "pipe")
		must(t, unix.Mkfifo(pipe, 0o600))
		p := start(t, a, "--pcap", pipe, "10.0.0.2:7")
		awaitQuitLine(t, p, pipe, "the files are being opened, and nothing was sent yet\n")
		_, err := os.ReadFile(pipe)
		must(t, err)
		if r := p.end(t); r.code != exit.Refused || r.stderr != "" {
			t.Errorf("exit code %d, stdout %q, stderr %q", r.code, r.stdout, r.stderr)
		}
	})
	t.Run("dry run", func(t *testing.T) {
		const targets = 2000 // more than the pipe and the queue have room for
		list := filepath.Join(t.TempDir(), "targets")
		must(t, os.WriteFile(list, []byte(strings.Repeat("10.0.0.2:80\n", targets)), 0o600))
		p := start(t, a, "--dry-run", "--targets", list)
		p.await(t, "DRY_RUN")
		must(t, p.cmd.Process.Signal(unix.SIGQUIT))
		drained := make(chan error, 1)
		go func() {
			_, err := io.Copy(io.Discard, p.stdout)
			drained <- err
		}()
		line, err := p.stderr.ReadString('\n')
		var done int
		if _, scan := fmt.Sscanf(line, "%d of 2000 targets rehearsed", &done); err != nil || scan != nil || done < 1 || done >= targets {
			t.Errorf("interim: %q, %v", line, err)
		}
		must(t, <-drained)
		if r := p.end(t); r.code != exit.Established || r.stderr != "" {
			t.Errorf("exit code %d, stderr %q", r.code, r.stderr)
		}
	})
}

// awaitQuitLine sends SIGQUIT to a program that waits for the other end of a named pipe, and reads what it says.
func awaitQuitLine(t *testing.T, p *running, pipe, want string) {
	t.Helper()
	until(t, func() bool {
		return blocksIn(p.cmd.Process.Pid, "fifo") || blocksIn(p.cmd.Process.Pid, "wait_for_partner")
	})
	must(t, p.cmd.Process.Signal(unix.SIGQUIT))
	if line, err := p.stderr.ReadString('\n'); err != nil || line != want {
		t.Errorf("SIGQUIT, waiting for %s: %q, %v; want %q", pipe, line, err, want)
	}
}
