//go:build linux

package e2e_test

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"tcpprobe/internal/netlab/labtest"
)

// wrongAttacks are those that still succeed. The list can only get shorter: a script that is right, and listed, fails.
var wrongAttacks = []string{}

// TestCases runs situations out of the bug reports of others, in $TCPPROBE_CASES or in the folder shared/cases beside the
// module. Each is a script that builds its own network, and exits with 0 where the program says what is so.
func TestCases(t *testing.T) { runScripts(t, "cases", "TCPPROBE_CASES", nil) }

// TestAttacks does the same with what somebody who means ill may try, in $TCPPROBE_ATTACKS or in shared/attacks.
func TestAttacks(t *testing.T) { runScripts(t, "attacks", "TCPPROBE_ATTACKS", wrongAttacks) }

// scriptLimit is how long a script may take. The longest takes a quarter of a minute.
const scriptLimit = 2 * time.Minute

// runScripts runs the scripts of a folder, as many side by side as there are processors.
func runScripts(t *testing.T, name, variable string, wrong []string) {
	labtest.Need(t)
	folder := os.Getenv(variable)
	if folder == "" {
		folder = filepath.Join("..", "..", "..", "shared", name)
	}
	scripts, err := filepath.Glob(filepath.Join(folder, "[0-9]*.sh"))
	must(t, err)
	if len(scripts) == 0 {
		t.Skipf("SKIPPED: there are no scripts in %s; set %s to a folder with them", folder, variable)
	}
	binary := build(t)
	for _, script := range scripts {
		name := strings.TrimSuffix(filepath.Base(script), ".sh")
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			listed := slices.Contains(wrong, name)
			said, code := runScript(t, script, binary)
			// Its servers have a second to start in. On a busy machine they take longer, and then it is about nothing.
			for again := 0; again < 2 && (code > 1 || code == 1 && !listed); again++ {
				t.Logf("once more, after exit code %d:\n%s", code, said)
				said, code = runScript(t, script, binary)
			}
			switch {
			case code != 0 && code != 1:
				t.Errorf("exit code %d: its network is broken\n%s", code, said)
			case code == 1 && !listed:
				t.Errorf("wrong:\n%s", said)
			case code == 0 && listed:
				t.Error("it is right by now: take it off the list of those that are wrong")
			}
		})
	}
}

// runScript runs a script to its end, in a mount namespace of its own: named network namespaces that it does not take down
// are gone with it.
func runScript(t *testing.T, script, binary string) (said string, code int) {
	t.Helper()
	script, err := filepath.Abs(script)
	must(t, err)
	ctx, cancel := context.WithTimeout(t.Context(), scriptLimit)
	defer cancel()
	cmd := exec.CommandContext(ctx, "bash", "-c", `mount -t tmpfs none /run && exec bash "$0"`, script)
	cmd.Env = append(os.Environ(), "TCPPROBE="+binary, "TMPDIR="+t.TempDir(), "LC_ALL=C.UTF-8")
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Unshareflags: syscall.CLONE_NEWNS, // which makes the mounts private too
		Setpgid:      true,
		Pdeathsig:    syscall.SIGKILL,
	}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	cmd.WaitDelay = time.Second
	out, err := cmd.CombinedOutput()
	if cmd.ProcessState == nil {
		t.Fatal(err)
	}
	if ctx.Err() != nil {
		t.Errorf("not done after %v", scriptLimit)
	}
	return string(out), cmd.ProcessState.ExitCode()
}

// build builds the program as users have it: the race detector would change what the scripts measure.
func build(t *testing.T) (path string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "tcpprobe")
	cmd := exec.Command("go", "build", "-o", path, "tcpprobe")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %v\n%s", cmd, err, out)
	}
	return path
}
