package trace

import (
	"maps"
	"net/netip"
	"slices"
	"time"

	"tcpprobe/icmp"
	"tcpprobe/internal/stamp"
	"tcpprobe/probe"
	"tcpprobe/tcphdr"
)

// Trace is the path that the SYN of one connection takes, found by SYNs which get no further than their Time to Live lets
// them: in each round one for every TTL, all at once, and then again for those that stayed silent, one by one. It is pure: it
// says what to send, and what the results mean.
//
// All have the same addresses and ports, so that routers that share load by flow send all of them the same way.
type Trace struct {
	Target        string // as the user wrote it
	Local, Remote netip.AddrPort
	Route         *probe.Route
	NAT64         *probe.NAT64 // nil unless Remote is behind a translator
	Bypassed      []string     // what of this host is known to exist that its frames go past
	First, Last   int          // Time to Live of the SYNs that get least far, and furthest

	Hops   []Hop           // by TTL, from First on
	Rounds []probe.Outcome // how far each round's SYN came

	Failed *probe.Result // what ended it before a SYN left; nil if nothing did

	Names map[netip.Addr]string // of those that replied, safe to print; nil if they were not looked up

	round []*probe.Result // of the round under way, by TTL
}

// Hop is what came back for the SYNs of one TTL.
type Hop struct {
	TTL       int
	Sent      int // SYNs
	Replies   []Reply
	Forgotten int // replies that were more than are kept
}

// Reply is what came back for one SYN: an ICMP error that quotes it, or an answer that acknowledges it.
type Reply struct {
	From      netip.Addr
	RTT       time.Duration
	Ambiguous bool // which of several SYNs it answers is not known
	Clock     stamp.Source
	ICMP      *probe.ICMP    // nil if it is a segment
	Segment   *probe.Segment // nil if it is an ICMP error
	Peer      *probe.Peer    // what a SYN-ACK said; nil if it is none
	Changed   []Change       // what the ICMP error says was changed of the SYN on the way

	syn tcphdr.Header // that the segment answers
}

// Ends reports whether the SYN came to an end where the reply is from, which is more than that its TTL ran out there.
func (r Reply) Ends() bool { return r.ICMP == nil || r.ICMP.Meaning() != icmp.MeansHopLimitExceeded }

// Reached reports whether the reply is the target's: a segment, or an ICMP error from its address that ends the path.
func (r Reply) Reached() bool { return r.ICMP == nil || r.Ends() && r.ICMP.From == r.ICMP.Target }

// Translated reports whether a router on the way speaks with the target's address. For the target itself no TTL runs out
// (RFC 1122 3.2.1.7): a box that translates the target's address has translated that of the router, too.
func (r Reply) Translated() bool { return !r.Ends() && r.ICMP.From == r.ICMP.Target }

// NewTrace returns a trace of which nothing is known yet.
func NewTrace(target string, first, last int) *Trace {
	t := &Trace{Target: target, First: first, Last: last}
	for ttl := first; ttl <= last; ttl++ {
		t.Hops = append(t.Hops, Hop{TTL: ttl})
	}
	t.round = make([]*probe.Result, len(t.Hops))
	return t
}

// The numbers that tell the SYNs of a round apart. Identifications are further apart than the segments that a handshake
// sends. Sequence numbers fall as the TTL rises, by more than a window and less than half their space in all: to a
// server that holds the first SYN, those after it lie below its window and are old duplicates (RFC 9293 3.10.7.4), where
// one within the window could end what the first began.
const (
	identificationStep = probe.MaximumSegments
	minimumSequence    = 1 << 16
	sequenceSpread     = 1<<23 - minimumSequence
)

// Flows returns the handshakes of one round, by TTL. They are like the model, but for what tells them apart; random
// returns 32 bits that nobody can foresee.
func (t *Trace) Flows(model probe.Flow, random func() uint32) []*probe.Flow {
	flows := make([]*probe.Flow, len(t.Hops))
	iss := model.Handshake.ISS
	for i := range flows {
		f := model
		f.TTL = uint8(t.First + i)
		// 0 stays out of it: the kernel's IP would put a number of its own in its place.
		f.ID = uint16(1 + int(model.ID)%identificationStep + i*identificationStep)
		f.Handshake.ISS, f.Handshake.TimestampBase = iss, random()
		f.Handshake.Close = probe.CloseHalf
		f.Result = &probe.Result{
			Target: model.Result.Target, Host: model.Result.Host, Port: model.Result.Port,
			Time: model.Result.Time, Start: model.Result.Start, Route: model.Result.Route,
		}
		iss = iss.Add(-int(minimumSequence + random()%sequenceSpread))
		flows[i] = &f
	}
	return flows
}

// Add takes the result of the SYN with that TTL. With over true the SYN came to its end there, and those that would have
// got further need not be waited for.
func (t *Trace) Add(ttl int, r *probe.Result) (over bool) {
	if r.Outcome == probe.OutcomeInterrupted {
		return false // it was not waited for, so that its silence says nothing
	}
	i := ttl - t.First
	t.round[i] = r
	hop := &t.Hops[i]
	hop.Sent += r.TCP.SYNSent
	reply, ok := replyOf(r)
	if !ok {
		return false
	}
	hop.Replies = append(hop.Replies, reply)
	return reply.Ends()
}

