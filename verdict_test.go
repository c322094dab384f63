//go:build linux

package main

import (
	"bytes"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"tcpprobe/internal/netlab/labtest"
	"tcpprobe/probe"
)

func TestVerdict(t *testing.T) {
	const (
		ok      = probe.Established
		refused = probe.Refused
		timeout = probe.Timeout
		broken  = probe.Interrupted
	)
	of := func(outcomes ...probe.Outcome) []probe.Outcome { return outcomes }
	nine := append(of(timeout), ok, ok, ok, ok, ok, ok, ok, ok, ok)
	for _, test := range []struct {
		require  string
		outcomes []probe.Outcome
		want     int
	}{
		{"all", of(), exitInterrupted},
		{"all", of(broken), exitInterrupted},
		{"all", of(ok), exitEstablished},
		{"all", of(ok, ok, broken), exitEstablished},
		{"all", of(ok, timeout), exitMixed},
		{"all", of(refused, timeout), exitMixed},
		{"all", of(refused, refused), exitRefused},
		{"all", of(timeout), exitTimeout},
		{"all", of(probe.Unreachable), exitUnreachable},
		{"all", of(probe.DNSError), exitDNS},
		{"all", of(probe.NoRoute, probe.ARPTimeout), exitNoNextHop},
		{"all", of(probe.LocalError), exitSystem},
		{"100%", of(ok, ok), exitEstablished},
		{"100%", of(ok, timeout), exitMixed}, // it is what all means
		{"any", of(), exitInterrupted},
		{"any", of(broken), exitInterrupted},
		{"any", of(timeout, ok, refused), exitEstablished},
		{"any", of(timeout, broken), exitTimeout},
		{"any", of(timeout, refused), exitMixed},
		{"90%", nine, exitEstablished},
		{"90.1%", nine, exitTimeout},
		{"90%", append(of(refused), nine...), exitMixed},
		{"0.5%", of(ok, refused, refused), exitEstablished},
		{"0.5%", of(refused, refused), exitRefused},
		{"50%", of(ok, timeout), exitEstablished},
		{"50%", of(ok, timeout, timeout, broken), exitTimeout},
		{"51%", of(ok, timeout), exitTimeout},
	} {
		r, err := parseRequirement(test.require)
		must(t, err)
		var all tally
		for _, o := range test.outcomes {
			all.add(&probe.Result{Outcome: o})
		}
		if got := codeOf(all.verdict(r)); got != test.want {
			t.Errorf("--require %s, %v: exit code %d, want %d", test.require, test.outcomes, got, test.want)
		}
	}
}

// codeOf returns the exit code that an error stands for.
func codeOf(err error) int {
	if e, ok := errors.AsType[*exitError](err); ok {
		return e.code
	}
	return exitEstablished
}

// TestVerdictOfAssertions: an assertion that did not hold makes the exit code 6, whatever else there is, except that
// there is no result at all.
func TestVerdictOfAssertions(t *testing.T) {
	for _, test := range []struct {
		outcome   probe.Outcome
		assertion string
		want      int
		stderr    string
	}{
		{probe.Established, "loss<1%", exitEstablished, ""},
		{probe.Established, "loss>1%", exitMixed, "tcpprobe: a\\x1b:80: loss>1% does not hold: loss is 0 %\n"},
		{probe.Refused, "refused==1", exitRefused, ""},
		{probe.Refused, "p99<1s", exitMixed, "tcpprobe: a\\x1b:80: p99<1s does not hold: there is no round-trip time\n"},
		{probe.Interrupted, "p99<1s", exitInterrupted, "tcpprobe: a\\x1b:80: p99<1s does not hold: there is no round-trip time\n"},
	} {
		a, err := probe.ParseAssertion(test.assertion)
		must(t, err)
		r := &probe.Result{Outcome: test.outcome, Time: time.Unix(1, 0)}
		s := probe.NewSummary("a\x1b:80")
		s.Add(r)
		s.Check([]probe.Assertion{a})
		var all tally
		var stderr bytes.Buffer
		all.add(r)
		all.check(&stderr, s)
		if got := codeOf(all.verdict(everything)); got != test.want || stderr.String() != test.stderr {
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
		{open + " --assert established==1 --assert loss<1%", exitEstablished, nil},
		{open + " --assert p99<0.0000001", exitMixed, []string{open + ": p99<0.0000001 does not hold: p99 is "}},
		{open + " --assert p99<1s,loss<1%", exitUsage, []string{`--assert "p99<1s,loss<1%": "1s,loss<1%" is no duration`}},
		{open + " " + closed, exitMixed, nil},
		{open + " " + closed + " --require any", exitEstablished, nil},
		{open + " " + closed + " --require 50%", exitEstablished, nil},
		{open + " " + closed + " --require=51%", exitRefused, nil},
		{closed + " --require any", exitRefused, nil},
		{open + " " + closed + " --require any --assert refused==0 --assert jitter<1s", exitMixed, []string{
			open + ": jitter<1s does not hold: there are fewer than two round-trip times",
			closed + ": refused==0 does not hold: refused is 1",
			closed + ": jitter<1s does not hold: there are fewer than two round-trip times",
		}},
		{open + " -c 3 -i 10ms --assert jitter<1s --assert outage==0 --assert flaps==0", exitEstablished, nil},
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
	if len(l.summaries) != 1 || l.code != exitMixed {
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
