package report

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"tcpprobe/internal/stamp"
	"tcpprobe/internal/text"
	"tcpprobe/probe"
	"tcpprobe/tcphdr"
)

// shortTarget is how many columns any IPv4 address and port takes.
const shortTarget = 21

// verdict adds the verdict: the outcome, the target, and what there is to say about it.
func (p *page) verdict(r *probe.Result) {
	parts, gap := p.says(r)
	p.conclude(outcomeColor(r.Outcome), outcomeWord(r.Outcome), p.target(r), gap, parts)
}

// target returns the target of a handshake, with the address that was probed where several of it are.
func (p *page) target(r *probe.Result) string {
	target := p.Printable(r.Target)
	if p.style.Address && r.Address.IsValid() && r.Address.String() != r.Host {
		target += fmt.Sprintf(" (%v)", r.Address)
	}
	return target
}

// conclude adds the word of an outcome, a target, and what there is to say about it in parts that stay in one line, so many
// spaces between them. The target is never cut, and what has no room in its line goes into lines below. Where only the verdict
// is wanted that is a line at most, and none if the target is short: words of a sentence are cut, what stands apart is left out.
func (p *page) conclude(c text.Color, word, target string, gap int, parts []string) {
	head := text.Fill(word+"  ", 2, 1, []string{target})
	last := len(head) - 1
	lines := append(head[:last:last], text.Fill(head[last]+"  ", 2, gap, parts)...)
	switch {
	case p.style.OneLine:
		lines = []string{word + "  " + target + "  " + strings.Join(parts, strings.Repeat(" ", gap))}
	case !p.style.Quiet || len(lines) == len(head):
	case text.Columns(target) > shortTarget && (gap == 1 || text.Columns(head[last])+gap+text.Columns(parts[0]) > text.Width):
		lines = append(head, p.inOneLine("", gap, parts))
	default:
		lines = append(head[:last:last], p.inOneLine(head[last], gap, parts))
	}
	p.verdictLines(c, word, lines...)
}

// inOneLine appends to a line what it has room for.
func (p *page) inOneLine(line string, gap int, parts []string) string {
	if gap == 1 {
		return p.Cut(line+"  "+strings.Join(parts, " "), text.Width)
	}
	for _, part := range parts {
		if text.Columns(line)+gap+text.Columns(part) <= text.Width {
			line += strings.Repeat(" ", gap) + part
		}
	}
	return line
}

// outcomeWord returns an outcome as a verdict begins with it.
func outcomeWord(o probe.Outcome) string { return strings.ToUpper(o.String()) }

// outcomeColor returns the color of an outcome.
func outcomeColor(o probe.Outcome) text.Color {
	switch o {
	case probe.OutcomeEstablished:
		return text.Green
	case probe.OutcomeTimeout, probe.OutcomeInterrupted, probe.OutcomeHalfOpen, probe.OutcomeUnknown:
		return text.Yellow
	}
	return text.Red
}

// says returns what a verdict says after the target, in parts that stay in one line, and how many spaces stand between them.
func (p *page) says(r *probe.Result) (parts []string, gap int) {
	if r.Outcome == probe.OutcomeEstablished {
		return measurements(r), 2
	}
	return strings.Fields(p.Printable(clause(r))), 1
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
	case probe.OutcomeHalfOpen:
		return "answered after " + text.Milliseconds(r.TCP.RTT) + " ms" + doubts(r.TCP) + ", and no ACK"
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
	if KeptIn(r) {
		return "the firewall of this host does not let it out (" + r.Err.Error() + ")"
	}
	return r.Err.Error()
}

// KeptIn reports whether this host did not let a segment of ours out that went by the kernel's IP: that is EPERM, and the
// verdict of netfilter's OUTPUT or POSTROUTING.
func KeptIn(r *probe.Result) bool {
	return r.Outcome == probe.OutcomeLocalError && r.TCP != nil && r.TCP.Send == "ip" && errors.Is(r.Err, fs.ErrPermission)
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
