package exit_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"tcpprobe/internal/exit"
	"tcpprobe/probe"
	"tcpprobe/resolver"
)

func TestVerdict(t *testing.T) {
	const (
		ok      = probe.OutcomeEstablished
		refused = probe.OutcomeRefused
		timeout = probe.OutcomeTimeout
		broken  = probe.OutcomeInterrupted
	)
	of := func(outcomes ...probe.Outcome) []probe.Outcome { return outcomes }
	nine := append(of(timeout), ok, ok, ok, ok, ok, ok, ok, ok, ok)
	for _, test := range []struct {
		require  string
		outcomes []probe.Outcome
		want     int
	}{
		{"all", of(), exit.Interrupted},
		{"all", of(broken), exit.Interrupted},
		{"all", of(ok), exit.Established},
		{"all", of(ok, ok, broken), exit.Established},
		{"all", of(ok, timeout), exit.Mixed},
		{"all", of(refused, timeout), exit.Mixed},
		{"all", of(refused, refused), exit.Refused},
		{"all", of(timeout), exit.Timeout},
		{"all", of(probe.OutcomeUnreachable), exit.Unreachable},
		{"all", of(probe.OutcomeDNSError), exit.DNS},
		{"all", of(probe.OutcomeNoRoute, probe.OutcomeARPTimeout), exit.NoNextHop},
		{"all", of(probe.OutcomeLocalError), exit.System},
		{"100%", of(ok, ok), exit.Established},
		{"100%", of(ok, timeout), exit.Mixed}, // it is what all means
		{"any", of(), exit.Interrupted},
		{"any", of(broken), exit.Interrupted},
		{"any", of(timeout, ok, refused), exit.Established},
		{"any", of(timeout, broken), exit.Timeout},
		{"any", of(timeout, refused), exit.Mixed},
		{"90%", nine, exit.Established},
		{"90.1%", nine, exit.Timeout},
		{"90%", append(of(refused), nine...), exit.Mixed},
		{"0.5%", of(ok, refused, refused), exit.Established},
		{"0.5%", of(refused, refused), exit.Refused},
		{"50%", of(ok, timeout), exit.Established},
		{"50%", of(ok, timeout, timeout, broken), exit.Timeout},
		{"51%", of(ok, timeout), exit.Timeout},
	} {
		r, err := exit.ParseRequirement(test.require)
		if err != nil {
			t.Fatal(err)
		}
		var all exit.Tally
		for _, o := range test.outcomes {
			all.Add(&probe.Result{Outcome: o})
		}
		if got := codeOf(all.Err(r)); got != test.want {
			t.Errorf("--require %s, %v: exit code %d, want %d", test.require, test.outcomes, got, test.want)
		}
	}
}

// codeOf returns the exit code that an error stands for.
func codeOf(err error) int {
	if e, ok := errors.AsType[*exit.Error](err); ok {
		return e.Code
	}
	return exit.Established
}

// TestAssertions: an assertion that did not hold makes the exit code 6, whatever else there is, except that there is no
// result at all.
func TestAssertions(t *testing.T) {
	for outcome, want := range map[probe.Outcome]int{
		probe.OutcomeEstablished: exit.Mixed,
		probe.OutcomeRefused:     exit.Mixed,
		probe.OutcomeInterrupted: exit.Interrupted,
	} {
		var all exit.Tally
		all.Add(&probe.Result{Outcome: outcome})
		all.AddFailure()
		if got := codeOf(all.Err(exit.All)); got != want {
			t.Errorf("%v: exit code %d, want %d", outcome, got, want)
		}
	}
}

// TestErrIsAFunction: to ask twice changes nothing.
func TestErrIsAFunction(t *testing.T) {
	var all exit.Tally
	all.Add(&probe.Result{Outcome: probe.OutcomeEstablished})
	all.Add(&probe.Result{Outcome: probe.OutcomeTimeout})
	strict, err := exit.ParseRequirement("90%")
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		required exit.Requirement
		want     int
	}{{strict, exit.Timeout}, {exit.All, exit.Mixed}, {strict, exit.Timeout}} {
		if got := codeOf(all.Err(test.required)); got != test.want {
			t.Errorf("%+v: exit code %d, want %d", test.required, got, test.want)
		}
	}
}

func TestCodeOf(t *testing.T) {
	for _, test := range []struct {
		r    probe.Result
		want int
	}{
		{probe.Result{Outcome: probe.OutcomeDNSError, Err: &resolver.Error{Kind: resolver.BadName}}, exit.DNS},
		{probe.Result{Outcome: probe.OutcomeDNSError, Err: fmt.Errorf("name: %w", &resolver.Error{Kind: resolver.BadConfig})}, exit.Configuration},
		{probe.Result{Outcome: probe.OutcomePending}, exit.Software},
	} {
		if got := exit.CodeOf(&test.r); got != test.want {
			t.Errorf("%v %v: exit code %d, want %d", test.r.Outcome, test.r.Err, got, test.want)
		}
	}
}

func TestParseRequirement(t *testing.T) {
	for _, text := range []string{"", "most", "0%", "-1%", "100.1%", "90", "%", "NaN%", "\x1b"} {
		if r, err := exit.ParseRequirement(text); err == nil || !strings.HasPrefix(err.Error(), text+": any, all or a percentage") {
			t.Errorf("%q: %+v, %v", text, r, err)
		}
	}
}
