package probe

import (
	"slices"
	"time"

	"tcpprobe/internal/stamp"
	"tcpprobe/tcphdr"
)

// Linger is how long a connection is looked after once it is established: FINs are waited for and repeated SYN-ACKs
// acknowledged again. It is longer than the initial retransmission timeout, so that a peer that lost our ACK gets
// another. Over a long way it is three times the RTT instead.
const Linger = 1500 * time.Millisecond

// MaximumSegments is how many segments one connection sends at the most, whatever arrives. Half of them are kept for what
// matters: answers to senseless segments stop before.
const MaximumSegments = 64

// Config is what a handshake needs to know.
type Config struct {
	LocalPort, RemotePort uint16
	ISS                   tcphdr.SeqNum // initial send sequence number: unpredictable, from outside
	TimestampBase         uint32        // of our time stamps' clock: unpredictable, from outside
	SYN                   SYN
	Padding               int // octets of data in the SYN, all 0, for the sake of its size; they are sent with it alone
	MSS                   uint16
	Window                int           // receive window, octets; a SYN cannot offer more than 65535 of it
	Timeout               time.Duration // from the first SYN to giving up
	Retries               int           // how many times the SYN is sent again within the timeout, 0 to 30
	Close                 Close
	Linger                time.Duration // see Linger
	ICMP                  ICMPPolicy
}

// Handshake is the machine of one active open: what to send and when, and what to make of what arrives, by RFC 9293
// 3.10 and RFC 5961. It has no socket, goroutine, clock or randomness.
//
// Call Next until it has nothing more to send, telling Sent of every segment; then wait until Deadline or for something
// to arrive, hand that over, and start again, until Done.
type Handshake struct {
	c       Config
	state   State
	outcome Outcome
	err     error
	ended   bool // nothing more is to be queued, but answers to what the peer repeats
	unsure  bool // whether the peer has our FIN, and so where it takes a RST

	// The control block (RFC 9293 3.3.1).
	sndUna, sndNxt tcphdr.SeqNum
	irs, rcvNxt    tcphdr.SeqNum
	timestamps     bool         // both sides sent the option: every later segment carries it (RFC 7323 3.2)
	tsRecent       uint32       // the peer's time stamp to echo
	scaled         bool         // both sides sent the window scale option (RFC 7323 2.2)
	ace            tcphdr.Flags // the ECN bits of the ACK that completes an Accurate ECN handshake, until it is sent
	ce             int          // segments that arrived with Congestion Experienced

	// Timers: the zero Time is one that does not run.
	start       time.Time // of the first SYN
	giveUp      time.Time // when the wait for an answer, or for the peer's close, is over
	retransmit  time.Time // when what is not acknowledged is sent again
	acknowledge time.Time // when data that came with a crossing SYN is acknowledged at the latest
	rto         time.Duration
	waited      time.Duration  // how long the last repetition of our SYN was waited for
	repeated    int            // how often our SYN, or SYN-ACK, was sent again
	uncrossed   retransmission // of our SYN, when another crossed it

	// What is sent.
	queue          [4]output
	queued         int
	sending        output // what Next returned last
	sent           int    // segments so far
	options        [40]byte
	challenges     int       // how many may be sent now
	challengesFrom time.Time // since when that is so

	// What was seen.
	synData  int // octets of data of a crossing SYN, which are taken once established
	syns     []synSent
	ack      ackSent
	answer   answer
	peer     Peer        // what its SYN or SYN-ACK said
	heard    bool        // there was one
	latest   stamp.Stamp // of what was looked at last: a time or an arrival
	states   []StateChange
	findings []Finding
	noted    bool // an ICMP error quoted our SYN
}

// NewHandshake returns a machine that has sent nothing yet.
func NewHandshake(c Config) *Handshake {
	h := new(Handshake)
	h.renew(c)
	return h
}

// renew makes it a machine that has sent nothing yet, and keeps its memory.
func (h *Handshake) renew(c Config) {
	*h = Handshake{
		c: c, sndUna: c.ISS, sndNxt: c.ISS, challenges: challengesAtOnce,
		syns: h.syns[:0], states: h.states[:0], findings: h.findings[:0],
	}
}

