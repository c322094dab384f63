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

const (
	initialRTO = time.Second            // RFC 6298 2.1
	maximumRTO = 60 * time.Second       // RFC 6298 2.5
	delayedACK = 100 * time.Millisecond // RFC 9293 MUST-40: less than half a second

	// Answers to segments that make no sense are limited (RFC 5961 7): a few at once, then one in a while.
	junkAtOnce = 5
	junkEvery  = 500 * time.Millisecond

	windowScale = 7    // as Linux offers
	largeMSS    = 8960 // octets: that of an interface with an MTU of 9000
)

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
	ended   bool // nothing more is to be queued

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
	waited      time.Duration // how long the last repetition of our SYN was waited for
	repeated    int           // how often our SYN, or SYN-ACK, was sent again

	// What is sent.
	queue    [4]output
	queued   int
	sending  output // what Next returned last
	sent     int    // segments so far
	options  [40]byte
	junk     int // how many answers to senseless segments may be sent now
	junkFrom time.Time

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
	ignored  int
	noted    bool // an ICMP error quoted our SYN
}

// output is a segment to be sent.
type output struct {
	flags  tcphdr.Flags
	seq    tcphdr.SeqNum
	number int // of the segment, among those sent
}

// synSent is one transmission of our SYN.
type synSent struct {
	number int
	tsval  uint32
	offer  tcphdr.Flags // of ECN
	at     stamp.Stamp
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

// NewHandshake returns a machine that has sent nothing yet.
func NewHandshake(c Config) *Handshake {
	h := new(Handshake)
	h.renew(c)
	return h
}

// renew makes it a machine that has sent nothing yet, and keeps its memory.
func (h *Handshake) renew(c Config) {
	*h = Handshake{
		c: c, sndUna: c.ISS, sndNxt: c.ISS, junk: junkAtOnce,
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
		h.syns[last].number, h.syns[last].at = number, at
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

// expects reports whether the acknowledgment number acknowledges something that the machine sent, if only its SYN.
func (h *Handshake) expects(ack tcphdr.SeqNum) bool { return h.c.ISS.Less(ack) && ack.LessEq(h.sndNxt) }

// underWay reports whether a segment with that sequence number was sent and is not acknowledged: SND.UNA up to, but not
// including, SND.NXT.
func (h *Handshake) underWay(seq tcphdr.SeqNum) bool {
	return h.sndUna.LessEq(seq) && seq.Less(h.sndNxt)
}

// Stamped takes note of when the kernel saw the segment with that number leave, which becomes known later than Sent. The
// process's own time stays what it was.
func (h *Handshake) Stamped(number int, kernel time.Time) {
	for i := range h.syns {
		if h.syns[i].number == number {
			h.syns[i].at.Kernel = kernel
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

// begin sends the first SYN (RFC 9293 3.10.1).
func (h *Handshake) begin(now time.Time) {
	h.start = now
	h.giveUp = now.Add(h.c.Timeout)
	h.rto = initialRTO
	h.enter(StateSYNSent, stamp.Stamp{User: now})
	h.sndNxt = h.c.ISS.Add(1 + h.c.Padding)
	h.sendSYN(tcphdr.SYN, now)
}

// expire does what the timers ask for that have run out.
func (h *Handshake) expire(now time.Time) {
	due := func(t time.Time) bool { return !t.IsZero() && !now.Before(t) }
	switch {
	case due(h.giveUp):
		h.timeout()
	case due(h.retransmit):
		h.resend(now)
	case due(h.acknowledge):
		h.sendACK()
	}
}

// timeout ends a wait in which nothing came.
func (h *Handshake) timeout() {
	switch {
	case h.outcome == OutcomePending && h.noted:
		h.outcome = OutcomeUnreachable
		h.end(StateClosed)
	case h.outcome == OutcomePending:
		h.outcome = OutcomeTimeout
		h.end(StateClosed)
	case h.c.Close == CloseNone:
		h.end(h.state)
	default:
		h.find(FindingCloseUnanswered)
		h.abort()
	}
}

// resend sends again what was not acknowledged in time, and doubles the time (RFC 6298 5.4 to 5.6).
func (h *Handshake) resend(now time.Time) {
	h.waited = h.rto
	h.rto = min(2*h.rto, maximumRTO)
	switch h.state {
	case StateSYNSent, StateSYNReceived:
		if len(h.syns) > h.c.Retries {
			h.retransmit = time.Time{}
			return
		}
		h.repeated++
		if h.state == StateSYNSent {
			h.find(FindingSYNRetransmitted)
			h.sendSYN(tcphdr.SYN, now)
		} else {
			h.sendSYN(tcphdr.SYN|tcphdr.ACK, now)
		}
	default:
		h.sendFIN(now)
	}
}

// sendSYN queues our SYN, or the SYN-ACK of a simultaneous open, and starts the retransmission timer.
func (h *Handshake) sendSYN(flags tcphdr.Flags, now time.Time) {
	offer := ecnOffer(h.c.SYN, len(h.syns))
	if flags.Has(tcphdr.ACK) {
		offer = 0
	}
	h.syns = append(h.syns, synSent{number: -1, tsval: h.tsval(now), offer: offer})
	h.retransmit = now.Add(h.rto)
	h.push(output{flags: flags | offer, seq: h.c.ISS})
}

// sendACK queues an acknowledgment of all that was received.
func (h *Handshake) sendACK() {
	h.acknowledge = time.Time{}
	h.push(output{flags: tcphdr.ACK, seq: h.sndNxt})
}

// sendFIN queues our FIN, the first time or again: SND.NXT is past it already.
func (h *Handshake) sendFIN(now time.Time) {
	h.acknowledge = time.Time{}
	h.retransmit = now.Add(h.rto)
	h.push(output{flags: tcphdr.FIN | tcphdr.ACK, seq: h.sndNxt.Add(-1)})
}

// abort resets the connection, in the states in which the peer may still have something to say, and ends the machine (RFC
// 9293 3.10.5).
func (h *Handshake) abort() {
	switch h.state {
	case StateSYNReceived, StateEstablished, StateFINWait1, StateFINWait2, StateCloseWait:
		h.push(output{flags: tcphdr.RST, seq: h.sndNxt})
	}
	h.end(StateClosed)
}

// Close closes the connection as an application would (RFC 9293 3.10.4). A machine whose configuration names a close
// does so by itself as soon as the connection is established.
func (h *Handshake) Close(now time.Time) {
	switch h.state {
	case StateEstablished:
		h.enter(StateFINWait1, stamp.Stamp{User: now})
	case StateCloseWait:
		h.enter(StateLastACK, stamp.Stamp{User: now})
	default:
		return
	}
	h.sndNxt = h.sndNxt.Add(1)
	h.sendFIN(now)
}

// push queues a segment. A connection that has sent as many as it may is reset in its place.
func (h *Handshake) push(o output) {
	if h.queued == len(h.queue) {
		h.queued-- // acknowledgments that wait say what is known as they leave, and a FIN will be sent again
	}
	if h.sent+h.queued >= MaximumSegments-1 && !h.ended {
		o = output{flags: tcphdr.RST, seq: h.sndNxt}
		h.end(StateClosed)
	}
	h.queue[h.queued] = o
	h.queued++
}

// segment writes what is being sent as a header.
func (h *Handshake) segment(now time.Time) tcphdr.Header {
	s := tcphdr.Header{
		SrcPort: h.c.LocalPort, DstPort: h.c.RemotePort,
		Seq: h.sending.seq, Flags: h.sending.flags,
	}
	if s.Flags.Has(tcphdr.ACK) {
		s.Ack = h.rcvNxt
	}
	options := tcphdr.Options(h.options[:0])
	switch {
	case s.Flags.Has(tcphdr.SYN):
		s.Window = h.window(0)
		options = h.synOptions(options, s.Flags)
	case s.Flags.Has(tcphdr.RST):
		// A reset offers no window, and needs no option (RFC 7323 3.2).
	default:
		if h.peer.ECN == ECNAccurate {
			s.Flags |= h.accurateBits()
		}
		s.Window = h.window(0)
		if h.scaled {
			s.Window = h.window(windowScale)
		}
		if h.timestamps {
			options = tcphdr.AppendNoOperation(tcphdr.AppendNoOperation(options))
			options = tcphdr.AppendTimestamps(options, h.tsval(now), h.tsRecent)
		}
	}
	s.Options = options
	return s
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

// window returns the receive window as a header has it, with its unit of 2^shift octets. It is rounded up, as Linux does: a
// small window is not none.
func (h *Handshake) window(shift int) uint16 {
	return uint16(min((h.c.Window+1<<shift-1)>>shift, 65535))
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
		o = tcphdr.AppendTimestamps(o, h.syns[len(h.syns)-1].tsval, h.tsRecent)
	}
	if !crossed || h.scaled {
		o = tcphdr.AppendWindowScale(tcphdr.AppendNoOperation(o), windowScale)
	}
	if !crossed && h.c.SYN == SYNFastOpen {
		o = tcphdr.AppendFastOpenRequest(tcphdr.AppendNoOperation(tcphdr.AppendNoOperation(o)))
	}
	return o
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

// tsval is our time stamp clock, which ticks every millisecond (RFC 7323 5.4). Every SYN has its own value, since
// they are at least a second apart.
func (h *Handshake) tsval(now time.Time) uint32 {
	return h.c.TimestampBase + uint32(now.Sub(h.start)/time.Millisecond)
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

// repetition returns how many times the SYN, or SYN-ACK, was sent before its last time, and after which wait it was sent
// again.
func (h *Handshake) repetition() (again int, after time.Duration) {
	if h.repeated == 0 {
		return 0, 0
	}
	return h.repeated, h.waited
}

// result returns what is known of the handshake.
func (h *Handshake) result() *TCP {
	t := new(TCP)
	h.report(t)
	return t
}

// report writes what is known of the handshake into t, in the memory that t has.
func (h *Handshake) report(t *TCP) {
	states, peer := t.States[:0], t.Peer
	*t = TCP{State: h.state, States: append(states, h.states...), Close: h.c.Close, TTL: h.answer.ttl, Ignored: h.ignored}
	if h.heard {
		if t.Peer = peer; peer == nil {
			t.Peer = new(Peer)
		}
		*t.Peer = h.peer
	}
	for _, syn := range h.syns {
		if !syn.at.IsZero() {
			t.SYNSent++
		}
	}
	if h.ack.sent {
		t.Connected = true
		t.Connect, _ = stamp.Between(h.syns[0].at, h.ack.at)
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
	t.RTT, t.Clock = stamp.Between(h.syns[i].at, h.answer.at)
}
