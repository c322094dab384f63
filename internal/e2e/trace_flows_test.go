//go:build linux

package e2e_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"tcpprobe/internal/exit"
	"tcpprobe/internal/netlab/labtest"
)

// flowsLine is what --json says of all flows, as far as the test asks.
type flowsLine struct {
	Type, Outcome, Reason string
	Flows                 int
	Varied                []string
	PartHop               int `json:"part_hop"`
	Paths                 []struct {
		Outcome string
		Flows   int
		Path    []string
	}
}

// traceManyFlows compares 24 flows: that all take the same of two paths does not happen.
func traceManyFlows(t *testing.T, n *labtest.Fork, target string, code int) flowsLine {
	t.Helper()
	r := tcpprobe(t, n.Client, "trace", target, "--flows=24", "-W=300ms", "--json")
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
	// R2 replies from the address that it sends from by IPv4, and from the one that the SYN came to by IPv6.
	tests := []struct{ target, upper, behindUpper, lower, behindLower string }{
		{"10.3.0.80:80", "10.1.0.1 10.2.1.2", " 10.4.1.2", "10.1.0.1 10.2.2.2", " 10.4.1.2"},
		{"[2001:db8:3::80]:80", "2001:db8:1::1 2001:db8:21::2", " 2001:db8:41::2", "2001:db8:1::1 2001:db8:22::2", " 2001:db8:42::2"},
	}
	check := func(t *testing.T, target string, code int, want map[string]string) {
		t.Helper()
		for _, path := range traceManyFlows(t, n, target, code).Paths {
			if routers := strings.Join(path.Path, " "); path.Flows == 0 || want[routers] != path.Outcome {
				t.Errorf("%d flows by %s: %s, want one of %v", path.Flows, routers, path.Outcome, want)
			}
		}
	}
	for i, test := range tests {
		t.Run("both open/"+families[i], func(t *testing.T) {
			check(t, test.target, exit.Established, map[string]string{test.upper + test.behindUpper: "established", test.lower + test.behindLower: "established"})
		})
	}
	labtest.Nft(t, n.Lower, strings.ReplaceAll(portRules, "1001", "80"))
	for i, test := range tests {
		t.Run("one drops/"+families[i], func(t *testing.T) {
			t.Parallel()
			check(t, test.target, exit.Mixed, map[string]string{test.upper + test.behindUpper: "established", test.lower: "timeout"})
		})
		t.Run("one drops, as text/"+families[i], func(t *testing.T) {
			t.Parallel()
			r := tcpprobe(t, n.Client, "trace", test.target, "--flows=24", "-W=300ms")
			first, last, _ := strings.Cut(test.lower, " ")
			for _, want := range []string{
				"MIXED " + test.target + " ", " of 24 flows fail at or behind hop 2, " + last + ": timeout.",
				" The paths part at hop 2, behind hop 1, " + first + ".",
			} {
				if !strings.Contains(strings.Join(strings.Fields(r.stdout), " "), want) {
					t.Errorf("there is no %q in\n%s", want, r.stdout)
				}
			}
		})
	}
}

// A name has flows of labels by IPv6 alone.
func TestTraceVaryName(t *testing.T) {
	t.Parallel()
	n := labtest.DualStack(t)
	for name, test := range map[string]struct {
		code int
		want string
	}{
		"dual.lab.test": {exit.Established, "each with a flow label of its own"},
		"www.lab.test":  {exit.DNS, "it has an IPv4 address, 10.3.0.80"},
	} {
		r := tcpprobe(t, n.Client, "trace", labDNS, "--flows=2", "--vary=label", "--source-port=40001", "-W=300ms", name+":80")
		if r.code != test.code || !strings.Contains(strings.Join(strings.Fields(r.stdout), " "), test.want) {
			t.Errorf("%s: exit code %d, want %d and %q in\n%s%s", name, r.code, test.code, test.want, r.stdout, r.stderr)
		}
	}
}

// Flows that differ in one thing alone part where a router shares load by that, and nowhere else; in IPv4 there is no flow label.
func TestTraceVary(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name, policy, vary string
		parts              bool
	}{
		{"labels by labels", "0", "label", true},
		{"ports by labels", "0", "ports", false},
		{"labels by ports", "1", "label", false},
		{"ports by ports", "1", "ports", true},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			n := labtest.Multipath(t)
			n.HashPolicy6(t, test.policy)
			const flows = 16
			r := tcpprobe(t, n.Client, "trace", "[2001:db8:3::80]:80", fmt.Sprintf("--flows=%d", flows), "--vary", test.vary, "-W=2s", "--json")
			if r.code != exit.Established {
				t.Errorf("exit code %d\n%s%s", r.code, r.stdout, r.stderr)
			}
			ports, labels := make(map[string]bool), make(map[uint32]bool)
			var all flowsLine
			for text := range strings.Lines(r.stdout) {
				validate(t, text)
				var line struct {
					Type, Local string
					FlowLabel   uint32 `json:"flow_label"`
				}
				decode(t, text, &line)
				if line.Type == "flow" {
					ports[line.Local], labels[line.FlowLabel] = true, true
				} else {
					decode(t, text, &all)
				}
			}
			varied, want := "port", [2]int{flows, 1}
			if test.vary == "label" {
				varied, want = "flow_label", [2]int{1, flows}
			}
			if got := [2]int{len(ports), len(labels)}; got != want || !slices.Equal(all.Varied, []string{varied}) {
				t.Errorf("%d ports and %d labels, want %v; varied %q", got[0], got[1], want, all.Varied)
			}
			if all.Outcome != "established" || (all.PartHop == 2) != test.parts || (len(all.Paths) == 2) != test.parts {
				t.Errorf("%+v", all)
			}
			if says := strings.Contains(all.Reason, "that they part by"); says != test.parts {
				t.Errorf("reason %q", all.Reason)
			}
		})
	}
}
