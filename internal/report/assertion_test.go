package report_test

import (
	"bytes"
	"strings"
	"testing"

	"tcpprobe/internal/report"
	"tcpprobe/internal/stats"
)

// asserted is the summary of the example, with assertions checked.
func asserted(t *testing.T, texts ...string) *stats.Summary {
	t.Helper()
	_, sum := series(t, report.Style{}, example())
	var assertions []stats.Assertion
	for _, text := range texts {
		a, err := stats.ParseAssertion(text)
		if err != nil {
			t.Fatal(err)
		}
		assertions = append(assertions, a)
	}
	sum.Check(assertions)
	return sum
}

func TestFailure(t *testing.T) {
	sum := asserted(t, "loss<1%", "p99 < 11ms", "established>=4", "outage<1s")
	for i, want := range []string{
		"loss<1% does not hold: loss is 20 %",
		"p99 < 11ms does not hold: p99 is 11.702ms",
		"established>=4 does not hold: established is 3",
		"outage<1s does not hold: outage is 1.0001s",
	} {
		if got := report.Failure(sum.Checks[i]); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
	nothing := stats.NewSummary("x:1")
	a, err := stats.ParseAssertion("p99<11ms")
	if err != nil {
		t.Fatal(err)
	}
	nothing.Check([]stats.Assertion{a})
	if got, want := report.Failure(nothing.Checks[0]), "p99<11ms does not hold: there is no round-trip time"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

// TestSummaryOfAssertions: text names those that failed; JSON has all of them.
func TestSummaryOfAssertions(t *testing.T) {
	sum := asserted(t, "loss<1%", "p99<50ms", "outage<1s", "syns_lost==2")
	var text, line bytes.Buffer
	if err := report.NewSeries(&text, report.Style{}).Summary(sum); err != nil {
		t.Fatal(err)
	}
	const failed = "loss<1% does not hold: loss is 20 %\noutage<1s does not hold: outage is 1.0001s\n"
	if !strings.HasSuffix(text.String(), "flaps\n"+failed) {
		t.Errorf("%s", &text)
	}
	if err := report.NewJSON(&line).Summary(sum); err != nil {
		t.Fatal(err)
	}
	const want = `"assertions":[{"text":"loss<1%","held":false,"value":0.2},{"text":"p99<50ms","held":true,"value_ns":11702000},` +
		`{"text":"outage<1s","held":false,"value_ns":1000100000},{"text":"syns_lost==2","held":true,"value":2}]}`
	if !strings.HasSuffix(line.String(), want+"\n") {
		t.Errorf("%s", &line)
	}
	legible(t, strings.TrimSuffix(line.String(), "\n"))
}
