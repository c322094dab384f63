//go:build linux

package e2e_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"tcpprobe/internal/exit"
	"tcpprobe/internal/netlab/labtest"
)

func TestOutputFails(t *testing.T) {
	t.Parallel()
	a, _ := labtest.Pair(t)
	for _, args := range [][]string{{"10.0.0.2:7"}, {"10.0.0.2:7", "--json"}, {"10.0.0.2:7", "-c=0", "-i=10ms"}, {"10.0.0.2:7", "-c=0", "-i=10ms", "--json"}, {"10.0.0.99:7", "10.0.0.99:8"}, {"--help"}, {"--version"}, {"schema"}, {"completion", "bash"}, {"doctor"}} {
		full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
		must(t, err)
		cmd := program(t.Context(), a, args...)
		cmd.Stdout = full
		r := finish(t, cmd)
		full.Close()
		if want := "tcpprobe: cannot write the results: "; r.code != exit.Output || strings.Count(r.stderr, "\n") != 1 || !strings.HasPrefix(r.stderr, want) || !strings.Contains(r.stderr, "no space left on device") {
			t.Errorf("%q > /dev/full: exit code %d, stderr %q", args, r.code, r.stderr)
		}

		reader, writer, err := os.Pipe()
		must(t, err)
		reader.Close()
		cmd = program(t.Context(), a, args...)
		cmd.Stdout = writer
		r = finish(t, cmd)
		writer.Close()
		if r.code != exit.Output || strings.Contains(r.stderr, "panic") || strings.Count(r.stderr, "\n") > 1 {
			t.Errorf("%q | nobody: exit code %d, stderr %q", args, r.code, r.stderr)
		}
	}
}

// TestFileFails: a file that cannot be written is told of once, also if that shows before the first packet.
func TestFileFails(t *testing.T) {
	t.Parallel()
	a, _ := labtest.Pair(t)
	for flag, stdout := range map[string]string{"--pcap=/dev/full": "", "--diagram=/dev/full": "REFUSED  10.0.0.2:7"} {
		r := tcpprobe(t, a, "10.0.0.2:7", flag)
		want := "tcpprobe: cannot write /dev/full: write /dev/full: no space left on device\n"
		if r.code != exit.Output || r.stderr != want || !strings.Contains(r.stdout, stdout) {
			t.Errorf("%s: exit code %d, stdout %q, stderr %q", flag, r.code, r.stdout, r.stderr)
		}
	}
}

// TestTextFails: where the capture has stdout, text that cannot be written to stderr is a failure too.
func TestTextFails(t *testing.T) {
	t.Parallel()
	a, _ := labtest.Pair(t)
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	must(t, err)
	defer full.Close()
	cmd := program(t.Context(), a, "10.0.0.2:7", "--pcap=-")
	cmd.Stderr = full
	if r := finish(t, cmd); r.code != exit.Output {
		t.Errorf("exit code %d, want %d", r.code, exit.Output)
	}
}

// TestTargetsChange: a file that becomes unreadable in the middle of a run is told of, whatever ended before.
func TestTargetsChange(t *testing.T) {
	t.Parallel()
	a, _ := labtest.Pair(t)
	list := filepath.Join(t.TempDir(), "targets")
	const lines = 1000 // far more than are read ahead
	must(t, os.WriteFile(list, []byte(strings.Repeat("10.0.0.2:7 # discard\n", lines)), 0o600))
	p := start(t, a, "--targets", list, "--rate=200", "-i=1h")
	p.await(t, "REFUSED")
	must(t, os.WriteFile(list, []byte(strings.Repeat("this is no target :\n", lines)), 0o600))
	r := p.end(t)
	if r.code != exit.Usage || strings.Count(r.stderr, "\n") != 1 || !strings.Contains(r.stderr, list+" line ") {
		t.Errorf("exit code %d, stderr %q", r.code, r.stderr)
	}
}

// TestDiagramOnStdout: the drawing is alone there.
func TestDiagramOnStdout(t *testing.T) {
	t.Parallel()
	a, _ := labtest.Pair(t)
	r := tcpprobe(t, a, "10.0.0.2:7", "--diagram=-")
	if r.code != exit.Refused || !strings.HasPrefix(r.stdout, "<svg ") || !strings.HasSuffix(r.stdout, "</svg>\n") || !strings.Contains(r.stderr, "REFUSED  10.0.0.2:7") {
		t.Errorf("exit code %d, stderr\n%s", r.code, r.stderr)
	}
}

// TestFailureEndsTheSeries: what fails before a segment left, and is the last, is not waited for.
func TestFailureEndsTheSeries(t *testing.T) {
	t.Parallel()
	alone := newHost(t)
	begun := time.Now()
	r := tcpprobe(t, alone, "192.0.2.1:80", "-I=nosuch", "-i=1h")
	if took := time.Since(begun); r.code != exit.System || took > 30*time.Second {
		t.Errorf("exit code %d after %v, want %d at once", r.code, took, exit.System)
	}
}
