//go:build linux

package cli

import (
	"fmt"
	"io"
	"strings"

	"tcpprobe/internal/exit"
	"tcpprobe/internal/report"
	"tcpprobe/internal/text"
	"tcpprobe/probe"
)

// requirement is how many of the handshakes of a run have to be established for it to exit with 0.
type requirement struct {
	any   bool    // one will do
	share float64 // or else this share of them, more than 0 and up to 1
}

// everything is the requirement that every handshake is established.
var everything = requirement{share: 1}

// parseRequirement reads any, all, or a percentage.
func parseRequirement(s string) (requirement, error) {
	switch s {
	case "any":
		return requirement{any: true}, nil
	case "all":
		return everything, nil
	}
	if percent, ok := strings.CutSuffix(s, "%"); ok {
		share, err := probe.ParsePercent(percent)
		if err == nil && share > 0 && share <= 1 {
			return requirement{share: share}, nil
		}
	}
	return requirement{}, fmt.Errorf("%s: any, all or a percentage is wanted, more than 0%% and up to 100%%, as in 90%%", text.Printable(s))
}

// met reports whether so many established handshakes of so many, at least one, are enough.
func (r requirement) met(established, all int) bool {
	if r.any {
		return established > 0
	}
	return float64(established)/float64(all) >= r.share
}

// tally counts the handshakes of a run, of all its targets, for the exit code.
type tally struct {
	codes    map[int]int // how many results have which exit code
	failures int         // assertions that did not hold
}

// add counts a result.
func (t *tally) add(r *probe.Result) {
	if t.codes == nil {
		t.codes = make(map[int]int)
	}
	t.codes[exitCode(r)]++
}

// check counts the assertions that did not hold for a target, and writes a line for each that says why.
func (t *tally) check(w io.Writer, s *probe.Summary) {
	for _, c := range s.Checks {
		if !c.Held {
			t.failures++
			fmt.Fprintf(w, "tcpprobe: %s: %s\n", text.Printable(s.Target), report.Failure(c))
		}
	}
}

// verdict returns the exit code for all that was counted. If the requirement is not met it is that of the outcome, if
// there was only one. An established handshake is such an outcome where all had to be established.
func (t *tally) verdict(r requirement) error {
	delete(t.codes, exit.Interrupted) // what was broken off says nothing beside what was not
	all := 0
	for _, n := range t.codes {
		all += n
	}
	established := t.codes[exit.Established]
	switch {
	case all == 0:
		return &exit.Error{Code: exit.Interrupted}
	case t.failures > 0:
		return &exit.Error{Code: exit.Mixed}
	case r.met(established, all):
		return nil
	case r != everything:
		delete(t.codes, exit.Established)
	}
	if len(t.codes) > 1 {
		return &exit.Error{Code: exit.Mixed}
	}
	for code := range t.codes {
		return &exit.Error{Code: code}
	}
	return nil
}

// exitCode returns the exit code for one result.
func exitCode(r *probe.Result) int {
	switch r.Outcome {
	case probe.OutcomeEstablished:
		return exit.Established
	case probe.OutcomeRefused:
		return exit.Refused
	case probe.OutcomeUnreachable:
		return exit.Unreachable
	case probe.OutcomeTimeout:
		return exit.Timeout
	case probe.OutcomeDNSError:
		if isConfiguration(r.Err) {
			return exit.Configuration
		}
		return exit.DNS
	case probe.OutcomeNoRoute, probe.OutcomeARPTimeout:
		return exit.NoNextHop
	case probe.OutcomeLocalError:
		return exit.System
	case probe.OutcomeInterrupted:
		return exit.Interrupted
	}
	return exit.Software
}
