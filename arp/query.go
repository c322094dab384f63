package arp

import (
	"net/netip"
	"slices"
	"time"

	"tcpprobe/internal/stamp"
)

// A Query asks Tries times, Interval apart, and gives up an Interval after the last request. RFC 1122 2.3.2.1
// recommends no more than one request per second to one destination.
const (
	Tries    = 3
	Interval = time.Second
)

// lockTime is for how long the first of several answers counts. Whoever answers later than that has taken over. Linux has the
// same rule (net.ipv4.neigh.default.locktime).
const lockTime = time.Second

// maxAnswers is how many MACs a Query remembers, whatever is sent to it.
const maxAnswers = 8

// QueryConfig says who asks whom.
type QueryConfig struct {
	SenderHA MAC        // MAC of the interface
	SenderPA netip.Addr // our own address: a request without one would be a probe for conflicts (RFC 5227 2.1)
	TargetPA netip.Addr // the address to translate
}

// Query is the machine that finds the MAC of one address. It owns no socket and no clock: whoever drives it calls
// Next until that has nothing to send, Sent for what was sent, waits until Deadline, and passes in each packet
// received on the link.
//
// An answered Query goes on to judge packets, so that a second host with the same address is noticed however late it
// answers, and one that takes the address over is followed. It follows whom Linux follows (arp_process of net/ipv4/arp.c).
type Query struct {
	config   QueryConfig
	attempts int
	next     time.Time   // when to send or to give up; the zero Time is at once
	first    stamp.Stamp // the first request
	answered stamp.Stamp
	answers  []MAC
	mac      MAC
	since    time.Time // when mac was told first
	gaveUp   bool
}

// NewQuery returns a Query that has sent nothing.
func NewQuery(c QueryConfig) *Query { return &Query{config: c} }

// Next returns the request to send now, if it is time for one. It gives up when all are sent and the time for their
// answer is over.
func (q *Query) Next(now time.Time) (Packet, bool) {
	if q.Done() || now.Before(q.next) {
		return Packet{}, false
	}
	if q.attempts == Tries {
		q.gaveUp = true
		return Packet{}, false
	}
	q.attempts++
	q.next = now.Add(Interval)
	return Packet{
		Operation: Request,
		SenderHA:  q.config.SenderHA,
		SenderPA:  q.config.SenderPA,
		TargetPA:  q.config.TargetPA,
	}, true
}

// Deadline returns when to call Next again. There is none when the Query is done.
func (q *Query) Deadline() (time.Time, bool) { return q.next, !q.Done() }

// Sent says when the most recent request left. It may be called again when that is known better.
func (q *Query) Sent(at stamp.Stamp) {
	if q.attempts == 1 {
		q.first = at
	}
}

// Done reports whether the Query has its answer or has given up.
func (q *Query) Done() bool { return q.gaveUp || len(q.answers) > 0 }

// Attempts returns how many requests there were.
func (q *Query) Attempts() int { return q.attempts }

// Answers returns the MACs that were given for the target, each once, the first one first, and no more than 8. More
// than one is a conflict.
func (q *Query) Answers() []MAC { return slices.Clone(q.answers) }

// MAC returns the target's MAC as it was told last: by the first answer, or by who took the address over. It is not ok before
// the first answer.
func (q *Query) MAC() (_ MAC, ok bool) { return q.mac, len(q.answers) > 0 }

// Duration returns the time from the first request to the first answer, and by which clock. It is 0 without an answer.
func (q *Query) Duration() (time.Duration, stamp.Source) {
	if len(q.answers) == 0 {
		return 0, stamp.User
	}
	return stamp.Between(q.first, q.answered)
}

