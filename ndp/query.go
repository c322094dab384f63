package ndp

import (
	"net/netip"
	"slices"
	"time"

	"tcpprobe/internal/checksum"
	"tcpprobe/internal/stamp"
)

// A Query asks Tries times, Interval apart, and gives up an Interval after the last request: MAX_MULTICAST_SOLICIT and
// RETRANS_TIMER of RFC 4861 10.
const (
	Tries    = 3
	Interval = time.Second
)

// maxAnswers is how many MACs a Query remembers, whatever is sent to it.
const maxAnswers = 8

// QueryConfig says who asks whom.
type QueryConfig struct {
	MAC    [6]byte    // of the interface
	Source netip.Addr // our own address; the unspecified one would ask whether Target is free (RFC 4862 5.4.2)
	Target netip.Addr // the address to translate
}

// Query is the machine that finds the MAC of one address. It owns no socket and no clock: whoever drives it calls Next until
// that has nothing to send, Sent for what was sent, waits until Deadline, and passes in each packet received on the link.
//
// An answered Query goes on to judge packets, so that a second host with the same address is noticed however late it
// answers, and one that takes the address over is followed (RFC 4861 7.2.5).
type Query struct {
	config   QueryConfig
	attempts int
	next     time.Time   // when to send or to give up; the zero Time is at once
	first    stamp.Stamp // the first request
	answered stamp.Stamp
	answers  [][6]byte
	mac      [6]byte
	flags    Flags // of what told the MAC
	gaveUp   bool
}

// NewQuery returns a Query that has sent nothing.
func NewQuery(c QueryConfig) *Query { return &Query{config: c} }

// Next returns the request to send now, if it is time for one, in a frame to [GroupMAC] of its Dst. It gives up when all
// are sent and the time for their answer is over.
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
		Src: q.config.Source, Dst: SolicitedNode(q.config.Target), HopLimit: HopLimit,
		Type: Solicitation, Target: q.config.Target,
		Options: []Option{{Type: SourceMAC, Data: q.config.MAC[:]}},
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

// Answers returns the MACs that were given for the target, each once, the first one first, and no more than 8. More than one
// is a conflict.
func (q *Query) Answers() [][6]byte { return slices.Clone(q.answers) }

// MAC returns the target's MAC as it was told last: by the first answer, or by one that counts more. It is not ok before the
// first answer.
func (q *Query) MAC() (_ [6]byte, ok bool) { return q.mac, len(q.answers) > 0 }

// Flags returns those of the packet that told the MAC: whether the target is a router, and whether a proxy answered for it.
func (q *Query) Flags() Flags { return q.flags }

// Duration returns the time from the first request to the first answer, and by which clock. It is 0 without an answer.
func (q *Query) Duration() (time.Duration, stamp.Source) {
	if len(q.answers) == 0 {
		return 0, stamp.User
	}
	return stamp.Between(q.first, q.answered)
}

// HandlePacket takes a packet that another station on the link sent to us or to a group, with what is known of its checksum,
// and says what it was taken for.
func (q *Query) HandlePacket(p Packet, sum checksum.State, at stamp.Stamp) Verdict {
	c := q.config
	about := p.Target
	kind := TargetMAC
	if p.Type == Solicitation {
		about, kind = p.Src, SourceMAC // it tells the MAC of who asks
	}
	mac, told := p.MAC(kind)
	switch {
	case about != c.Source && about != c.Target:
		return Unrelated
	case p.HopLimit != HopLimit:
		return NotOfLink
	case sum == checksum.Invalid:
		return BadChecksum
	case p.Code != 0 || p.Target.IsMulticast() || p.Dst.IsMulticast() && p.Flags.Has(Solicited) && p.Type == Advertisement:
		return Invalid
	case about == c.Source:
		if !told || mac == c.MAC {
			return Unrelated
		}
		return AddressConflict
	case !told || mac == [6]byte{}:
		return NoMAC
	case p.Type == Solicitation:
		return q.hear(mac, p.Flags)
	case !p.Flags.Has(Solicited):
		if len(q.answers) > 0 && !p.Flags.Has(Override) {
			return Weaker
		}
		return q.hear(mac, p.Flags)
	case p.Dst != c.Source:
		return NotForUs
	case q.attempts == 0 || q.tooEarly(at):
		return Unasked
	case len(q.answers) == 0:
		q.set(mac, p.Flags)
		q.answered = at
		return Accepted
	case mac == q.mac:
		return Repeated
	case !p.Flags.Has(Override):
		return Weaker
	case !q.flags.Has(Override):
		// RFC 4861 7.2.7, 7.2.8: a proxy or another member of an anycast group answered first.
		q.set(mac, p.Flags)
		return Stronger
	}
	if len(q.answers) < maxAnswers && !slices.Contains(q.answers, mac) {
		q.answers = append(q.answers, mac)
	}
	q.mac, q.flags = mac, p.Flags
	return Conflict
}

// set makes the MAC the answer.
func (q *Query) set(mac [6]byte, f Flags) { q.mac, q.flags, q.answers = mac, f, [][6]byte{mac} }

// hear takes what the target says of itself without being asked.
func (q *Query) hear(mac [6]byte, f Flags) Verdict {
	switch {
	case len(q.answers) == 0:
		return NotSolicited
	case mac == q.mac:
		return Repeated
	}
	q.set(mac, f|Override) // it speaks for itself
	return Moved
}

// tooEarly reports whether a packet is older than the first request, and so answers a question of the kernel's: it is
// true, but there is no time to be taken from it. Only the kernel's stamps can tell, for packets are read later than
// they arrive.
func (q *Query) tooEarly(at stamp.Stamp) bool {
	return at.Source() == stamp.Kernel && q.first.Source() == stamp.Kernel && at.Kernel.Before(q.first.Kernel)
}