// KnownEnd returns the TTL with which a SYN came to its end in the rounds before; the last TTL there is if none did. Further
// there is nobody to ask.
func (t *Trace) KnownEnd() int {
	if _, ended := t.End(); ended {
		return t.Path()[len(t.Path())-1].TTL
	}
	return t.Last
}

// EndRound judges the round: its outcome is that of the SYN that came to its end with the lowest TTL.
func (t *Trace) EndRound() {
	t.Rounds = append(t.Rounds, t.judge())
	clear(t.round)
}

func (t *Trace) judge() probe.Outcome {
	outcome := probe.OutcomeInterrupted
	for _, r := range t.round {
		if r == nil {
			continue
		}
		if reply, ok := replyOf(r); ok && reply.Ends() || r.Outcome == probe.OutcomeLocalError {
			t.fail(r)
			return r.Outcome
		}
		outcome = probe.OutcomeTimeout
	}
	if last := t.round[len(t.round)-1]; last != nil && last.Outcome == probe.OutcomeUnreachable {
		return probe.OutcomeUnreachable // the highest TTL there is to be ran out, too
	}
	return outcome
}

// fail keeps what the system refused.
func (t *Trace) fail(r *probe.Result) {
	if r.Outcome == probe.OutcomeLocalError {
		t.Failed = r
	}
}

// replyOf returns what came back for a SYN, if anything did.
func replyOf(r *probe.Result) (Reply, bool) {
	if r.TCP == nil || !r.TCP.Answered {
		return Reply{}, false
	}
	reply := Reply{RTT: r.TCP.RTT, Ambiguous: r.TCP.RTTAmbiguous, Clock: r.TCP.Clock}
	switch r.Outcome {
	case probe.OutcomeUnreachable:
		reply.ICMP = r.ICMP[len(r.ICMP)-1]
		reply.From, reply.Changed = reply.ICMP.From, changedOf(r, reply.ICMP)
		return reply, true
	case probe.OutcomeEstablished, probe.OutcomeRefused:
		reply.From, reply.Peer = r.TCP.Remote.Addr(), r.TCP.Peer
		for i := range r.Events {
			if e := &r.Events[i]; e.Kind == probe.EventSegmentReceived && (e.Segment.Verdict == probe.VerdictOpened || e.Segment.Verdict == probe.VerdictRefused) {
				reply.Segment, reply.syn = e.Segment, synOf(r)
			}
		}
		return reply, true
	}
	return Reply{}, false
}

// Outcome returns how far the SYN came in the best of the rounds, and whether it was the same in all. A round that was
// broken off says nothing beside others.
func (t *Trace) Outcome() (best probe.Outcome, all bool) {
	if t.Failed != nil {
		return t.Failed.Outcome, true
	}
	best, all = probe.OutcomeInterrupted, true
	for _, o := range t.Rounds {
		if o == probe.OutcomeInterrupted {
			continue
		}
		all = all && (best == probe.OutcomeInterrupted || best == o)
		best = min(best, o) // Outcomes are in the order of how good they are
	}
	return best, all
}

// Path returns the hops as far as there was a reply. They end where the SYN came to its end with the lowest TTL.
func (t *Trace) Path() []Hop {
	length := 0
	for i, hop := range t.Hops {
		for _, reply := range hop.Replies {
			length = i + 1
			if reply.Ends() {
				return t.Hops[:length]
			}
		}
	}
	return t.Hops[:length]
}

// Addresses returns who replied, each once, in the order of the hops.
func (t *Trace) Addresses() (all []netip.Addr) {
	for _, hop := range t.Path() {
		for _, r := range hop.Replies {
			if !slices.Contains(all, r.From) {
				all = append(all, r.From)
			}
		}
	}
	return all
}

// End returns the reply that the SYN came to its end with, at the last hop of the path, if it did.
func (t *Trace) End() (Reply, bool) {
	path := t.Path()
	if len(path) == 0 {
		return Reply{}, false
	}
	for _, reply := range path[len(path)-1].Replies {
		if reply.Ends() {
			return reply, true
		}
	}
	return Reply{}, false
}

// Forget forgets the oldest replies of each hop, but for so many: a trace that goes on for days keeps the latest.
func (t *Trace) Forget(keep int) {
	for i := range t.Hops {
		h := &t.Hops[i]
		if n := len(h.Replies) - keep; n > 0 {
			h.Replies = slices.Clone(h.Replies[n:])
			h.Forgotten += n
		}
	}
}

// Clone returns a copy that stays as it is while the trace goes on.
func (t *Trace) Clone() *Trace {
	c := *t
	c.Hops, c.Rounds, c.round = slices.Clone(t.Hops), slices.Clone(t.Rounds), nil
	for i := range c.Hops {
		c.Hops[i].Replies = slices.Clone(c.Hops[i].Replies)
	}
	c.Names = maps.Clone(t.Names)
	return &c
}

// Unanswered returns how many of the hop's SYNs nothing came back for. Of a router that is no loss: it limits what it says.
func (h Hop) Unanswered() int { return h.Sent - len(h.Replies) - h.Forgotten }
