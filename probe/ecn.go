package probe

import "tcpprobe/tcphdr"

// ECN is what became of our offer to use Explicit Congestion Notification.
type ECN uint8

const (
	ECNOff       ECN = iota // not offered
	ECNRefused              // offered, and the peer does not take part
	ECNClassic              // the peer takes part as in RFC 3168
	ECNAccurate             // the peer takes part as in RFC 9768
	ECNReflected            // the peer sent our own bits back: a broken peer
)

var ecnNames = [...]string{"off", "refused", "classic", "accurate", "reflected"}

// String returns "off", "refused", "classic", "accurate" or "reflected".
func (e ECN) String() string { return ecnNames[e] }

// ecnBits are the control bits that ECN uses: the three-bit field of RFC 9768.
const ecnBits = tcphdr.AE | tcphdr.CWR | tcphdr.ECE

// ecnOffer returns the control bits that ask for ECN in the transmission of a SYN, counting from 0. An offer that gets
// no answer may be what kept it from coming, so it is withdrawn: classic ECN at the first retransmission, as RFC 3168
// 6.1.1.1 allows, Accurate ECN at the second (RFC 9768 3.1.4).
func ecnOffer(syn SYN, transmission int) tcphdr.Flags {
	switch {
	case syn == SYNECN && transmission < 1:
		return tcphdr.ECE | tcphdr.CWR
	case syn == SYNAccECN && transmission < 2:
		return tcphdr.AE | tcphdr.CWR | tcphdr.ECE
	}
	return 0
}

// ECNAnswer says what the SYN-ACK's control bits answer to an offer (RFC 3168 6.1.1, RFC 9768 3.1.2). Of Accurate ECN, it is
// the offer that was ever made: a server that took it may answer a later SYN without one (RFC 9768 3.1.4.1).
func ECNAnswer(offer, answer tcphdr.Flags) ECN {
	answer &= ecnBits
	switch {
	case offer == 0:
		return ECNOff
	case answer == 0:
		return ECNRefused
	case answer == offer:
		return ECNReflected
	case answer == tcphdr.ECE:
		return ECNClassic
	case offer.Has(tcphdr.AE):
		return ECNAccurate // with 1,0,1 too, which is reserved for what is to come (RFC 9768 3.1.3)
	}
	return ECNRefused
}

// accurateEcho returns the bits of the ACK that completes an Accurate ECN handshake: they say which ECN codepoint the
// SYN-ACK's datagram arrived with (RFC 9768 3.1.2).
func accurateEcho(codepoint uint8) tcphdr.Flags {
	return [4]tcphdr.Flags{
		0: tcphdr.CWR,
		1: tcphdr.CWR | tcphdr.ECE,
		2: tcphdr.AE,
		3: tcphdr.AE | tcphdr.CWR,
	}[codepoint&congestionExperienced]
}

// congestionExperienced is the ECN codepoint CE (RFC 3168 5).
const congestionExperienced = 3

// aceCounter returns what the three bits say after that: the count of packets that arrived with Congestion Experienced,
// modulo 8, which begins at 5 (RFC 9768 3.2.1).
func aceCounter(ce int) tcphdr.Flags {
	return tcphdr.Flags(5+ce) & 7 * tcphdr.ECE
}

// accurateBits returns the ECN bits of our next segment, once Accurate ECN was agreed on.
func (h *Handshake) accurateBits() tcphdr.Flags {
	bits := h.ace
	if bits == 0 {
		return aceCounter(h.ce)
	}
	h.ace = 0
	return bits
}

// countCongestion counts the segments that arrive with Congestion Experienced, which Accurate ECN reports.
func (h *Handshake) countCongestion(a Arrival) {
	if a.ECN == congestionExperienced {
		h.ce++
	}
}
