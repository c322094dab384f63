//go:build linux

package e2e_test

import (
	"strings"
	"testing"

	"tcpprobe/internal/exit"
	"tcpprobe/internal/netlab/labtest"
)

// TestOwnFirewall: where this host does not let the SYN out, that is said of its firewall, in every view.
func TestOwnFirewall(t *testing.T) {
	t.Parallel()
	a, _ := labtest.Pair(t)
	labtest.Nft(t, a, `table ip f {
		chain output {
			type filter hook output priority 0;
			ip daddr 10.0.0.2 meta l4proto tcp drop
		}
	}`)
	const said = "he firewall of this host does not let it out"
	for _, args := range [][]string{{"10.0.0.2:7"}, {"-q", "10.0.0.2:7"}, {"-c2", "-i=10ms", "10.0.0.2:7"}, {"--json", "10.0.0.2:7"}, {"--explain", "10.0.0.2:7"}} {
		r := tcpprobe(t, a, append([]string{"--send=ip"}, args...)...)
		if whole := strings.Join(strings.Fields(r.stdout), " "); r.code != exit.System || !strings.Contains(whole, said) {
			t.Errorf("%q: exit code %d, stderr %q, stdout\n%s", args, r.code, r.stderr, r.stdout)
		}
	}
	if r := tcpprobe(t, a, "check", "-H", "10.0.0.2", "-p", "7"); r.code != 3 || !strings.Contains(r.stdout, said) {
		t.Errorf("check: exit code %d, %s", r.code, r.stdout)
	}
}
