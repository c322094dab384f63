package display

import (
	"bytes"
	"errors"
	"testing"
	"time"

	"tcpprobe/internal/exit"
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
		if err != nil {
			t.Fatal(err)
		}
		r := &probe.Result{Outcome: test.outcome, Time: time.Unix(1, 0)}
		s := stats.NewSummary("a\x1b:80")
		s.Add(r)
		s.Check([]stats.Assertion{a})
		all := newTotal("a:1", nil)
		all.add(r, true)
		var stderr bytes.Buffer
		all.check(&stderr, s, false)
		got := exit.Established
		if e, ok := errors.AsType[*exit.Error](all.verdict(exit.All)); ok {
			got = e.Code
		}
		if got != test.want || stderr.String() != test.stderr {
			t.Errorf("%v, %s: exit code %d, stderr %q; want %d, %q", test.outcome, test.assertion, got, &stderr, test.want, test.stderr)
		}
	}
}
