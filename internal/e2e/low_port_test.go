//go:build linux

package e2e_test

import (
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"tcpprobe/internal/exit"
	"tcpprobe/internal/netlab/labtest"
)

// TestLowPort: a source port that takes a capability has it within the sandbox, and names it where it is missing.
func TestLowPort(t *testing.T) {
	t.Parallel()
	a, _ := labtest.Pair(t)
	withoutBind := func() error { return unix.Prctl(unix.PR_CAPBSET_DROP, unix.CAP_NET_BIND_SERVICE, 0, 0, 0) }
	for _, args := range [][]string{{}, {"--send=ip"}, {"--send=connect"}, {"--send=connect", "--no-sandbox"}} {
		args = append(args, "--source-port=80", "10.0.0.2:7")
		if r := runPrepared(t, a, func() error { return nil }, args...); r.code != exit.Refused {
			t.Errorf("%q: exit code %d, stderr %q, stdout\n%s", args, r.code, r.stderr, r.stdout)
		}
		r := runPrepared(t, a, withoutBind, args...)
		if r.code != exit.System || !strings.Contains(r.stdout, "port 80 takes CAP_NET_BIND_SERVICE (") {
			t.Errorf("%q: exit code %d, stderr %q, stdout\n%s", args, r.code, r.stderr, r.stdout)
		}
	}
}
