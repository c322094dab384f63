//go:build linux

package e2e_test

import (
	"bytes"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"tcpprobe/internal/exit"
	"tcpprobe/internal/netlab/labtest"
)

// TestStuckReader: with SIGINT a run ends although nobody reads its results, and says so.
func TestStuckReader(t *testing.T) {
	t.Parallel()
	a, b := labtest.Pair(t)
	serve(t, b, "10.0.0.2:80")
	reader, writer, err := os.Pipe()
	must(t, err)
	defer reader.Close()
	cmd := program(t.Context(), a, "10.0.0.2:80", "-c=0", "-i=1ms", "--json", "--close=rst")
	cmd.Stdout = writer
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	must(t, cmd.Start())
	writer.Close()
	// A pipe that takes no more is one that the program is stuck at.
	for before, now := -1, 0; now != before || now == 0; before, now = now, unread(t, reader) {
		time.Sleep(200 * time.Millisecond)
	}
	began := time.Now()
	must(t, cmd.Process.Signal(syscall.SIGINT))
	cmd.Wait()
	if took := time.Since(began); took > 10*time.Second || cmd.ProcessState.ExitCode() < 0 {
		t.Errorf("it ends %v after SIGINT, with %v: %s", took, cmd.ProcessState, &stderr)
	}
}

// TestStuckReaderOfDryRun: a dry run of many targets waits for its reader, and ends with SIGINT before it is through.
func TestStuckReaderOfDryRun(t *testing.T) {
	t.Parallel()
	a, _ := labtest.Pair(t)
	const targets = 20_000
	list := filepath.Join(t.TempDir(), "targets")
	must(t, os.WriteFile(list, []byte(strings.Repeat("10.0.0.2:7\n", targets)), 0o600))
	reader, writer, err := os.Pipe()
	must(t, err)
	defer reader.Close()
	cmd := program(t.Context(), a, "--dry-run", "--targets", list, "--max-targets=0")
	cmd.Stdout = writer
	must(t, cmd.Start())
	writer.Close()
	for before, now := -1, 0; now != before || now == 0; before, now = now, unread(t, reader) {
		time.Sleep(200 * time.Millisecond)
	}
	held := resident(t, cmd.Process.Pid)
	must(t, cmd.Process.Signal(syscall.SIGINT))
	cmd.Wait()
	const most = 320 << 10 // KiB: with all that it would say it takes 400 MiB and far more under -race, where it takes some 90
	if code := cmd.ProcessState.ExitCode(); code != exit.Output || held > most {
		t.Errorf("exit code %d, %d KiB", code, held)
	}
	// With a reader, it ends in time as well.
	p := start(t, a, "--dry-run", "--targets", list, "--max-targets=0")
	p.await(t, "DRY_RUN")
	must(t, p.cmd.Process.Signal(os.Interrupt))
	r := p.end(t)
	p.seen.Reset() // it is long
	if shown := strings.Count(r.stdout, "DRY_RUN"); r.code != exit.Interrupted || r.stderr != "" || shown == targets {
		t.Errorf("exit code %d, %d targets, stderr %q", r.code, shown, r.stderr)
	}
}

// TestSlowCapture: a reader of --pcap - that sleeps does not hold the handshakes of a series, nor their times.
func TestSlowCapture(t *testing.T) {
	t.Parallel()
	a, b := labtest.Pair(t)
	serve(t, b, "10.0.0.2:80")
	const handshakes = 50
	p := start(t, a, "10.0.0.2:80", "-c=50", "-i=5ms", "--json", "--pcap=-", "--close=rst")
	lines := make(chan []byte, 1)
	go func() {
		all, _ := io.ReadAll(p.stderr) // where the JSON is
		lines <- all
	}()
	time.Sleep(2 * time.Second) // the sleeping reader is what this is about
	if n, err := io.Copy(io.Discard, p.stdout); err != nil || n == 0 {
		t.Errorf("%d octets of capture, %v", n, err)
	}
	all := <-lines
	must(t, p.cmd.Wait())
	var last struct {
		Type  string
		DurNS int64 `json:"duration_ns"`
		Sent  int
	}
	for line := range bytes.Lines(all) {
		if bytes.Contains(line, []byte(`"type":"summary"`)) {
			must(t, json.Unmarshal(line, &last))
		}
	}
	// The capture fills the pipe before the end: the queue keeps the rest.
	if took := time.Duration(last.DurNS); last.Sent != handshakes || took > 1500*time.Millisecond {
		t.Errorf("%d handshakes took %v beside a reader that sleeps for 2 s", last.Sent, took)
	}
}

// unread returns how many octets wait in a pipe.
func unread(t *testing.T, pipe *os.File) (n int) {
	t.Helper()
	conn, err := pipe.SyscallConn()
	must(t, err)
	must(t, conn.Control(func(fd uintptr) { n, err = unix.IoctlGetInt(int(fd), unix.TIOCINQ) }))
	must(t, err)
	return n
}