// HandlePacket takes a packet that another station on the link sent to us or to all, and says what it was taken for.
func (q *Query) HandlePacket(p Packet, at stamp.Stamp) Verdict {
	c := q.config
	answer := p.Operation == Reply && p.TargetPA == c.SenderPA && p.TargetHA == c.SenderHA
	switch {
	case p.SenderPA == c.SenderPA:
		// RFC 5227 2.4: any packet, request or reply, with our address and another's MAC.
		if !p.SenderHA.IsGroup() && p.SenderHA != (MAC{}) && p.SenderHA != c.SenderHA {
			return AddressConflict
		}
		return Unrelated
	case p.SenderPA != c.TargetPA:
		return Unrelated
	case p.SenderHA == MAC{}:
		return BadSender
	case !answer && q.takenOver(p, at):
		q.mac, q.since, q.answers = p.SenderHA, at.Time(), []MAC{p.SenderHA}
		return Moved
	case p.Operation != Reply:
		return NotReply
	case !answer:
		return NotForUs
	case q.attempts == 0 || q.tooEarly(at):
		return Unasked
	case len(q.answers) == 0:
		q.mac, q.since, q.answers = p.SenderHA, at.Time(), []MAC{p.SenderHA}
		q.answered = at
		return Accepted
	case p.SenderHA == q.mac:
		return Repeated
	}
	if len(q.answers) < maxAnswers && !slices.Contains(q.answers, p.SenderHA) {
		q.answers = append(q.answers, p.SenderHA)
	}
	if q.unlocked(at) {
		q.mac, q.since = p.SenderHA, at.Time()
	}
	return Conflict
}

// takenOver reports whether a packet from the target's address that is no answer shows it to be at another MAC than the one
// that answered.
func (q *Query) takenOver(p Packet, at stamp.Stamp) bool {
	if len(q.answers) == 0 || p.SenderHA == q.mac {
		return false
	}
	announced := p.TargetPA == p.SenderPA && (p.Operation == Request || p.Operation == Reply && p.TargetHA == p.SenderHA)
	asksUs := p.Operation == Request && p.TargetPA == q.config.SenderPA
	return announced || asksUs || q.unlocked(at)
}

// unlocked reports whether the MAC has been known for long enough to be given up for another.
func (q *Query) unlocked(at stamp.Stamp) bool { return at.Time().Sub(q.since) > lockTime }

// tooEarly reports whether a packet is older than the first request, and so answers a question of the kernel's: it is
// true, but there is no time to be taken from it. Only the kernel's stamps can tell, for packets are read later than
// they arrive.
func (q *Query) tooEarly(at stamp.Stamp) bool {
	return at.Source() == stamp.Kernel && q.first.Source() == stamp.Kernel && at.Kernel.Before(q.first.Kernel)
}

// Verdict is what a packet was taken for.
type Verdict uint8

const (
	Unrelated       Verdict = iota // not about the target's address nor ours
	Accepted                       // the answer
	Repeated                       // the answer again
	Conflict                       // a valid answer with another MAC than the one before
	Moved                          // the target is at another MAC now, and says so without being asked
	AddressConflict                // another station says that our own address is its own (RFC 5227 2.4)
	NotReply                       // from the target's address, but no reply: a hint that it is there, and no more
	NotForUs                       // a reply whose TargetHA or TargetPA is not ours
	BadSender                      // a packet whose SenderHA is zero
	Unasked                        // an answer from before the question
)

// String returns the verdict as a clause for a person.
func (v Verdict) String() string {
	switch v {
	case Accepted:
		return "the answer"
	case Repeated:
		return "the answer again"
	case Conflict:
		return "another MAC for the same address"
	case Moved:
		return "at another MAC from now on"
	case AddressConflict:
		return "another station claims our address"
	case NotReply:
		return "not a reply"
	case NotForUs:
		return "a reply to another station"
	case BadSender:
		return "SenderHA is zero"
	case Unasked:
		return "answered before it was asked"
	}
	return "about other addresses"
}

// Ignored reports whether the packet claimed to come from the target, and yet nothing of it was believed.
func (v Verdict) Ignored() bool { return v >= NotReply }
