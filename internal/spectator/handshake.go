package spectator

import (
	"net/netip"
	"time"

	"tcpprobe/probe"
	"tcpprobe/tcphdr"
)

// Handshake is an attempt, and the verdict on it. What did not happen is zero.
type Handshake struct {
	// Result is the attempt as a probe of the client would have it, with the server as its target: outcome, findings, times
	// from the place of the capture, ICMP errors. It has Events if the packets were to be kept.
	Result *probe.Result

	Stream         int // from 1, in the order of their beginnings
	Client, Server netip.AddrPort
	VLANs          []uint16 // of the first packet, the outer one first; two at the most

	ClientOptions, ServerOptions tcphdr.Options // of the SYN and of the SYN-ACK
	HasClient, HasServer         bool           // there was a SYN; a SYN-ACK
	ClientTTL, ServerTTL         uint8          // of the SYN, and of the answer, here
	ClientISS, ServerISS         tcphdr.SeqNum
	ClientFlags, ServerFlags     tcphdr.Flags // of the SYN and of the SYN-ACK
	ClientWindow, ServerWindow   uint16

	Answered           bool          // there is a ClientRTT
	ClientRTT          time.Duration // SYN-ACK to ACK: from the place of the capture to the client and back
	ClientRTTAmbiguous bool          // the SYN-ACK was repeated; it is counted from the first

	SYNACKs  int           // that passed
	Copies   int           // of packets of the handshake, that were there before
	Close    string        // "none", "fin", "rst_by_client" or "rst_by_server"
	Duration time.Duration // from the first packet to the last
	AnswerAt time.Time     // of the answer; zero if there was none
	Waited   time.Duration // from the first SYN for as long as an answer, or the ACK, was looked for
	Frames   []int         // numbers of the packets of the handshake, in rising order
	Packets  []int         // numbers of the packets of which the events are, where packets were kept
}
