//go:build linux

package cli

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"tcpprobe/internal/exit"
	"tcpprobe/internal/report"
	"tcpprobe/internal/stamp"
	"tcpprobe/internal/target"
	"tcpprobe/internal/text"
	"tcpprobe/probe"
)

// pluginState is a state of the Monitoring Plugins guidelines, "Plugin Return Codes". It is the exit code of check.
type pluginState int

const (
	stateOK       pluginState = 0
	stateWarning  pluginState = 1
	stateCritical pluginState = 2
	stateUnknown  pluginState = 3
)

var pluginStateNames = [...]string{"OK", "WARNING", "CRITICAL", "UNKNOWN"}

// String returns the state as it stands in the line: "OK".
func (s pluginState) String() string { return pluginStateNames[s] }

// rule is what check judges handshakes by.
type rule struct {
	target            target.Target
	warning, critical *thresholdRange // of the time of the handshake; nil for none
	refused           pluginState     // of a target that refuses
	number            int             // of handshakes
	limit             time.Duration   // for all of the check
	verbose           int
}

// judge returns the state that the handshakes, at least one, put the target in.
//
// If none was established it is the gravest of theirs. Or else the average time of those that were is held against the ranges,
// and if others were not, that is a WARNING at the least.
func (u rule) judge(results []*probe.Result) pluginState {
	gravest := stateOK
	for _, r := range results {
		gravest = graver(gravest, u.stateOf(r))
	}
	average, ok := averageTime(results)
	switch {
	case !ok:
		return gravest
	case u.critical.alerts(average.Seconds()):
		return stateCritical
	case u.warning.alerts(average.Seconds()) || gravest != stateOK:
		return stateWarning
	}
	return stateOK
}

// graver returns the graver of two states. What is known to be critical is graver than what is not known.
func graver(a, b pluginState) pluginState {
	order := []pluginState{stateOK, stateWarning, stateUnknown, stateCritical}
	if slices.Index(order, a) > slices.Index(order, b) {
		return a
	}
	return b
}

