package report

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"tcpprobe/internal/text"
	"tcpprobe/internal/trace"
	"tcpprobe/probe"
)

// traceVerdict adds how far the SYN came. Its first word is the outcome.
func (p *page) traceVerdict(t *trace.Trace) {
	outcome, all := t.Outcome()
	texts := strings.Fields(p.Printable(traceClause(t)))
	if outcome == probe.OutcomeEstablished {
		texts = []string{traceClause(t)}
	}
	if !all {
		texts = append(strings.Fields(roundsText(t, outcome)), texts...)
	}
	p.conclude(outcomeColor(outcome), outcomeWord(outcome), p.Printable(t.Target), 1, texts)
	if p.style.Quiet {
		return
	}
	if len(t.Bypassed) > 0 {
		p.Paragraph("  note: ", 8, strings.Fields(p.Printable(pastFirewall(t.Bypassed))))
	}
	for _, note := range append(alterationTexts(t), traceAdvice(t)...) {
		p.Paragraph("  ", 2, strings.Fields(p.Printable(note)))
	}
}

// alterationTexts says what was changed on the way, and what the SYN-ACK has not of what the SYN offered.
func alterationTexts(t *trace.Trace) (texts []string) {
	if text := translatorText(t); text != "" {
		texts = append(texts, text)
	}
	for _, a := range t.Alterations() {
		texts = append(texts, "changed: "+alterationText(a))
	}
	var missing []string
	for _, c := range t.EndToEnd() {
		switch {
		case c.Field == "answer_ttl":
			texts = append(texts, fmt.Sprintf("SYN,ACK came with ttl %s, RST with ttl %s: one of them is not the target's", c.Sent, c.Found))
		case c.Found == "absent":
			missing = append(missing, fieldWords(c.Field))
		default:
			texts = append(texts, fmt.Sprintf("the SYN,ACK says %s %s, our SYN said %s", fieldWords(c.Field), c.Found, c.Sent))
		}
	}
	if len(missing) > 0 {
		texts = append(texts, "the SYN,ACK is without "+strings.Join(missing, ", ")+": not wanted there, or taken out on the way")
	}
	return texts
}

// alterationText says what was changed, and between which hops.
func alterationText(a trace.Alteration) string {
	return fmt.Sprintf("%s %s -> %s %s", fieldWords(a.Field), a.Sent, a.Found, between(a.Before, a.Intact, a.Hop, a.From))
}

// between says where on a path something is: between two hops, or before a hop if the one before that is this host.
func between(before int, intact netip.Addr, hop int, from netip.Addr) string {
	if before > 0 {
		return fmt.Sprintf("between hop %d, %v, and hop %d, %v", before, intact, hop, from)
	}
	return fmt.Sprintf("before hop %d, %v", hop, from)
}

// translatorText says through which translator the path goes, whom it leads to, and where it is if it is seen; "" if it goes
// through none.
func translatorText(t *trace.Trace) string {
	if t.NAT64 == nil {
		return ""
	}
	if at, ok := t.Translator(); ok {
		return fmt.Sprintf("through NAT64 %v %s: %v behind it", t.NAT64.Prefix, between(at.Before, at.Intact, at.Hop, at.From), t.NAT64.Address)
	}
	return fmt.Sprintf("through NAT64 %v: %v behind it", t.NAT64.Prefix, t.NAT64.Address)
}

// fieldWords returns a field's code as words.
func fieldWords(field string) string { return strings.ReplaceAll(field, "_", " ") }

// roundsText says in how many rounds the SYN came so far: "in 2 of 3 rounds,".
func roundsText(t *trace.Trace, o probe.Outcome) string {
	n, of := 0, 0
	for _, round := range t.Rounds {
		if round == o {
			n++
		}
		if round != probe.OutcomeInterrupted {
			of++
		}
	}
	return fmt.Sprintf("in %d of %s,", n, text.Count(of, "round"))
}

