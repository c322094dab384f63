//go:build linux

package cli

import (
	"bytes"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"tcpprobe/internal/exit"
	"tcpprobe/internal/netlab/labtest"
	"tcpprobe/internal/stats"
	"tcpprobe/probe"
)

// TestAssertionsInWords: the line that says which assertion did not hold, and why.
func TestAssertionsInWords(t *testing.T) {
	for _, test := range []struct {
		outcome   probe.Outcome
		assertion string
		want      int
		stderr    string
	}{
		{probe.OutcomeEstablished, "loss<1%", exit.Established, ""},
		{probe.OutcomeEstablished, "loss>1%", exit.Mixed, "tcpprobe: a\\x1b:80: loss>1% does not hold: loss is 0 %\n"},
		{probe.OutcomeRefused, "refused==1", exit.Refused, ""},
		{probe.OutcomeRefused, "p99<1s", exit.Mixed, "tcpprobe: a\\x1b:80: p99<1s does not hold: there is no round-trip time\n"},
		{probe.OutcomeInterrupted, "p99<1s", exit.Interrupted, "tcpprobe: a\\x1b:80: p99<1s does not hold: there is no round-trip time\n"},
	} {
		a, err := stats.ParseAssertion(test.assertion)
		must(t, err)
		r := &probe.Result{Outcome: test.outcome, Time: time.Unix(1, 0)}
		s := stats.NewSummary("a\x1b:80")
		s.Add(r)
		s.Check([]stats.Assertion{a})
		c := &campaign{sum: stats.NewSummary("")}
		c.add(r)
		var stderr bytes.Buffer
		c.check(&stderr, s)
		got := exit.Established
		if e, ok := errors.AsType[*exit.Error](c.all.Err(exit.All)); ok {
			got = e.Code
		}
		if got != test.want || stderr.String() != test.stderr {
			t.Errorf("%v, %s: exit code %d, stderr %q; want %d, %q", test.outcome, test.assertion, got, &stderr, test.want, test.stderr)
		}
	}
}

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
