//go:build linux

package e2e_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"tcpprobe/internal/exit"
	"tcpprobe/internal/netlab/labtest"
)

// TestFewDescriptors: however few descriptors there are, the process ends by its own choice.
func TestFewDescriptors(t *testing.T) {
	a, _ := labtest.Pair(t)
	// The folder of the test binary may be closed to an ordinary user, and a shell has another /proc/self/exe.
	program, err := os.ReadFile("/proc/self/exe")
	must(t, err)
	self := filepath.Join(t.TempDir(), "tcpprobe")
	must(t, os.WriteFile(self, program, 0o755))
	for n := 4; n <= 16; n++ {
		for _, test := range []struct {
			args []string
			code int
		}{
			{[]string{"-q", "10.0.0.2:9"}, exit.System},
			{[]string{"check", "-H", "10.0.0.2", "-p", "9"}, 3},
		} {
			script := fmt.Sprintf("ulimit -n %d; exec \"$0\" \"$@\"", n)
			cmd := a.Command(t.Context(), "/bin/bash", append([]string{"-c", script, self}, test.args...)...)
			cmd.Env = programEnv()
			r := finish(t, cmd)
			enough := r.code == exit.Refused || r.code == 2 && test.args[0] == "check"
			if r.code != test.code && !(n > 12 && enough) || strings.Contains(r.stderr, "goroutine") {
				t.Errorf("%d descriptors, %q: exit %d\n%s%s", n, test.args, r.code, r.stdout, r.stderr)
			}
		}
	}
}
