//go:build linux

package e2e_test

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"testing"

	"tcpprobe/internal/cli"
	"tcpprobe/internal/netlab"
	"tcpprobe/internal/netlab/labtest"
)

// envProgram, set to anything, makes the test binary be the program, so that tests run it in the networks they build.
const envProgram = "TCPPROBE_TEST_PROGRAM"

func TestMain(m *testing.M) {
	if os.Getenv(envProgram) != "" {
		os.Exit(cli.Main("0.1.0-dev"))
	}
	labtest.Main(m)
}

// A ran is what a run of the program left.
type ran struct {
	code           int
	stdout, stderr string
}

// program returns the program, to be run on a host.
func program(ctx context.Context, h *netlab.Host, args ...string) *netlab.Cmd {
	cmd := h.Command(ctx, "/proc/self/exe", args...)
	cmd.Env = programEnv()
	return cmd
}

// programEnv returns the environment that makes the test binary be the program, in a locale with UTF-8. The race detector
// would let it wait for a second at its end.
func programEnv() []string {
	return append(os.Environ(), envProgram+"=1", "LC_ALL=C.UTF-8", "GORACE=atexit_sleep_ms=0")
}

// finish runs the program to its end.
func finish(t testing.TB, cmd *netlab.Cmd) ran {
	t.Helper()
	var stdout, stderr bytes.Buffer
	if cmd.Stdout == nil {
		cmd.Stdout = &stdout
	}
	if cmd.Stderr == nil {
		cmd.Stderr = &stderr
	}
	err := cmd.Run()
	if _, ok := errors.AsType[*exec.ExitError](err); err != nil && !ok {
		t.Fatalf("%v: %v", cmd.Args, err)
	}
	r := ran{cmd.ProcessState.ExitCode(), stdout.String(), stderr.String()}
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("%q ends with %v\n%.4000s%s", cmd.Args[1:], cmd.ProcessState, r.stdout, r.stderr)
		}
	})
	return r
}

// tcpprobe runs the program on a host, to its end.
func tcpprobe(t testing.TB, h *netlab.Host, args ...string) ran {
	t.Helper()
	return finish(t, program(t.Context(), h, args...))
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
