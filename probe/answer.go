package probe

import (
	"time"

	"tcpprobe/internal/stamp"
	"tcpprobe/tcphdr"
)

// synSent is one transmission of our SYN.
type synSent struct {
	SYNSent
	number     int
	offer      tcphdr.Flags // of ECN
	challenged bool         // an ACK of what we never sent came back
}

// ackSent is the transmission of the ACK that completes the handshake.
type ackSent struct {
	number int
	sent   bool
	at     stamp.Stamp
}

// answer is what ended the wait: the SYN-ACK, the RST or the ICMP error.
type answer struct {
	at         stamp.Stamp
	ttl        uint8
	syn        int // which SYN it answers, from 1; 0 if that is not known
	candidates int // how many SYNs had left when it came
}

// answered notes the segment that answered our SYN.
func (h *Handshake) answered(a Arrival) {
	h.answer = answer{at: a.At, ttl: a.TTL, candidates: h.candidates(a.At)}
	if i, ok := h.echoIndex(a.Header); ok {
		h.answer.syn = i + 1
	} else if h.answer.candidates == 1 {
		h.answer.syn = 1
	}
}

// answeredBy returns the index of the SYN that the segment answers, or else of the last that was sent.
func (h *Handshake) answeredBy(s tcphdr.Header) int {
	if i, ok := h.echoIndex(s); ok {
		return i
	}
	return len(h.syns) - 1
}

// echoIndex returns the index of the SYN whose time stamp the segment echoes.
func (h *Handshake) echoIndex(s tcphdr.Header) (int, bool) {
	if !h.stamps() {
		return 0, false
	}
	return Echoed(len(h.syns), h.transmission, s)
}

// transmission returns a transmission of our SYN.
func (h *Handshake) transmission(i int) SYNSent { return h.syns[i].SYNSent }

// stamps reports whether our SYN has time stamps.
func (h *Handshake) stamps() bool { return h.c.SYN != SYNBare && h.c.SYN != SYNNoTimestamps }

// echoed reports whether the segment echoes a time stamp of ours.
func (h *Handshake) echoed(s tcphdr.Header) bool {
	_, ok := h.echoIndex(s)
	return ok
}

// echoPlausible reports whether the segment echoes no time stamp, or one between our first and now. Zero is what
// senders write who have none to echo.
func (h *Handshake) echoPlausible(s tcphdr.Header, now time.Time) bool {
	_, ecr, ok := s.Options.Timestamps()
	return !ok || ecr == 0 || ecr-h.c.TimestampBase <= h.tsval(now)-h.c.TimestampBase
}

// candidates returns how many SYNs had left when something arrived.
func (h *Handshake) candidates(at stamp.Stamp) int {
	return max(Candidates(len(h.syns), h.transmission, at), 1)
}

// expects reports whether the acknowledgment number acknowledges something that the machine sent, if only its SYN.
func (h *Handshake) expects(ack tcphdr.SeqNum) bool { return Acknowledges(ack, h.c.ISS, h.sndNxt) }

// underWay reports whether a segment with that sequence number was sent and is not acknowledged: SND.UNA up to, but not
// including, SND.NXT.
func (h *Handshake) underWay(seq tcphdr.SeqNum) bool {
	return UnderWay(seq, h.sndUna, h.sndNxt)
}

// result returns what is known of the handshake.
func (h *Handshake) result() *TCP {
	t := new(TCP)
	h.report(t)
	return t
}

// report writes what is known of the handshake into t, in the memory that t has.
func (h *Handshake) report(t *TCP) {
	states, strays, peer := t.States[:0], t.Strays[:0], t.Peer
	*t = TCP{Strays: strays, State: h.state, States: append(states, h.states...), Close: h.c.Close, TTL: h.answer.ttl}
	if h.heard {
		if t.Peer = peer; peer == nil {
			t.Peer = new(Peer)
		}
		*t.Peer = h.peer
	}
	for _, syn := range h.syns {
		if !syn.At.IsZero() {
			t.SYNSent++
		}
		if syn.challenged {
			t.SYNChallenged++
		}
	}
	if h.ack.sent {
		t.Connected = true
		t.Connect, _ = stamp.Between(h.syns[0].At, h.ack.at)
		t.Turnaround, _ = stamp.Between(h.answer.at, h.ack.at)
	}
	if h.answer.at.IsZero() || t.SYNSent == 0 {
		return
	}
	t.Answered = true
	t.AnsweredSYN = h.answer.syn
	// A SYN-ACK that came after another SYN had left may be a repetition: it echoes the same time stamp as the first.
	t.RTTAmbiguous = h.answer.syn == 0 || h.outcome == OutcomeEstablished && h.answer.syn < h.answer.candidates
	i := h.answer.syn - 1
	if h.answer.syn == 0 {
		i = h.answer.candidates - 1
	}
	t.RTT, t.Clock = stamp.Between(h.syns[i].At, h.answer.at)
}
