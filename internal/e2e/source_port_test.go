//go:build linux

package e2e_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"tcpprobe/internal/exit"
	"tcpprobe/internal/netlab/labtest"
)

// TestOneSourcePort: handshakes with one server that all have to leave from one port take place one after the other.
func TestOneSourcePort(t *testing.T) {
	t.Parallel()
	a, b := labtest.Pair(t)
	for _, test := range []struct {
		args    []string
		refused int
	}{
		{[]string{"10.0.0.2:7", "10.0.0.2:7", "10.0.0.2:7"}, 3},
		{[]string{"10.0.0.2:7", "10.0.0.2:7", "-c3", "-i=1ms"}, 6},
		{[]string{"localhost:7", "localhost:7", "-c3", "-i=1ms"}, 6},
	} {
		l := probeJSON(t, a, append(test.args, "--source-port=5000")...)
		if l.code != exit.Refused || len(l.probes) != test.refused {
			t.Errorf("%q: exit code %d, %d results, want %d of %d refused", test.args, l.code, len(l.probes), exit.Refused, test.refused)
		}
		for _, p := range l.probes {
			if p.Outcome != "refused" || !strings.HasSuffix(p.TCP.Local, ":5000") {
				t.Errorf("%q: %s from %s", test.args, p.Outcome, p.TCP.Local)
			}
		}
	}
	t.Run("many lines", func(t *testing.T) {
		const lines = 500 // more than may wait at once
		list := filepath.Join(t.TempDir(), "targets")
		must(t, os.WriteFile(list, []byte(strings.Repeat("10.0.0.2:7\n", lines)), 0o600))
		r := tcpprobe(t, a, "--targets", list, "--source-port=5000", "--rate=0")
		if r.code != exit.Refused || strings.Count(r.stdout, "REFUSED  10.0.0.2:7") != lines {
			t.Errorf("exit code %d, %d refused, want %d", r.code, strings.Count(r.stdout, "REFUSED  10.0.0.2:7"), lines)
		}
	})
	t.Run("interrupted", func(t *testing.T) {
		labtest.Nft(t, b, silence)
		p := start(t, a, "10.0.0.2:80", "10.0.0.2:80", "--source-port=5000", "-W=20s")
		p.await(t, "SYN      [000010]")
		must(t, p.cmd.Process.Signal(os.Interrupt))
		if r := p.end(t); r.code != exit.Interrupted || strings.Count(r.stdout, "INTERRUPTED  10.0.0.2:80") != 2 || r.stderr != "" {
			t.Errorf("exit code %d, stderr %q\n%s", r.code, r.stderr, r.stdout)
		}
	})
}
