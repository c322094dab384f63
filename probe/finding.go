package probe

import (
	"fmt"
	"slices"
	"strings"
)

// findings are all that there are, in the order of their declaration.
var findings = []Finding{
	FindingSYNRetransmitted, FindingDuplicateSYNACK, FindingStalePeerState, FindingResetAfterEstablished, FindingRSTIgnored,
	FindingPeerSpeaksFirst, FindingOptionsMalformed, FindingChecksumInvalid, FindingSimultaneousOpen, FindingARPConflict,
	FindingARPUnanswered, FindingNDPConflict, FindingNDPUnanswered, FindingLinkLocalSource, FindingNextHopMoved, FindingNextHopOwnMAC, FindingNextHopGroupMAC, FindingAddressConflict,
	FindingICMPThenAnswer, FindingTimestampsMismatch, FindingMD5Signature, FindingCloseUnanswered, FindingFragmentIgnored,
	FindingDNSAnswerDamaged, FindingAnsweredElsewhere, FindingPortOutsideRange,
	FindingRepathed, FindingMTUBelowMinimum,
}

// Findings returns all findings that there are.
func Findings() []Finding { return slices.Clone(findings) }

// ParseFinding returns the finding with a code. The error names the codes that there are.
func ParseFinding(code string) (Finding, error) {
	if slices.Contains(findings, Finding(code)) {
		return Finding(code), nil
	}
	var codes []string
	for _, f := range findings {
		codes = append(codes, string(f))
	}
	return "", fmt.Errorf("%s: one of %s is wanted", code, strings.Join(codes, ", "))
}
