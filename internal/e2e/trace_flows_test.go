//go:build linux

package e2e_test

import (
	"strings"
	"testing"

	"tcpprobe/internal/exit"
	"tcpprobe/internal/netlab/labtest"
)

// flowsLine is what --json says of all flows, as far as the test asks.
type flowsLine struct {
	Type, Outcome, Reason string
	Flows                 int
	PartHop               int `json:"part_hop"`
	Paths                 []struct {
		Outcome string
		Flows   int
		Path    []string
	}
}

// traceManyFlows compares 24 flows: that all take the same of two paths does not happen.
func traceManyFlows(t *testing.T, n *labtest.Fork, code int) flowsLine {
	t.Helper()
	r := tcpprobe(t, n.Client, "trace", "10.3.0.80:80", "--flows=24", "-W=300ms", "--json")
	if r.code != code {
		t.Errorf("exit code %d, want %d", r.code, code)
	}
	var all flowsLine
	for text := range strings.Lines(r.stdout) {
		validate(t, text)
		decode(t, text, &all)
	}
	if all.Type != "flows" || all.Flows != 24 || len(all.Paths) != 2 || all.PartHop != 2 {
		t.Fatalf("%+v", all)
	}
	return all
}

// TestTraceFlows: of two equal paths one drops the SYNs, and it is found which.
func TestTraceFlows(t *testing.T) {
	t.Parallel()
	n := labtest.Multipath(t)
	want := map[string]string{
		"10.1.0.1 10.2.1.2 10.4.1.2": "established",
		"10.1.0.1 10.2.2.2 10.4.1.2": "established",
	}
	check := func(code int) {
		t.Helper()
		for _, path := range traceManyFlows(t, n, code).Paths {
			if routers := strings.Join(path.Path, " "); path.Flows == 0 || want[routers] != path.Outcome {
				t.Errorf("%d flows by %s: %s, want one of %v", path.Flows, routers, path.Outcome, want)
			}
		}
	}
	check(exit.Established)
	labtest.Nft(t, n.Lower, strings.ReplaceAll(portRules, "1001", "80"))
	delete(want, "10.1.0.1 10.2.2.2 10.4.1.2")
	want["10.1.0.1 10.2.2.2"] = "timeout"
	check(exit.Mixed)
	r := tcpprobe(t, n.Client, "trace", "10.3.0.80:80", "--flows=24", "-W=300ms")
	for _, want := range []string{
		"\nMIXED  10.3.0.80:80  ", " of 24 flows fail at or behind hop 2, 10.2.2.2: timeout.\n",
		"\n  The paths part at hop 2, behind hop 1, 10.1.0.1.\n",
	} {
		if !strings.Contains(r.stdout, want) {
			t.Errorf("there is no %q", want)
		}
	}
}