// State returns the state of the connection.
func (h *Handshake) State() State { return h.state }

// Outcome returns the verdict so far: Pending, and then once and for all one of Established, Refused, Unreachable,
// Timeout, LocalError and Interrupted.
func (h *Handshake) Outcome() Outcome { return h.outcome }

// Done reports whether nothing more will be sent.
func (h *Handshake) Done() bool { return h.ended && h.queued == 0 }

// Next returns the segment that is to be sent now, if there is one. Its checksum is not set, and its Options alias the
// machine: they hold until the next call.
func (h *Handshake) Next(now time.Time) (tcphdr.Header, bool) {
	h.latest = stamp.Stamp{User: now}
	switch {
	case h.ended:
	case h.start.IsZero():
		h.begin(now)
	default:
		h.expire(now)
	}
	if h.queued == 0 {
		return tcphdr.Header{}, false
	}
	h.sending = h.queue[0]
	copy(h.queue[:], h.queue[1:])
	h.queued--
	h.sending.number = h.sent
	h.sent++
	return h.segment(now), true
}

// Deadline returns when Next is to be called even if nothing arrives.
func (h *Handshake) Deadline() (time.Time, bool) {
	if h.ended {
		return time.Time{}, false
	}
	deadline := h.giveUp
	for _, t := range [...]time.Time{h.retransmit, h.acknowledge} {
		if !t.IsZero() && t.Before(deadline) {
			deadline = t
		}
	}
	return deadline, true
}

// Number returns the number of the segment that Next returned last, counting from 0.
func (h *Handshake) Number() int { return h.sending.number }

// Sent takes note that the segment which Next returned last was handed to the network at that time. It returns the
// segment's number, counting from 0, for Stamped.
func (h *Handshake) Sent(at stamp.Stamp) int {
	number := h.sending.number
	switch {
	case h.sending.flags.Has(tcphdr.SYN):
		last := len(h.syns) - 1
		h.syns[last].number, h.syns[last].At = number, at
		// The system may have had no room for it until now: the wait for an answer begins as it leaves.
		if last == 0 {
			h.states[0].At = at
			h.giveUp = at.User.Add(h.c.Timeout)
		}
		if !h.retransmit.IsZero() {
			h.retransmit = at.User.Add(h.rto)
		}
	case h.sending.flags == tcphdr.ACK && !h.ack.sent && h.outcome == OutcomeEstablished:
		h.ack = ackSent{number: number, sent: true, at: at}
	}
	return number
}

// Stamped takes note of when the kernel saw the segment with that number leave, which becomes known later than Sent. The
// process's own time stays what it was.
func (h *Handshake) Stamped(number int, kernel time.Time) {
	for i := range h.syns {
		if h.syns[i].number == number {
			h.syns[i].At.Kernel = kernel
			if i == 0 {
				h.states[0].At.Kernel = kernel
			}
			return
		}
	}
	if h.ack.sent && h.ack.number == number {
		h.ack.at.Kernel = kernel
	}
}

// Fail ends the probe because the system refused to send.
func (h *Handshake) Fail(err error) {
	if h.outcome == OutcomePending {
		h.outcome, h.err = OutcomeLocalError, err
	}
	h.queued = 0
	h.end(h.state)
}

// Interrupt ends the probe early. A connection that is established is reset, so as not to be left half open.
func (h *Handshake) Interrupt() {
	if h.ended {
		return
	}
	h.queued = 0
	if h.outcome == OutcomePending {
		h.outcome = OutcomeInterrupted
	}
	h.abort()
}

// enter changes the state, and notes when.
func (h *Handshake) enter(s State, at stamp.Stamp) {
	h.state = s
	h.states = append(h.states, StateChange{State: s, At: at})
}

// end stops all timers: what is queued is still sent, and nothing after it.
func (h *Handshake) end(s State) {
	if s != h.state {
		h.enter(s, h.latest)
	}
	h.ended = true
	h.retransmit, h.acknowledge = time.Time{}, time.Time{}
}

// find notes a finding once.
func (h *Handshake) find(f Finding) {
	if !slices.Contains(h.findings, f) {
		h.findings = append(h.findings, f)
	}
}
