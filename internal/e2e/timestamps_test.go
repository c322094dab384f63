//go:build linux

package e2e_test

import (
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"

	"tcpprobe/internal/netlab/labtest"
)

// TestTimestamps: each line begins with the time of day and keeps to 80 columns, and all that it says without is said.
func TestTimestamps(t *testing.T) {
	t.Parallel()
	n := labtest.Journey(t)
	stamp := regexp.MustCompile(`^\d\d:\d\d:\d\d\.\d{3} `)
	for args, want := range map[string]string{
		"-v www.lab.test:80":                           "ESTABLISHED www.lab.test:80 rtt ",
		"www.lab.test:81 10.3.0.80:80":                 "A RST in its name: nothing listens on port 81",
		"-c 3 -i 10ms www.lab.test:80":                 "3 handshakes: 3 established; 3 SYNs, 0 lost;",
		"-c 2 -i 10ms www.lab.test:81 www.lab.test:80": "longest outage",
		"-q www.lab.test:80 nobody.lab.test:80":        "DNS_ERROR nobody.lab.test:80 does not exist",
		"--targets -":                                  "--- 2 targets --- 2 handshakes: 1 established, 1 refused;",
		"--only failed www.lab.test:81":                "REFUSED www.lab.test:81",
		"trace www.lab.test:80":                        "3 10.3.0.80 ",
		"trace www.lab.test:81":                        "REFUSED www.lab.test:81 reset at hop 3 after ",
		"trace --flows 2 www.lab.test:80":              "ESTABLISHED www.lab.test:80",
		"trace --mtu www.lab.test:80":                  "ESTABLISHED www.lab.test:80",
		"--color always www.lab.test:81":               "\x1b[31mREFUSED\x1b[0m www.lab.test:81",
	} {
		cmd := program(t.Context(), n.Client, append([]string{labDNS, "--timestamps"}, strings.Fields(args)...)...)
		cmd.Stdin = strings.NewReader("10.3.0.80:80\n10.3.0.80:81\n")
		r := finish(t, cmd)
		var said []string
		for line := range strings.Lines(r.stdout) {
			line = strings.TrimSuffix(line, "\n")
			plain := regexp.MustCompile(`\x1b\[\d+m`).ReplaceAllString(line, "")
			if line != "" && !stamp.MatchString(line) || utf8.RuneCountInString(plain) > 80 {
				t.Errorf("%s: %q", args, line)
			}
			said = append(said, strings.Fields(stamp.ReplaceAllString(line, ""))...)
		}
		if all := strings.Join(said, " "); !strings.Contains(all, want) || r.stderr != "" {
			t.Errorf("%s: %q is not in %s, stderr %q", args, want, all, r.stderr)
		}
	}
	if l := parseLines(t, tcpprobe(t, n.Client, labDNS, "--timestamps", "--json", "www.lab.test:80")); len(l.probes) != 1 || len(l.summaries) != 1 {
		t.Errorf("%d handshakes and %d summaries in JSON", len(l.probes), len(l.summaries))
	}
	if r := tcpprobe(t, n.Client, labDNS, "trace", "--timestamps", "--json", "www.lab.test:80"); !strings.HasPrefix(r.stdout, "{") {
		t.Errorf("JSON of a trace begins with something else: %s", r.stdout)
	}
}
