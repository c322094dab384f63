//go:build linux

package cli

import (
	"bytes"
	"context"
	"os"
	"strings"
	"testing"

	"tcpprobe/internal/exit"
	"tcpprobe/internal/netlab/labtest"
	"tcpprobe/internal/text"
)

func TestMain(m *testing.M) {
	if way := os.Getenv(envDeath); way != "" {
		die(way)
	}
	labtest.Main(m)
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestProgramArguments(t *testing.T) {
	for _, test := range []struct{ args, want string }{
		{"", ""}, {"tcpprobe", ""}, {"tcpprobe -v x:1", "-v x:1"}, {"check_tcpprobe", "check"}, {"./check_tcpprobe -H x", "check -H x"},
		{"/usr/lib/check_tcpprobe/tcpprobe x:1", "x:1"},
	} {
		if got := strings.Join(programArguments(strings.Fields(test.args)), " "); got != test.want {
			t.Errorf("%q: %q, want %q", test.args, got, test.want)
		}
	}
}

func TestDoctorTakesNoArguments(t *testing.T) {
	var stdout, stderr bytes.Buffer
	code := run(context.Background(), "0.1.0-dev", []string{"doctor", "example.com:80"}, nil, &stdout, &stderr)
	if code != exit.Usage || stdout.Len() != 0 || strings.Count(stderr.String(), "\n") != 1 {
		t.Errorf("exit code %d, stdout %q, stderr %q; want %d, nothing, one line", code, &stdout, &stderr, exit.Usage)
	}
}

// TestHelpWidth: the help of every command begins with what it is, and fits into 80 columns.
func TestHelpWidth(t *testing.T) {
	for _, command := range []string{"", "trace", "watch", "check", "serve", "read", "demo", "schema", "completion", "doctor"} {
		var stdout, stderr bytes.Buffer
		run(context.Background(), "0.1.0-dev", append(strings.Fields(command), "--help"), nil, &stdout, &stderr)
		if want := strings.TrimSpace("tcpprobe " + command); command != "check" && !strings.HasPrefix(stdout.String(), want+" - ") || stderr.Len() > 0 {
			t.Errorf("%s --help begins with %.40q, stderr %q", command, stdout.String(), stderr.String())
		}
		for line := range strings.Lines(stdout.String()) {
			if n := text.Columns(strings.TrimRight(line, "\n")); n > text.Width {
				t.Errorf("%s --help has a line of %d columns: %s", command, n, line)
			}
		}
	}
}
