//go:build linux

package e2e_test

import (
	"bytes"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"

	"tcpprobe/internal/netlab/labtest"
)

// TestRecipes runs the recipes of the documents with jq on results of every kind: what is absent stays absent, and no recipe
// makes a 0 of it, or fails.
func TestRecipes(t *testing.T) {
	t.Parallel()
	jq, err := exec.LookPath("jq")
	if err != nil && os.Getenv("TCPPROBE_LAB_REQUIRED") != "" {
		t.Fatalf("%v: scripts/test installs it", err)
	} else if err != nil {
		t.Skipf("%v: scripts/test installs it", err)
	}
	n := labtest.Journey(t)
	args := strings.Fields("--json www.lab.test:80 10.3.0.80:80 10.3.0.80:81 nosuch.lab.test:80 10.1.0.77:80 10.3.0.81:80 -W 300ms --retries 0 " + labDNS)
	lines := tcpprobe(t, n.Client, args...).stdout + tcpprobe(t, n.Client, "--json=brief", "10.3.0.80:80").stdout
	outcomes := regexp.MustCompile(`"outcome":"(\w+)"`).FindAllStringSubmatch(lines, -1)
	for _, outcome := range []string{"established", "refused", "dns_error", "arp_timeout", "timeout"} {
		if !slices.ContainsFunc(outcomes, func(o []string) bool { return o[1] == outcome }) {
			t.Fatalf("no handshake is %s: %q", outcome, outcomes)
		}
	}
	wanted := map[string]string{ // what of an established and of a failed handshake has to be there, by a part of the recipe
		"rtt_ms":       `"rtt_ms": null`,
		"map_values":   `{}`,
		"segments":     "\t000010\tSYN\t",
		".findings !=": ``,
		"rtt_ns.p50":   ``,
	}
	for part, want := range wanted {
		var recipes [][]string
		for _, file := range []string{"../../README.md", "../../docs/usage.md", "../../docs/tcpprobe.8"} {
			document, err := os.ReadFile(file)
			must(t, err)
			unquoted := strings.ReplaceAll(string(document), `\(dq`, `"`)
			for _, recipe := range regexp.MustCompile(`(?s)\| jq (?:(-\w+) )?'([^']*)'`).FindAllStringSubmatch(unquoted, -1) {
				if strings.Contains(recipe[2], part) {
					recipes = append(recipes, recipe)
				}
			}
		}
		if len(recipes) == 0 {
			t.Errorf("no document has a recipe with %q", part)
		}
		for _, recipe := range recipes {
			words := []string{recipe[2]}
			if recipe[1] != "" {
				words = []string{recipe[1], recipe[2]}
			}
			cmd := exec.CommandContext(t.Context(), jq, words...)
			cmd.Stdin = strings.NewReader(lines)
			var stderr bytes.Buffer
			cmd.Stderr = &stderr
			out, err := cmd.Output()
			if err != nil || stderr.Len() > 0 || !strings.Contains(string(out), want) || regexp.MustCompile(`": 0\b[^.]`).Match(out) {
				t.Errorf("jq %q: %v %s, %q is not in\n%s", words, err, &stderr, want, out)
			}
		}
	}
}
