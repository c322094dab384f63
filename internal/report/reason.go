package report

import (
	"fmt"
	"strings"

	"tcpprobe/internal/text"
	"tcpprobe/probe"
)

// Reason returns one sentence for a person that says how the handshake ended. It is printable.
func Reason(r *probe.Result) string {
	switch r.Outcome {
	case probe.OutcomeEstablished:
		if r.TCP.ByKernel() {
			return sentence(fmt.Sprintf("connect(2) succeeded after %s ms", text.Milliseconds(r.TCP.Connect)))
		}
		if r.TCP.Connected {
			return fmt.Sprintf("The handshake was completed in %s ms.", text.Milliseconds(r.TCP.Connect))
		}
		return fmt.Sprintf("The peer accepted the SYN after %s ms, and was reset before the handshake was complete.", text.Milliseconds(r.TCP.RTT))
	case probe.OutcomeRefused:
		if r.TCP.ByKernel() {
			return sentence(fmt.Sprintf("connect(2) was refused: a RST came in the name of %v", r.TCP.Remote.Addr()))
		}
		return fmt.Sprintf("A RST came in the name of %v after %s ms: nothing listens on port %d, or a firewall rejects it.",
			r.TCP.Remote.Addr(), text.Milliseconds(r.TCP.RTT), r.Port)
	case probe.OutcomeUnreachable:
		return sentence("the SYN was rejected: " + rejection(r))
	case probe.OutcomeInterrupted:
		return sentence("interrupted: " + interrupted(r))
	}
	return sentence(explanation(r))
}

// sentence makes a printable sentence of a clause. A name keeps its case: only words of our own begin with a capital.
func sentence(s string) string {
	s = text.Printable(s)
	for _, own := range []string{"no ", "the ", "gateway ", "interrupted"} {
		if strings.HasPrefix(s, own) {
			s = strings.ToUpper(s[:1]) + s[1:]
		}
	}
	return strings.TrimSuffix(s, ".") + "."
}
