package nagios

import (
	"slices"
	"time"

	"tcpprobe/icmp"
	"tcpprobe/probe"
)

// Rule is what check judges handshakes by.
type Rule struct {
	Target            string                   // as the user wrote it
	Warning, Critical *Range                   // of the time of the handshake; nil for none
	Refused           State                    // of a target that refuses
	FailOn            []probe.Finding          // that are CRITICAL
	Number            int                      // of handshakes that were asked for, at least 1
	Limit             time.Duration            // for all of the check
	Verbose           int                      // 0: a line; 1: more in it; 2: and a line for each handshake; 3: and each packet
	Local             func(*probe.Result) bool // whether a handshake failed for a fault of this host's own
}

// Judge returns the state that the handshakes, at least one, put the target in.
//
// If none was established it is the gravest of theirs. Or else the average time of those that were is held against the ranges,
// and if others were not, that is a WARNING at the least. A finding that is CRITICAL is so beside anything else.
func (rule Rule) Judge(results []*probe.Result) State {
	gravest := OK
	for _, r := range results {
		gravest = graver(gravest, rule.stateOf(r))
	}
	average, ok := averageTime(results)
	switch {
	case len(rule.found(results)) > 0:
		return Critical
	case !ok:
		return gravest
	case rule.Critical.Alerts(average.Seconds()):
		return Critical
	case rule.Warning.Alerts(average.Seconds()) || gravest != OK:
		return Warning
	}
	return OK
}

// found returns the findings of the handshakes that are CRITICAL, each once.
func (rule Rule) found(results []*probe.Result) []probe.Finding {
	var found []probe.Finding
	for _, f := range rule.FailOn {
		if slices.ContainsFunc(results, func(r *probe.Result) bool { return slices.Contains(r.Findings, f) }) && !slices.Contains(found, f) {
			found = append(found, f)
		}
	}
	return found
}

// stateOf returns the state that the outcome of one handshake stands for. UNKNOWN is for faults on this side alone: a name that
// does not resolve and a wait that is over are CRITICAL.
func (rule Rule) stateOf(r *probe.Result) State {
	switch {
	case r.Outcome == probe.OutcomeEstablished:
		return OK
	case r.Outcome == probe.OutcomeRefused, portUnreachable(r):
		return rule.Refused
	case rule.Local(r):
		return Unknown
	}
	return Critical
}

// averageTime returns how long an application would have waited for the handshakes that were established, on average.
func averageTime(results []*probe.Result) (average time.Duration, ok bool) {
	var sum time.Duration
	n := 0
	for _, r := range results {
		if r.Outcome == probe.OutcomeEstablished {
			sum += waited(r.TCP)
			n++
		}
	}
	if n == 0 {
		return 0, false
	}
	return sum / time.Duration(n), true
}

// waited returns the time from the first SYN to our ACK, or, where none was sent, to the SYN-ACK.
func waited(t *probe.TCP) time.Duration {
	if t.Connected {
		return t.Connect
	}
	return t.RTT
}

// portUnreachable reports whether a handshake ended with the ICMP error that connect(2) makes ECONNREFUSED of, as it does of a
// RST: firewalls reject with it.
func portUnreachable(r *probe.Result) bool {
	if r.Outcome != probe.OutcomeUnreachable || len(r.ICMP) == 0 {
		return false
	}
	last := r.ICMP[len(r.ICMP)-1]
	return last.Meaning() == icmp.MeansPortUnreachable
}
