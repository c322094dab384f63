package probe

import (
	"fmt"
	"slices"
	"strings"
)

// State is a state of the connection (RFC 9293 3.3.2).
type State uint8

const (
	StateClosed State = iota
	StateSYNSent
	StateSYNReceived
	StateEstablished
	StateFINWait1
	StateFINWait2
	StateCloseWait
	StateClosing
	StateLastACK
	StateTimeWait
)

var stateNames = [...]string{"CLOSE", "SYN_SENT", "SYN_RECV", "ESTABLISHED", "FIN_WAIT1", "FIN_WAIT2", "CLOSE_WAIT", "CLOSING", "LAST_ACK", "TIME_WAIT"}

// String returns the state's name as netstat prints it: "SYN_SENT".
func (s State) String() string { return stateNames[s] }

// Close is how the connection is ended once it is established.
type Close uint8

const (
	CloseFIN  Close = iota // an ordinary close: FIN, and the peer's FIN is waited for
	CloseRST               // one RST after the ACK
	CloseHalf              // RST in place of the ACK: the peer's application never sees the connection
	CloseNone              // nothing: the peer is left with an open connection
)

var closeNames = []string{"fin", "rst", "half", "none"}

// String returns "fin", "rst", "half" or "none".
func (c Close) String() string { return closeNames[c] }

// ParseClose is the inverse of String.
func ParseClose(s string) (Close, error) {
	i, err := parseName(s, closeNames)
	return Close(i), err
}

// SYN is which control bits and options our SYN has.
type SYN uint8

const (
	SYNLinux        SYN = iota // MSS, SACK permitted, time stamps, window scale: the options of Linux, in its order
	SYNBare                    // no options
	SYNECN                     // SYNLinux, with the control bits that ask for ECN (RFC 3168 6.1.1)
	SYNAccECN                  // SYNLinux, with the control bits that ask for Accurate ECN (RFC 9768 3.1.1)
	SYNNoTimestamps            // SYNLinux, without time stamps
	SYNLargeMSS                // SYNLinux, with a maximum segment size for jumbo frames
	SYNFastOpen                // SYNLinux, with a request for a Fast Open cookie (RFC 7413 4.1.1)
)

var synNames = []string{"linux", "bare", "ecn", "accecn", "nots", "bigmss", "tfo"}

// String returns "linux", "bare", "ecn", "accecn", "nots", "bigmss" or "tfo".
func (s SYN) String() string { return synNames[s] }

// ParseSYN is the inverse of String.
func ParseSYN(s string) (SYN, error) {
	i, err := parseName(s, synNames)
	return SYN(i), err
}

// ICMPPolicy is what an ICMP error does that quotes our SYN.
type ICMPPolicy uint8

const (
	ICMPAbort  ICMPPolicy = iota // it ends the probe, as it ends connect(2) in SYN-SENT on Linux (RFC 5461 4); FreeBSD goes on
	ICMPReport                   // it is noted, and the wait goes on (RFC 9293 MUST-56)
)

var icmpPolicyNames = []string{"abort", "report"}

// String returns "abort" or "report".
func (p ICMPPolicy) String() string { return icmpPolicyNames[p] }

// ParseICMPPolicy is the inverse of String.
func ParseICMPPolicy(s string) (ICMPPolicy, error) {
	i, err := parseName(s, icmpPolicyNames)
	return ICMPPolicy(i), err
}

// parseName returns the index of s among the names.
func parseName(s string, names []string) (int, error) {
	i := slices.Index(names, s)
	if i < 0 {
		return 0, fmt.Errorf("%q: one of %s is wanted", s, strings.Join(names, ", "))
	}
	return i, nil
}

// Verdict is what the machine made of something that arrived.
type Verdict uint8

const (
	VerdictDropped           Verdict = iota // it says nothing, and changed nothing
	VerdictOpened                           // it acknowledged our SYN: the connection is established
	VerdictCrossed                          // a SYN that crossed ours: SYN-RECEIVED
	VerdictRefused                          // a RST that acknowledged our SYN
	VerdictRSTUnproven                      // a RST that proves nothing about our SYN: dropped
	VerdictACKUnacceptable                  // it acknowledged what we never sent: answered by RST
	VerdictTimestampUnproven                // a RST that echoes a time stamp that we never sent: dropped
	VerdictDuplicate                        // something received before: acknowledged again
	VerdictOutOfWindow                      // outside the window: acknowledged
	VerdictChallenged                       // a SYN, or a RST not exactly at RCV.NXT: challenged by ACK (RFC 5961)
	VerdictReset                            // a valid RST after the connection was established
	VerdictAcknowledged                     // an acknowledgment, no more
	VerdictData                             // data in order
	VerdictFIN                              // the peer closes
	VerdictRejectedByICMP                   // an ICMP error that ended the probe
	VerdictNotedICMP                        // an ICMP error that was noted
	VerdictLate                             // it came after the end
)

var verdictNames = [...]string{
	"dropped", "established", "crossing SYN", "refused", "RST proves nothing", "unacceptable ACK", "RST echoes no time stamp of ours",
	"duplicate", "out of window", "challenged", "reset", "acknowledged", "data", "FIN", "rejected", "noted", "late",
}

// String says the verdict in a word or a few.
func (v Verdict) String() string { return verdictNames[v] }
