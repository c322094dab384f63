package spectator

import (
	"time"

	"tcpprobe/probe"
)

// Pair is one handshake as it was seen at two places, A and B, or at one of them alone.
type Pair struct {
	A, B *Handshake // nil where it was not seen

	// ClientAtB is set where B is the place nearer to the client, as far as the times tell.
	ClientAtB bool
	Changes   []Change // what it is otherwise at B than at A

	// What was seen at the place it came from, and not at the other.
	LostSYNs, LostSYNACKs int

	Timed   bool          // there is a Between
	Between time.Duration // from the one place to the other and back
}

// Change is a part of a handshake that is not the same at both places.
type Change struct {
	Field string // as in the JSON results
	A, B  string // empty for what is not there
}

// Comparison is what became of handshakes between two places.
type Comparison struct {
	Pairs        []Pair // in the order of their beginnings
	OnlyA, OnlyB int    // handshakes that were seen at one place alone

	// Estimated says that the clocks could be compared. Offset is how far that of B is ahead of that of A, as half of the
	// round trip between the two would have it; it is wrong by Uncertainty at the most.
	Estimated           bool
	Offset, Uncertainty time.Duration
}

// Compare matches the handshakes that were seen at two places: by sequence numbers, which a NAT leaves as they are; where a
// firewall shifts them, by addresses and ports; where both are changed, by the time stamps of the SYNs.
func Compare(a, b []*Handshake) *Comparison {
	m := newMatcher(a, b)
	// Those of which there is no doubt say how far the clocks are apart, by which the others are told from each other.
	m.match(bySequence, false)
	c := &Comparison{}
	c.estimate(m.pairs)
	m.offset, m.known = c.Offset, c.Estimated
	for _, by := range []func(*Handshake) any{bySequence, byEnds, byTimestamp} {
		m.match(by, true)
	}
	c.estimate(m.pairs)
	c.Pairs = m.all()
	for i := range c.Pairs {
		p := &c.Pairs[i]
		switch {
		case p.B == nil:
			c.OnlyA++
		case p.A == nil:
			c.OnlyB++
		default:
			p.compare()
		}
	}
	return c
}

// Keys by which handshakes are matched; nil for one that has none.

func bySequence(h *Handshake) any {
	if !h.HasClient {
		return nil
	}
	return h.ClientISS
}

func byEnds(h *Handshake) any { return [2]any{h.Client, h.Server} }

func byTimestamp(h *Handshake) any {
	tsval, _, ok := h.ClientOptions.Timestamps()
	if !ok {
		return nil
	}
	return tsval
}

// estimate compares the clocks by the handshakes that were answered at both places, as NTP does (RFC 5905 8): that with the
// shortest way between them says most.
func (c *Comparison) estimate(pairs []Pair) {
	best := time.Duration(-1)
	for _, p := range pairs {
		if p.A == nil || p.B == nil || !answeredOnce(p.A) || !answeredOnce(p.B) {
			continue
		}
		there := p.B.Result.Time.Sub(p.A.Result.Time)
		back := p.A.AnswerAt.Sub(p.B.AnswerAt)
		if between := (there + back).Abs(); best < 0 || between < best {
			best = between
			c.Estimated, c.Offset, c.Uncertainty = true, (there-back)/2, between/2
		}
	}
}

// answeredOnce reports whether there is no doubt which SYN was answered, and when.
func answeredOnce(h *Handshake) bool {
	t := h.Result.TCP
	return t.Answered && t.SYNSent == 1 && h.SYNACKs <= 1 && len(h.Result.ICMP) == 0
}

// compare says what became of a handshake between the places.
func (p *Pair) compare() {
	a, b := p.A, p.B
	ta, tb := a.Result.TCP, b.Result.TCP
	if ta.Answered && tb.Answered && !ta.RTTAmbiguous && !tb.RTTAmbiguous && ta.AnsweredSYN == tb.AnsweredSYN {
		p.Timed, p.Between = true, ta.RTT-tb.RTT
	}
	switch { // who is further away from the server is nearer to the client
	case p.Timed && p.Between != 0:
		p.ClientAtB = p.Between < 0
	case a.ClientTTL != b.ClientTTL:
		p.ClientAtB = a.ClientTTL < b.ClientTTL
	case ta.SYNSent != tb.SYNSent:
		p.ClientAtB = ta.SYNSent < tb.SYNSent
	}
	p.Between = p.Between.Abs()
	near, far := a, b
	if p.ClientAtB {
		near, far = b, a
	}
	p.LostSYNs = max(near.Result.TCP.SYNSent-far.Result.TCP.SYNSent, 0)
	p.LostSYNACKs = max(far.SYNACKs-near.SYNACKs, 0)
	p.Changes = changes(a, b)
}

// Parts returns the times of a handshake from the client to the place nearer to it, between the places, and to the server, each
// there and back; those are false that are not known.
func (p *Pair) Parts() (toClient, between, toServer time.Duration, hasClient, hasBetween, hasServer bool) {
	near, far := p.A, p.B
	if p.ClientAtB {
		near, far = far, near
	}
	if near != nil && near.Answered {
		toClient, hasClient = near.ClientRTT, true
	}
	if far != nil && far.Result.TCP.Answered {
		toServer, hasServer = far.Result.TCP.RTT, true
	}
	return toClient, p.Between, toServer, hasClient, p.Timed, hasServer
}

// Outcome returns the outcome at the place nearer to the client, which is what the client knows.
func (p *Pair) Outcome() probe.Outcome {
	switch {
	case p.A == nil:
		return p.B.Result.Outcome
	case p.B == nil || !p.ClientAtB:
		return p.A.Result.Outcome
	}
	return p.B.Result.Outcome
}
