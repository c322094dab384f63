package report

import (
	"fmt"
	"strings"

	"tcpprobe/internal/text"
	"tcpprobe/probe"
)

// connect tells of a step of connect(2).
func (l *Ladder) connect(row *row, r *probe.Result, e *probe.Event) {
	row.protocol = "TCP"
	switch e.Kind {
	case probe.EventConnectCalled:
		row.way = text.Out
		row.texts = []string{"connect(2)", "the kernel makes the handshake"}
	case probe.EventConnectAgain:
		row.way = text.Out
		row.texts = []string{"SYN again", fmt.Sprintf("the kernel's %s", ordinal(e.Connect.Again+1))}
	case probe.EventConnectEnded:
		row.way = text.In
		row.texts = connectEnded(r, e.Connect)
	}
}

// ordinal writes a number that counts: "2nd".
func ordinal(n int) string {
	ending := "th"
	if n%100 < 11 || n%100 > 13 {
		switch n % 10 {
		case 1:
			ending = "st"
		case 2:
			ending = "nd"
		case 3:
			ending = "rd"
		}
	}
	return fmt.Sprint(n, ending)
}

// connectEnded says what connect(2) has come to.
func connectEnded(r *probe.Result, c *probe.Connect) []string {
	if c.Errno != "" {
		return []string{c.Errno, "says connect(2)"}
	}
	texts := []string{"ESTABLISHED"}
	if offers := kernelPeer(r.TCP); offers != "" {
		texts = append(texts, offers)
	}
	return append(texts, "TCP_INFO")
}

// kernelPeer says what the kernel tells of the peer's options.
func kernelPeer(t *probe.TCP) string {
	var offers []string
	if t == nil || t.Peer == nil {
		return ""
	}
	if t.SendMSS > 0 {
		offers = append(offers, fmt.Sprintf("smss %d", t.SendMSS))
	}
	if t.Peer.HasScale {
		offers = append(offers, fmt.Sprintf("ws %d", t.Peer.WindowScale))
	}
	if t.Peer.SACKPermitted {
		offers = append(offers, "sack")
	}
	if t.Peer.Timestamps {
		offers = append(offers, "ts")
	}
	return strings.Join(offers, " ")
}

// connectMeasurements are the times that a handshake by connect(2) has taken: the round trip that the kernel has measured, and
// how long the call took.
func connectMeasurements(t *probe.TCP) (parts []string) {
	if t.Answered {
		doubt := "kernel's"
		if t.RTTAmbiguous {
			doubt += ", ambiguous"
		}
		parts = append(parts, fmt.Sprintf("rtt %s ms (%s)", text.Milliseconds(t.RTT), doubt))
	}
	return append(parts, "connect(2) "+text.Milliseconds(t.Connect)+" ms")
}

// connectRefused says how a target refused that connect(2) was called for.
func connectRefused(t *probe.TCP) string {
	if !t.Answered {
		return "connect(2) was reset, " + text.Count(t.SYNSent, "SYN") + " sent"
	}
	return "connect(2) was reset after " + text.Milliseconds(t.RTT) + " ms"
}

// elsewhereConnected says whom the kernel has connected with, if that is not the target.
func elsewhereConnected(t *probe.TCP) string {
	if t == nil || !t.ConnectedTo.IsValid() {
		return ""
	}
	return fmt.Sprintf("a program of this host's cgroup sent it to %v instead", t.ConnectedTo)
}
