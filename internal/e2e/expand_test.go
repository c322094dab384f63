//go:build linux

package e2e_test

import (
	"slices"
	"strings"
	"testing"

	"tcpprobe/internal/exit"
	"tcpprobe/internal/netlab/labtest"
)

// TestPrefixAndPorts: a prefix with a list of ports is probed address by address, and each target is called as it may be typed
// again. An address of the prefix that no handshake can be made with has a result like any other.
func TestPrefixAndPorts(t *testing.T) {
	t.Parallel()
	a, b := labtest.Pair(t)
	listener, err := b.Listen("tcp4", "10.0.0.2:80")
	must(t, err)
	defer listener.Close()
	want := []string{"10.0.0.1:80", "10.0.0.1:7", "10.0.0.2:80", "10.0.0.2:7", "10.0.0.3:80", "10.0.0.3:7"}
	l := probeJSON(t, a, "10.0.0.1:80,7", "-W", "1s", "--targets", targetsFile(t, "10.0.0.2/31:http,7"))
	var targets, remotes []string
	outcomes := make(map[string]string)
	for _, p := range l.probes {
		targets = append(targets, p.Target)
		outcomes[p.Target] = p.Outcome
		if p.TCP != nil {
			remotes = append(remotes, p.TCP.Remote)
		}
	}
	slices.Sort(targets)
	slices.Sort(remotes)
	slices.Sort(want)
	if l.code != exit.Mixed || !slices.Equal(targets, want) || !slices.Equal(remotes, want[:4]) || l.total.Targets != 6 {
		t.Errorf("exit code %d, targets %q, remotes %q, %d in all", l.code, targets, remotes, l.total.Targets)
	}
	for name, outcome := range map[string]string{"10.0.0.1:80": "refused", "10.0.0.2:80": "established", "10.0.0.2:7": "refused", "10.0.0.3:7": "arp_timeout"} {
		if outcomes[name] != outcome {
			t.Errorf("%s: %s, want %s", name, outcomes[name], outcome)
		}
	}
}

// TestTooManyTargets: what stands for more targets than are allowed is refused before anything is sent.
func TestTooManyTargets(t *testing.T) {
	t.Parallel()
	alone := newHost(t)
	for _, args := range []string{
		"10.0.0.0/15:80", "10.0.0.0/16:80,81", "10.0.0.1:1-65535 10.0.0.2:1-2", "10.0.0.0/30:80 --max-targets 3",
		"64.0.0.0/2:1-65535 --max-targets 1073741824",
	} {
		r := tcpprobe(t, alone, strings.Fields(args)...)
		if r.code != exit.Usage || r.stdout != "" || !strings.HasSuffix(r.stderr, " targets: raise --max-targets if they are all meant\n") {
			t.Errorf("%s: exit code %d, stdout %q, stderr %q", args, r.code, r.stdout, r.stderr)
		}
	}
}
