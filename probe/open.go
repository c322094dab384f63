package probe

import (
	"time"

	"tcpprobe/internal/stamp"
	"tcpprobe/tcphdr"
)

const (
	windowScale = 7    // as Linux offers
	largeMSS    = 8960 // octets: that of an interface with an MTU of 9000
)

// begin sends the first SYN (RFC 9293 3.10.1).
func (h *Handshake) begin(now time.Time) {
	h.start = now
	h.giveUp = now.Add(h.c.Timeout)
	h.rto = initialRTO
	h.enter(StateSYNSent, stamp.Stamp{User: now})
	h.sndNxt = h.c.ISS.Add(1 + h.c.Padding)
	h.sendSYN(tcphdr.SYN, now)
}

// sendSYN queues our SYN, or the SYN-ACK of a simultaneous open, and starts the retransmission timer.
func (h *Handshake) sendSYN(flags tcphdr.Flags, now time.Time) {
	offer := ecnOffer(h.c.SYN, h.repeated)
	if flags.Has(tcphdr.ACK) {
		offer = 0
	}
	h.syns = append(h.syns, synSent{SYNSent: SYNSent{TSval: h.tsval(now)}, number: -1, offer: offer})
	h.retransmit = now.Add(h.rto)
	h.push(output{flags: flags | offer, seq: h.c.ISS})
}

// synOptions appends the options of a SYN in the order of Linux. A SYN-ACK, of a simultaneous open, offers what the
// peer offered too.
func (h *Handshake) synOptions(o tcphdr.Options, flags tcphdr.Flags) tcphdr.Options {
	if h.c.SYN == SYNBare {
		return o
	}
	crossed := flags.Has(tcphdr.ACK)
	mss := h.c.MSS
	if h.c.SYN == SYNLargeMSS {
		mss = largeMSS
	}
	o = tcphdr.AppendMSS(o, mss)
	if !crossed || h.peer.SACKPermitted {
		o = tcphdr.AppendSACKPermitted(o)
	}
	if !crossed && h.c.SYN != SYNNoTimestamps || h.timestamps {
		o = tcphdr.AppendTimestamps(o, h.syns[len(h.syns)-1].TSval, h.tsRecent)
	}
	if !crossed || h.scaled {
		o = tcphdr.AppendWindowScale(tcphdr.AppendNoOperation(o), windowScale)
	}
	if !crossed && h.c.SYN == SYNFastOpen {
		o = tcphdr.AppendFastOpenRequest(tcphdr.AppendNoOperation(tcphdr.AppendNoOperation(o)))
	}
	return o
}

// padding returns the data of a segment with those control bits: that of a SYN that is padded, which RFC 9293 3.4 allows.
func (h *Handshake) padding(flags tcphdr.Flags) []byte {
	if !flags.Has(tcphdr.SYN) || flags.Has(tcphdr.ACK) {
		return nil
	}
	return zeros[:h.c.Padding]
}

// zeros is padding. No datagram is longer.
var zeros [65535]byte
