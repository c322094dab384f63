package report

import (
	"fmt"
	"strings"

	"tcpprobe/probe"
)

// Way says by which way the segments left, and what of this host that way passes by; "" if none left.
func Way(r *probe.Result) string {
	t := r.TCP
	switch {
	case t == nil || t.SYNSent == 0:
		return ""
	case t.ByKernel():
		return "by connect(2): this host's firewall, translation and IPsec took part"
	case t.Send == "ip":
		return "sent by this host's IP: its firewall, translation and IPsec took part"
	case len(t.Bypassed) > 0:
		return pastFirewall(t.Bypassed)
	}
	return "sent in frames, past this host's firewall, translation and IPsec if any"
}

// pastFirewall says what of this host frames pass by.
func pastFirewall(bypassed []string) string {
	return fmt.Sprintf("sent in frames, past this host's own firewall (%s), as no application's are; --send ip asks it", strings.Join(bypassed, ", "))
}

// wayMatters reports whether another way may have ended otherwise: the handshake failed, or what an application meets is
// known to be more.
func wayMatters(r *probe.Result) bool {
	switch r.Outcome {
	case probe.OutcomeRefused, probe.OutcomeUnreachable, probe.OutcomeTimeout:
		return true
	}
	return r.TCP != nil && len(r.TCP.Bypassed) > 0
}