// traceClause says how far the SYN came.
func traceClause(t *trace.Trace) string {
	outcome, _ := t.Outcome()
	if t.Failed != nil {
		return cause(t.Failed)
	}
	end, ended := t.End()
	switch {
	case outcome == probe.OutcomeEstablished && ended:
		return hops(t) + "  rtt " + text.Milliseconds(end.RTT) + " ms"
	case outcome == probe.OutcomeRefused && ended:
		return "reset at hop " + fmt.Sprint(lastHop(t)) + " after " + text.Milliseconds(end.RTT) + " ms"
	case outcome == probe.OutcomeUnreachable && ended:
		return rejectedBy(end.ICMP) + away(traceDistance(t, end))
	case outcome == probe.OutcomeUnreachable:
		return hops(t) + " are not enough"
	case outcome == probe.OutcomeInterrupted:
		return "before the SYN came to an end"
	case lastHop(t) == 0:
		return "no hop answers"
	}
	return fmt.Sprintf("reaches %s; no answer from beyond", hopNames(t))
}

// hops says how long the path is.
func hops(t *trace.Trace) string { return text.Count(lastHop(t), "hop") }

// lastHop returns the TTL of the last hop that replied; 0 if none did.
func lastHop(t *trace.Trace) int {
	path := t.Path()
	if len(path) == 0 {
		return 0
	}
	return path[len(path)-1].TTL
}

// hopNames names the last hop that replied: "hop 1, 10.1.0.1".
func hopNames(t *trace.Trace) string {
	path := t.Path()
	last := path[len(path)-1]
	var names []string
	for _, r := range last.Replies {
		if name := r.From.String(); !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return fmt.Sprintf("hop %d, %s", last.TTL, strings.Join(names, " or "))
}

// traceAdvice returns at most two lines: what the outcome means, and what is not known.
func traceAdvice(t *trace.Trace) []string {
	if t.Failed != nil {
		return Advice(t.Failed)
	}
	end, ended := t.End()
	switch outcome, _ := t.Outcome(); {
	case outcome == probe.OutcomeTimeout && lastHop(t) == 0:
		return []string{
			"The first hop drops the SYN before it counts the TTL, or sends no ICMP.",
			"Next: tcpprobe trace to another port shows whether this one is filtered.",
		}
	case outcome == probe.OutcomeTimeout:
		return []string{
			fmt.Sprintf("Dropped by hop %d after it counted the TTL, or by hop %d, router or target,", lastHop(t), lastHop(t)+1),
			"before; or those beyond send no ICMP, and SYN or answer is lost among them.",
		}
	case outcome == probe.OutcomeRefused && ended:
		return []string{"Nothing listens there, or a firewall rejects it in the name of the target."}
	case outcome == probe.OutcomeUnreachable && ended:
		return []string{rejected(end.ICMP)}
	case outcome == probe.OutcomeUnreachable:
		return []string{"The SYN still ran out of hops: a routing loop, or --max-ttl is too small."}
	}
	return nil
}

// TraceReason returns one sentence for a person that says how far the SYN came. It is printable.
func TraceReason(t *trace.Trace) string {
	if t.Failed != nil {
		return Reason(t.Failed)
	}
	switch outcome, _ := t.Outcome(); outcome {
	case probe.OutcomeEstablished:
		return fmt.Sprintf("The target accepts the SYN, %s away.", hops(t))
	case probe.OutcomeRefused:
		return fmt.Sprintf("The SYN was reset, %s away.", hops(t))
	case probe.OutcomeUnreachable:
		if _, ended := t.End(); ended {
			return sentence("the SYN was rejected: " + traceClause(t))
		}
		return sentence("the SYN ran out of hops: " + traceClause(t))
	}
	if outcome, _ := t.Outcome(); outcome == probe.OutcomeTimeout && lastHop(t) > 0 {
		return "The SYN " + traceClause(t) + "."
	}
	return sentence(traceClause(t))
}
