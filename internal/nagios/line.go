package nagios

import (
	"fmt"
	"strings"
	"time"

	"tcpprobe/internal/report"
	"tcpprobe/internal/stamp"
	"tcpprobe/internal/text"
	"tcpprobe/probe"
)

// Line returns the line of the plugin for some handshakes, at least one, without an end of line.
func (rule Rule) Line(results []*probe.Result) string {
	return Line(rule.Judge(results), rule.message(results), rule.performance(results)...)
}

// Line returns the line of a plugin, without an end of line: the state, what there is to say, and performance data, if there
// are any. What may not stand in a message is escaped.
func Line(state State, message string, performance ...string) string {
	line := fmt.Sprintf("TCPPROBE %v - %s", state, harmless(message))
	if len(performance) > 0 {
		line += " | " + strings.Join(performance, " ")
	}
	return line
}

// harmless makes s printable, and such that no part of it is taken for performance data.
func harmless(s string) string { return strings.ReplaceAll(text.Printable(s), "|", `\x7c`) }

// message says how the handshakes ended.
func (rule Rule) message(results []*probe.Result) string {
	average, ok := averageTime(results)
	syns := text.Count(synsSent(results), "SYN")
	var said string
	switch first := results[0]; {
	case len(results) > 1:
		said = rule.messageOfMany(results)
	case ok:
		said = fmt.Sprintf("%s open, handshake %s%s, %s", rule.Target, milliseconds(average), rule.passed(average), syns)
	default:
		said = fmt.Sprintf("%s %s", rule.Target, rule.failure(first))
	}
	for _, f := range rule.found(results) {
		said += ", --fail-on " + string(f)
	}
	if rule.Verbose > 0 {
		said += details(results[0])
	}
	return said
}

// passed names the threshold that a time alerts for, the graver of two: " (above -w 0.1)"; nothing if there is none.
func (rule Rule) passed(average time.Duration) string {
	for _, threshold := range []struct {
		flag  string
		limit *Range
	}{{"-c", rule.Critical}, {"-w", rule.Warning}} {
		if value := average.Seconds(); threshold.limit.Alerts(value) {
			return fmt.Sprintf(" (%s %s %v)", threshold.limit.side(value), threshold.flag, threshold.limit)
		}
	}
	return ""
}

// messageOfMany says how several handshakes ended, and why the first of those failed that did.
func (rule Rule) messageOfMany(results []*probe.Result) string {
	established := 0
	failure := ""
	for _, r := range results {
		switch {
		case r.Outcome == probe.OutcomeEstablished:
			established++
		case failure == "":
			failure = fmt.Sprintf("; handshake %d %s", r.Seq, rule.failure(r))
		}
	}
	said := fmt.Sprintf("%s: %d of %d handshakes established", rule.Target, established, len(results))
	if average, ok := averageTime(results); ok {
		said += ", " + milliseconds(average) + " on average" + rule.passed(average)
	}
	return said + ", " + text.Count(synsSent(results), "SYN") + failure
}

// failure says how a handshake ended that was not established. That the time of the check was over is told alike, whether it
// was the handshake that noticed or the check.
func (rule Rule) failure(r *probe.Result) string {
	switch {
	case r.Outcome == probe.OutcomeInterrupted && synsSent([]*probe.Result{r}) == 0:
		return fmt.Sprintf("timeout: after %s, before a SYN was sent", text.Duration(rule.Limit))
	case r.Outcome == probe.OutcomeInterrupted, r.Outcome == probe.OutcomeTimeout:
		silent := *r
		silent.Outcome = probe.OutcomeTimeout
		return fmt.Sprintf("timeout after %s: %s", text.Duration(rule.Limit), strings.TrimSuffix(report.Reason(&silent), "."))
	}
	return r.Outcome.String() + ": " + strings.TrimSuffix(report.Reason(r), ".")
}

// details says more of a handshake: which way it went, and what is noteworthy.
func details(r *probe.Result) string {
	said := ""
	if r.TCP != nil {
		said += fmt.Sprintf(", %v", r.TCP.Remote)
	}
	if r.Route != nil {
		said += fmt.Sprintf(", from %v on %s", r.Route.Source, r.Route.Interface)
	}
	if r.TCP != nil && r.TCP.Answered {
		said += fmt.Sprintf(", rtt %s", milliseconds(r.TCP.RTT))
		if r.TCP.Clock == stamp.User {
			said += " by the user clock"
		}
	}
	for _, f := range r.Findings {
		said += ", " + string(f)
	}
	return said
}

// performance returns the performance data: 'label'=value[UOM];[warn];[crit];[min];[max]. The labels are the same for every outcome, and
// a value that there is not is U.
func (rule Rule) performance(results []*probe.Result) []string {
	handshake := "U"
	if average, ok := averageTime(results); ok {
		handshake = performanceTime(average)
	}
	data := []string{fmt.Sprintf("handshake=%s;%v;%v;0;%s", handshake, rule.Warning, rule.Critical, plainNumber(rule.Limit.Seconds()))}
	if d := results[0].DNS; d == nil || d.Source != "literal" {
		dns := "U"
		if d != nil && d.Source == "dns" && d.RCode != "" {
			dns = performanceTime(d.Duration)
		}
		data = append(data, fmt.Sprintf("dns=%s;;;0", dns))
	}
	data = append(data, fmt.Sprintf("syn=%d;;;0", synsSent(results)))
	if rule.Number > 1 {
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

// LongOutput returns the lines below the first: with -vv one for each handshake, with -vvv each packet too.
func (rule Rule) LongOutput(results []*probe.Result) string {
	if rule.Verbose < 2 {
		return ""
	}
	var b strings.Builder
	style := report.Style{Verbose: true}
	for _, r := range results {
		if rule.Verbose == 2 {
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
