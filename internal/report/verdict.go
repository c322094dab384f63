package report

import (
	"fmt"
	"strings"

	"tcpprobe/internal/stamp"
	"tcpprobe/internal/text"
	"tcpprobe/probe"
	"tcpprobe/tcphdr"
)

// minimumTarget is how many columns of the target a verdict shows at least: room for any IPv4 address and port.
const minimumTarget = 21

// longestOutcome is how many columns the longest outcome takes, with the gap after it.
const longestOutcome = 13

// minimumOf returns how many columns of a result's target a verdict shows at least: of an address all that there are.
func minimumOf(r *probe.Result) int {
	if strings.HasPrefix(r.Target, "[") {
		return text.Width - longestOutcome
	}
	return minimumTarget
}

// verdict adds the verdict: the outcome, the target, and what there is to say about it. What has no room in the first
// line goes into lines below, or is left out where only the verdict is wanted.
func (p *page) verdict(r *probe.Result) {
	word := strings.ToUpper(r.Outcome.String())
	parts, gap, together := p.says(r)
	room := text.Width - text.Columns(word) - 2 - 2 - together
	lines := []string{word + "  " + p.Shorten(p.Printable(r.Target), max(room, minimumOf(r)))}
	space := "  "
	for i, part := range parts {
		last := &lines[len(lines)-1]
		switch {
		case text.Columns(*last+space+part) <= text.Width:
			*last += space + part
		case !p.style.Quiet:
			lines = append(lines, "  "+p.Shorten(part, text.Width-2))
		case r.Outcome != probe.OutcomeEstablished:
			*last = p.Cut(*last+space+strings.Join(parts[i:], gap), text.Width)
		}
		space = gap
	}
	p.verdictLines(outcomeColor(r.Outcome), word, lines...)
}

// outcomeColor returns the color of an outcome.
func outcomeColor(o probe.Outcome) text.Color {
	switch o {
	case probe.OutcomeEstablished:
		return text.Green
	case probe.OutcomeTimeout, probe.OutcomeInterrupted:
		return text.Yellow
	}
	return text.Red
}

// says returns what a verdict says after the target, in parts that stay in one line, what stands between them, and how
// many columns of it are to stand in the first line.
func (p *page) says(r *probe.Result) (parts []string, gap string, together int) {
	if r.Outcome == probe.OutcomeEstablished {
		parts = measurements(r)
		return parts, "  ", text.Columns(parts[0])
	}
	parts = strings.Fields(p.Printable(clause(r)))
	return parts, " ", text.Columns(strings.Join(parts, " "))
}

// clause is the explanation without the host at its beginning, for where that stands before it.
func clause(r *probe.Result) string { return strings.TrimPrefix(explanation(r), r.Host+" ") }

// explanation returns the clause that says how a handshake ended that was not established.
func explanation(r *probe.Result) string {
	switch r.Outcome {
	case probe.OutcomeRefused:
		if r.TCP.ByKernel() {
			return connectRefused(r.TCP)
		}
		return "reset after " + text.Milliseconds(r.TCP.RTT) + " ms" + doubts(r.TCP)
	case probe.OutcomeUnreachable:
		return rejection(r)
	case probe.OutcomeTimeout:
		return "no answer to " + text.Count(r.TCP.SYNSent, "SYN") + inTime(r)
	case probe.OutcomeARPTimeout, probe.OutcomeNDPTimeout:
		return silentNextHop(r)
	case probe.OutcomeInterrupted:
		return interrupted(r)
	case probe.OutcomePending:
		return "not over yet"
	}
	return cause(r)
}

// measurements are the round-trip time, what an application would have waited, and the phases before.
func measurements(r *probe.Result) []string {
	var phases []string
	parts := []string{"rtt " + text.Milliseconds(r.TCP.RTT) + " ms" + doubts(r.TCP)}
	if r.TCP.ByKernel() {
		parts = connectMeasurements(r.TCP)
	} else if r.TCP.Connected {
		parts = append(parts, "connect "+text.Milliseconds(r.TCP.Connect)+" ms")
	}
	if r.DNS != nil && r.DNS.Source == "dns" {
		phases = append(phases, "dns "+text.Milliseconds(r.DNS.Duration))
	}
	if r.NextHop != nil && (r.NextHop.Source == "arp" || r.NextHop.Source == "ndp") {
		phases = append(phases, r.NextHop.Source+" "+text.Milliseconds(r.NextHop.Duration))
	}
	if phases != nil {
		parts = append(parts, "("+strings.Join(phases, ", ")+")")
	}
	return parts
}

// doubts says what is to be known of a round-trip time before it is believed.
func doubts(t *probe.TCP) string {
	var d []string
	if t.RTTAmbiguous {
		d = append(d, "ambiguous")
	}
	if t.Clock == stamp.User {
		d = append(d, "user clock")
	}
	if d == nil {
		return ""
	}
	return " (" + strings.Join(d, ", ") + ")"
}

// rejection says who rejected our SYN, and how.
func rejection(r *probe.Result) string {
	if len(r.ICMP) == 0 {
		return cause(r)
	}
	m := r.ICMP[len(r.ICMP)-1]
	return rejectedBy(m) + away(Distance(m, r.Route))
}

// rejectedBy says who sent an ICMP error that ends the SYN, and which.
func rejectedBy(m *probe.ICMP) string {
	verb := m.Name + ", says"
	if m.Meaning().Forbidden() {
		verb = "prohibited by"
	}
	if m.Own() {
		return verb + " this host"
	}
	return fmt.Sprintf("%s %v", verb, m.From)
}

// silentNextHop says who did not answer ARP or NDP.
func silentNextHop(r *probe.Result) string {
	switch {
	case r.Route == nil:
		return cause(r)
	case r.Route.OnLink:
		return fmt.Sprintf("%v %s on %s", r.Route.NextHop, silent(r), r.Route.Interface)
	}
	return fmt.Sprintf("gateway %v %s on %s", r.Route.NextHop, silent(r), r.Route.Interface)
}

// silent says of a next hop that it did not answer, or not so that it could be used.
func silent(r *probe.Result) string {
	if unusedReply(r) != "" {
		return "gives no usable answer"
	}
	return "is silent"
}

// interrupted says how far the handshake had come.
func interrupted(r *probe.Result) string {
	if r.TCP == nil || r.TCP.SYNSent == 0 {
		return "before a SYN was sent"
	}
	return "no answer to " + text.Count(r.TCP.SYNSent, "SYN") + " yet"
}

// cause says what stands behind the outcome.
func cause(r *probe.Result) string {
	if r.Err == nil {
		return strings.ReplaceAll(r.Outcome.String(), "_", " ")
	}
	return r.Err.Error()
}

// inTime says how long an answer to our SYN was waited for: " in 2.998 s". It is empty if that is not known.
func inTime(r *probe.Result) string {
	var first, last stamp.Stamp
	for i := range r.Events {
		switch e := &r.Events[i]; {
		case first.IsZero() && e.Kind == probe.EventSegmentSent && e.Segment.Header.Flags.Has(tcphdr.SYN):
			first = e.At
		case first.IsZero() && e.Kind == probe.EventConnectCalled:
			first = e.At
		case e.Kind == probe.EventTCPSilence:
			last = e.At
		}
	}
	if first.IsZero() || last.IsZero() {
		return ""
	}
	waited, _ := stamp.Between(first, last)
	return " in " + text.Seconds(waited)
}
