//go:build linux

package e2e_test

import (
	"os"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"tcpprobe/internal/exit"
	"tcpprobe/internal/netlab/labtest"
)

// noPadding drops what is longer than a SYN without padding.
const noPadding = `table ip short {
	chain input {
		type filter hook input priority filter
		ip length > 60 drop
	}
}`

// TestTraceEndsAtOnce: whatever a trace waits for, a signal ends it with what is known by then.
func TestTraceEndsAtOnce(t *testing.T) {
	t.Parallel()
	a, b := labtest.Pair(t)
	sink, err := b.ListenPacket("udp4", "10.0.0.2:53")
	must(t, err)
	defer sink.Close()
	labtest.Nft(t, b, silence)
	labtest.Nft(t, b, noPadding)
	for _, test := range []struct {
		args  []string
		await string
	}{
		{[]string{"--dns=10.0.0.2", "www.lab.test:80"}, "we ask 10.0.0.2 for"},
		{[]string{"10.0.0.99:80"}, "who has 10.0.0.99"},
		{[]string{"10.0.0.2:7", "--mtu"}, "RST"},
		{[]string{"10.0.0.2:7", "-c=1000"}, "RST"},
	} {
		p := start(t, a, append([]string{"trace", "--explain", "-W=20s"}, test.args...)...)
		p.await(t, test.await)
		must(t, p.cmd.Process.Signal(unix.SIGTERM))
		code := exit.Interrupted
		if strings.HasPrefix(test.args[len(test.args)-1], "-c") {
			code = exit.Refused
		}
		if r := p.end(t); r.code != code || strings.Contains(r.stdout, "TIMEOUT") || r.stderr != "" {
			t.Errorf("%q: exit code %d, want %d, stderr %q\n%s", test.args, r.code, code, r.stderr, r.stdout)
		}
	}
	t.Run("interim", func(t *testing.T) {
		p := start(t, a, "trace", "10.0.0.2:80", "-W=60s")
		until(t, func() bool {
			listens, _ := traces(t, a)
			return listens > 0
		})
		must(t, p.cmd.Process.Signal(unix.SIGQUIT))
		if line, err := p.stderr.ReadString('\n'); err != nil || !strings.HasPrefix(line, "10.0.0.2:80: 0 SYNs ended so far") {
			t.Errorf("%q, %v", line, err)
		}
		must(t, p.cmd.Process.Signal(os.Interrupt))
		if r := p.end(t); r.code != exit.Interrupted || r.stderr != "" {
			t.Errorf("exit code %d, stderr %q", r.code, r.stderr)
		}
	})
	for _, args := range [][]string{{"--flows=3"}, {"--compare-syn"}, {"--mtu"}, nil} {
		p := start(t, a, append([]string{"trace", "10.0.0.2:80", "-W=20s"}, args...)...)
		until(t, func() bool {
			listens, _ := traces(t, a)
			return listens > 0
		})
		must(t, p.cmd.Process.Signal(os.Interrupt))
		if r := p.end(t); r.code != exit.Interrupted || r.stderr != "" {
			t.Errorf("%q: exit code %d, stderr %q\n%s", args, r.code, r.stderr, r.stdout)
		}
	}
}