// stateOf returns the state that the outcome of one handshake stands for. UNKNOWN is for faults on this side alone: a name that
// does not resolve and a wait that is over are CRITICAL.
func (u rule) stateOf(r *probe.Result) pluginState {
	switch {
	case r.Outcome == probe.OutcomeEstablished:
		return stateOK
	case r.Outcome == probe.OutcomeRefused:
		return u.refused
	case r.Outcome == probe.OutcomeLocalError, exit.CodeOf(r) == exit.Configuration:
		return stateUnknown
	}
	return stateCritical
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

// line returns the line of the plugin for some handshakes.
func (u rule) line(results []*probe.Result) string {
	return pluginLine(u.judge(results), u.message(results), u.performance(results))
}

// pluginLine returns the line of a plugin: the state, what there is to say, and performance data, if there are any.
func pluginLine(state pluginState, message string, performance []string) string {
	line := fmt.Sprintf("TCPPROBE %v - %s", state, harmless(message))
	if len(performance) > 0 {
		line += " | " + strings.Join(performance, " ")
	}
	return line
}

// harmless makes s printable, and such that no part of it is taken for performance data.
func harmless(s string) string { return strings.ReplaceAll(text.Printable(s), "|", `\x7c`) }

// message says how the handshakes ended.
func (u rule) message(results []*probe.Result) string {
	average, ok := averageTime(results)
	syns := counted(synsSent(results), "SYN")
	var text string
	switch first := results[0]; {
	case len(results) > 1:
		text = u.messageOfMany(results)
	case ok:
		text = fmt.Sprintf("%s open, handshake %s, %s", u.target.Text, milliseconds(average), syns)
	default:
		text = fmt.Sprintf("%s %s", u.target.Text, u.failure(first))
	}
	if u.verbose > 0 {
		text += details(results[0])
	}
	return text
}

// messageOfMany says how several handshakes ended, and why the first of those failed that did.
func (u rule) messageOfMany(results []*probe.Result) string {
	established := 0
	failure := ""
	for _, r := range results {
		switch {
		case r.Outcome == probe.OutcomeEstablished:
			established++
		case failure == "":
			failure = fmt.Sprintf("; handshake %d %s", r.Seq, u.failure(r))
		}
	}
	text := fmt.Sprintf("%s: %d of %d handshakes established", u.target.Text, established, len(results))
	if average, ok := averageTime(results); ok {
		text += ", " + milliseconds(average) + " on average"
	}
	return text + ", " + counted(synsSent(results), "SYN") + failure
}

// failure says how a handshake ended that was not established.
func (u rule) failure(r *probe.Result) string {
	if r.Outcome != probe.OutcomeInterrupted {
		return r.Outcome.String() + ": " + strings.TrimSuffix(report.Reason(r), ".")
	}
	// The time of the check was over before its own.
	if n := synsSent([]*probe.Result{r}); n > 0 {
		return fmt.Sprintf("timeout: no answer to %s in %v", counted(n, "SYN"), u.limit)
	}
	return fmt.Sprintf("timeout: after %v, before a SYN was sent", u.limit)
}

// details says more of a handshake: which way it went, and what is noteworthy.
func details(r *probe.Result) string {
	text := ""
	if r.TCP != nil {
		text += fmt.Sprintf(", %v", r.TCP.Remote)
	}
	if r.Route != nil {
		text += fmt.Sprintf(", from %v on %s", r.Route.Source, r.Route.Interface)
	}
	if r.TCP != nil && r.TCP.Answered {
		text += fmt.Sprintf(", rtt %s", milliseconds(r.TCP.RTT))
		if r.TCP.Clock == stamp.User {
			text += " by the user clock"
		}
	}
	for _, f := range r.Findings {
		text += ", " + string(f)
	}
	return text
}

// performance returns the performance data: 'label'=value[UOM];[warn];[crit];[min];[max]. The labels are the same for every outcome, and
// a value that there is not is U.
func (u rule) performance(results []*probe.Result) []string {
	handshake := "U"
	if average, ok := averageTime(results); ok {
		handshake = performanceTime(average)
	}
	data := []string{fmt.Sprintf("handshake=%s;%v;%v;0;%s", handshake, u.warning, u.critical, plainNumber(u.limit.Seconds()))}
	if d := results[0].DNS; d == nil || d.Source != "literal" {
		dns := "U"
		if d != nil && d.Source == "dns" && d.RCode != "" {
			dns = performanceTime(d.Duration)
		}
		data = append(data, fmt.Sprintf("dns=%s;;;0", dns))
	}
	data = append(data, fmt.Sprintf("syn=%d;;;0", synsSent(results)))
	if u.number > 1 {
		answered := 0
		for _, r := range results {
			if r.Outcome == probe.OutcomeEstablished || r.Outcome == probe.OutcomeRefused {
				answered++
			}
		}
		data = append(data, fmt.Sprintf("loss=%.4g%%", 100*float64(len(results)-answered)/float64(len(results))))
	}
	return data
}

// performanceTime writes a duration as performance data have it.
func performanceTime(d time.Duration) string { return fmt.Sprintf("%.6fs", d.Seconds()) }

// synsSent returns how many SYNs left, retransmissions included.
func synsSent(results []*probe.Result) int {
	n := 0
	for _, r := range results {
		if r.TCP != nil {
			n += r.TCP.SYNSent
		}
	}
	return n
}

// longOutput returns the lines below the first: with -vv one for each handshake, with -vvv each packet too.
func (u rule) longOutput(results []*probe.Result) string {
	if u.verbose < 2 {
		return ""
	}
	var b strings.Builder
	style := report.Style{Verbose: true}
	for _, r := range results {
		if u.verbose == 2 {
			report.NewSeries(&b, style).Line(r)
			continue
		}
		ladder := report.NewLadder(&b, style)
		for i := range r.Events {
			ladder.Event(r, &r.Events[i])
		}
		ladder.Verdict(r)
	}
	return strings.ReplaceAll(b.String(), "|", `\x7c`)
}

// milliseconds writes a duration: "11.601 ms".
func milliseconds(d time.Duration) string { return text.Milliseconds(d) + " ms" }

// counted writes a number of things: "1 SYN", "2 SYNs".
func counted(n int, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	return fmt.Sprintf("%d %ss", n, thing)
}
