package spectator

import (
	"fmt"
	"slices"
	"strings"

	"tcpprobe/probe"
)

// Findings of a spectator, beside those of package probe.
const (
	FindingPortReused      probe.Finding = "port_reused"         // a SYN with another sequence number between the same addresses and ports, with no answer to the one before, or no end
	FindingSYNLost         probe.Finding = "syn_lost"            // a SYN was repeated, and no answer to the one before had passed here: lost behind this place, or its answer was
	FindingSYNACKLost      probe.Finding = "syn_ack_lost"        // the SYN was repeated although its SYN-ACK had passed here: lost on the way to the client
	FindingACKLost         probe.Finding = "ack_lost"            // the SYN-ACK was repeated although its ACK had passed here: lost on the way to the server
	FindingNoACK           probe.Finding = "ack_unseen"          // the SYN-ACK was repeated, and no ACK had passed here: either was lost on the client's side
	FindingSplitHandshake  probe.Finding = "split_handshake"     // the server answered by a SYN of its own, which the client acknowledged
	FindingSYNCookies      probe.Finding = "syn_cookie_hint"     // the time stamps of the server's latest SYN-ACKs all look like those of SYN cookies
	FindingDuplicateFrames probe.Finding = "duplicate_frames"    // packets are in the capture several times; they were counted once
	FindingOffload         probe.Finding = "checksum_offload"    // checksums that the network card was to compute, after the capture
	FindingOneDirection    probe.Finding = "one_direction"       // of one of the directions there is nothing
	FindingMissing         probe.Finding = "packets_missing"     // what was seen acknowledges what was not
	FindingBegan           probe.Finding = "capture_begins_here" // the capture begins after the SYN
	FindingEnded           probe.Finding = "capture_ends_here"   // the capture ends before a repetition would be due, or while the wait goes on
	FindingJudgedEarly     probe.Finding = "judged_early"        // there were more attempts under way than there is room for
	FindingTimeBack        probe.Finding = "time_goes_back"      // packets that follow each other have times that do not
)

// own are the findings of a spectator alone.
var own = []probe.Finding{
	FindingPortReused, FindingSYNLost, FindingSYNACKLost, FindingACKLost, FindingNoACK, FindingSplitHandshake, FindingSYNCookies,
	FindingDuplicateFrames, FindingOffload, FindingOneDirection, FindingMissing, FindingBegan, FindingEnded, FindingJudgedEarly,
	FindingTimeBack,
}

// shared are the findings of package probe that a spectator may make, too.
var shared = []probe.Finding{
	probe.FindingSYNRetransmitted, probe.FindingDuplicateSYNACK, probe.FindingStalePeerState, probe.FindingResetAfterEstablished,
	probe.FindingRSTIgnored, probe.FindingPeerSpeaksFirst, probe.FindingOptionsMalformed, probe.FindingChecksumInvalid,
	probe.FindingSimultaneousOpen, probe.FindingICMPThenAnswer, probe.FindingTimestampsMismatch, probe.FindingMD5Signature,
	probe.FindingMTUBelowMinimum,
}

// Findings returns all findings that a spectator may make.
func Findings() []probe.Finding { return slices.Concat(shared, own) }

// ParseFinding returns the finding with a code. The error names the codes that there are.
func ParseFinding(code string) (probe.Finding, error) {
	if slices.Contains(shared, probe.Finding(code)) || slices.Contains(own, probe.Finding(code)) {
		return probe.Finding(code), nil
	}
	var codes []string
	for _, f := range Findings() {
		codes = append(codes, string(f))
	}
	return "", fmt.Errorf("%s: one of %s is wanted", code, strings.Join(codes, ", "))
}

// findings are those of an attempt: a bit for each, in the order of Findings.
type findings uint32

// The bits.
const (
	synRetransmitted findings = 1 << iota
	duplicateSYNACK
	stalePeerState
	resetAfterEstablished
	rstIgnored
	peerSpeaksFirst
	optionsMalformed
	checksumInvalid
	simultaneousOpen
	icmpThenAnswer
	timestampsMismatch
	md5Signature
	mtuBelowMinimum

	portReused
	synLost
	synACKLost
	ackLost
	noACK
	splitHandshake
	synCookies
	duplicateFrames
	offload
	oneDirection
	missing
	began
	ended
	judgedEarly
	timeBack
)

// list returns the findings by their codes.
func (f findings) list() (list []probe.Finding) {
	for i, code := range shared {
		if f&(1<<i) != 0 {
			list = append(list, code)
		}
	}
	for i, code := range own {
		if f&(1<<(len(shared)+i)) != 0 {
			list = append(list, code)
		}
	}
	return list
}
