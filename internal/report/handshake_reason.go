package report

import (
	"fmt"
	"slices"

	"tcpprobe/internal/spectator"
	"tcpprobe/internal/text"
	"tcpprobe/probe"
)

// HandshakeReason returns one sentence for a person that says how a handshake between others ended. It is that of a probe
// where there is nothing else to say.
func HandshakeReason(h *spectator.Handshake) string {
	r := h.Result
	switch r.Outcome {
	case probe.OutcomeEstablished:
		if !r.TCP.Connected {
			return "The handshake was completed, as what followed shows: the ACK did not pass here."
		}
	case probe.OutcomeTimeout:
		return sentence(silence(h) + ending(h))
	case probe.OutcomeHalfOpen:
		return fmt.Sprintf("The SYN was answered after %s ms, and no ACK came in %s%s.", text.Milliseconds(r.TCP.RTT), text.Seconds(h.Waited), ending(h))
	case probe.OutcomeUnknown:
		return sentence(unknownBecause(h) + ": how it began, or ended, is not to be seen")
	}
	return Reason(r)
}

// ending says what ended the wait, where that was not the wait itself.
func ending(h *spectator.Handshake) string {
	switch {
	case h.Close == "rst_by_client":
		return ": the client has reset it"
	case h.Close == "rst_by_server":
		return ": the server has reset it"
	case hasFinding(h.Result, spectator.FindingJudgedEarly):
		return ", as far as it was followed"
	case hasFinding(h.Result, spectator.FindingEnded):
		return ", when the capture ends"
	}
	return ""
}

// hasFinding reports whether something was found.
func hasFinding(r *probe.Result, f probe.Finding) bool { return slices.Contains(r.Findings, f) }

// HandshakeNotes says in words what was found about a handshake between others, each finding in a line. It is printable.
func HandshakeNotes(h *spectator.Handshake) (notes []string) {
	for _, f := range h.Result.Findings {
		note, ok := spectatorNotes[f]
		if !ok {
			note = finding(f, h.Result)
		}
		if note != "" {
			notes = append(notes, note)
		}
	}
	return notes
}

// spectatorNotes are what findings mean to one who sees the handshakes of others pass.
var spectatorNotes = map[probe.Finding]string{
	probe.FindingDuplicateSYNACK:       "the server sent its SYN-ACK again",
	probe.FindingStalePeerState:        "the server acknowledged what the client never sent: it has an old connection",
	probe.FindingResetAfterEstablished: "the server accepted the connection and then reset it",
	probe.FindingRSTIgnored:            "a RST proves nothing about the SYN, and was not counted",
	probe.FindingPeerSpeaksFirst:       "the server speaks first: data or FIN came before the client sent any",
	probe.FindingOptionsMalformed:      "the options of a SYN or SYN-ACK cannot be read to their end",
	probe.FindingChecksumInvalid:       "a segment with a wrong checksum got no answer",
	probe.FindingSimultaneousOpen:      "simultaneous open: the SYNs of both crossed",
	probe.FindingICMPThenAnswer:        "an ICMP error quoted the SYN, and yet the server answered",
	probe.FindingTimestampsMismatch:    "the SYN-ACK echoes a time stamp that the client never sent",
	probe.FindingMD5Signature:          "the SYN-ACK has an MD5 signature",
	spectator.FindingPortReused:        "another SYN came from the same port, and this one had no end",
	spectator.FindingSYNLost:           "a SYN, or its answer, was lost between here and the server",
	spectator.FindingSYNACKLost:        "the SYN-ACK was lost between here and the client: the SYN came again",
	spectator.FindingACKLost:           "the ACK was lost between here and the server, or its accept queue is full",
	spectator.FindingNoACK:             "the SYN-ACK, or its ACK, was lost between here and the client",
	spectator.FindingSplitHandshake:    "split handshake: the server acknowledged, and sent a SYN of its own",
	spectator.FindingSYNCookies:        "SYN cookies, perhaps: the time stamps of the server's SYN-ACKs look like them",
	spectator.FindingDuplicateFrames:   "frames are there several times, and were counted once",
	spectator.FindingOffload:           "checksums were left to the network card of the host that captured",
	spectator.FindingOneDirection:      "one direction alone is in the capture",
	spectator.FindingMissing:           "packets are missing in the capture: what was never seen is acknowledged",
	spectator.FindingBegan:             "the capture begins after the SYN",
	spectator.FindingEnded:             "the capture ends before it is sure that nothing more would come",
	spectator.FindingJudgedEarly:       "too many handshakes were under way: this one was judged early",
	spectator.FindingTimeBack:          "the times in the capture go back: a duration is left out",
}
