package report

import (
	"errors"
	"io/fs"
	"slices"
	"strings"

	"tcpprobe/icmp"
	"tcpprobe/internal/text"
	"tcpprobe/probe"
)

// hostAdvice returns the advice for a failure whose cause may be on this host, between its applications and the wire: then the ways
// are to be compared. There is none for others.
func hostAdvice(r *probe.Result) []string {
	t := r.TCP
	if t == nil || !suspectsHost(r) {
		return nil
	}
	next := "Next: tcpprobe --compare-send " + typed(r)
	switch r.Outcome {
	case probe.OutcomeLocalError:
		if KeptIn(r) {
			return []string{"A rule for what leaves this host drops the SYN: the target was not asked.", next}
		}
		return []string{"This host itself forbids it: that says nothing about the target.", next}
	case probe.OutcomeUnreachable:
		if r.ICMP[len(r.ICMP)-1].Own() {
			return []string{"The firewall of this host itself rejects it: that says nothing of the target.", next}
		}
		return []string{rejected(r.ICMP[len(r.ICMP)-1]), next}
	case probe.OutcomeTimeout:
		if or := next + ", or trace"; text.Columns(or) <= text.Width-2 {
			next = or
		}
		return []string{causesOfSilence(r)[0], next}
	}
	return []string{refusal(r), next}
}

// suspectsHost reports whether the cause of a failure may be what this host does to segments of applications, or does not do to
// frames.
func suspectsHost(r *probe.Result) bool {
	t := r.TCP
	if t.Send != "ip" && !t.ByKernel() {
		translates := slices.ContainsFunc(t.Bypassed, func(chain string) bool { return strings.HasSuffix(chain, " nat") })
		failed := r.Outcome == probe.OutcomeTimeout || r.Outcome == probe.OutcomeRefused || r.Outcome == probe.OutcomeUnreachable && len(r.ICMP) > 0
		return translates && failed && !(r.Outcome == probe.OutcomeTimeout && Heard(r))
	}
	switch r.Outcome {
	case probe.OutcomeTimeout:
		return !Heard(r) && elsewhere(r) == nil
	case probe.OutcomeLocalError:
		return errors.Is(r.Err, fs.ErrPermission)
	case probe.OutcomeUnreachable:
		n := len(r.ICMP)
		return n > 0 && r.ICMP[n-1].Own() && r.ICMP[n-1].Meaning() != icmp.MeansAddressUnreachable
	}
	return false
}
