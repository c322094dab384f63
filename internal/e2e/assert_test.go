//go:build linux

package e2e_test

import (
	"slices"
	"strings"
	"testing"

	"tcpprobe/internal/exit"
	"tcpprobe/internal/netlab/labtest"
)

// TestAssertAndRequire is both at work.
func TestAssertAndRequire(t *testing.T) {
	t.Parallel()
	a, b := labtest.Pair(t)
	serve(t, b, "10.0.0.2:80")
	open, closed := "10.0.0.2:80", "10.0.0.2:81"
	for _, test := range []struct {
		args   string
		code   int
		failed []string // what stderr names, a line each
	}{
		{open + " --assert established==1 --assert loss<1%", exit.Established, nil},
		{open + " --assert p99<0.0000001", exit.Mixed, []string{open + ": p99<0.0000001 does not hold: p99 is "}},
		{open + " --assert p99<1s,loss<1%", exit.Usage, []string{`--assert "p99<1s,loss<1%": "1s,loss<1%" is no duration`}},
		{open + " " + closed, exit.Mixed, nil},
		{open + " " + closed + " --require any", exit.Established, nil},
		{open + " " + closed + " --require 50%", exit.Established, nil},
		{open + " " + closed + " --require=51%", exit.Refused, nil},
		{closed + " --require any", exit.Refused, nil},
		{open + " " + closed + " --require any --assert refused==0 --assert jitter<1s", exit.Mixed, []string{
			open + ": jitter<1s does not hold: there are fewer than two round-trip times",
			closed + ": refused==0 does not hold: refused is 1",
			closed + ": jitter<1s does not hold: there are fewer than two round-trip times",
		}},
		{open + " -c 3 -i 10ms --assert jitter<1s --assert outage==0 --assert flaps==0", exit.Established, nil},
	} {
		r := tcpprobe(t, a, strings.Fields(test.args+" --close rst")...)
		lines := strings.Split(strings.TrimSuffix(r.stderr, "\n"), "\n")
		if r.code != test.code || len(test.failed) == 0 && r.stderr != "" || len(test.failed) > 0 && len(lines) != len(test.failed) {
			t.Errorf("%s: exit code %d, want %d; stderr\n%s", test.args, r.code, test.code, r.stderr)
			continue
		}
		slices.Sort(lines) // the targets end in any order
		slices.Sort(test.failed)
		for i, want := range test.failed {
			if !strings.HasPrefix(lines[i], "tcpprobe: "+want) {
				t.Errorf("%s: line %q, want %q", test.args, lines[i], want)
			}
		}
	}
	l := probeJSON(t, a, open, "-c=2", "-i=10ms", "--assert=p50<1s", "--assert=jitter<0s")
	want := "[{p50<1s true} {jitter<0s false}]"
	if len(l.summaries) != 1 || l.code != exit.Mixed {
		t.Fatalf("%d summaries, exit code %d", len(l.summaries), l.code)
	}
	var held []string
	for _, c := range l.summaries[0].Assertions {
		if c.ValueNS == nil || c.Value != nil {
			t.Errorf("%+v has no value_ns", c)
		}
		held = append(held, strings.Join([]string{c.Text, map[bool]string{true: "true", false: "false"}[c.Held]}, " "))
	}
	if got := "[{" + strings.Join(held, "} {") + "}]"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}
