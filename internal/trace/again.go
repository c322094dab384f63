package trace

import "tcpprobe/probe"

// Again says which hops of a round are asked again, one at a time. Routers limit the ICMP errors that they send to one
// address, Linux to one in a second after a handful at once: a hop that is silent may be one that must not speak just now.
//
// What lies behind the end of the path is never asked. Where no end is known, the hops behind the last that is heard of may
// all be one router, which rejects: so the lowest comes first, and when a few in a row stay silent the rest are left alone.
type Again struct {
	trace *Trace
	most  int   // times that a hop is asked again
	gap   int   // hops in a row behind the last that is heard of that are asked
	swept bool  // every hop was asked once
	asked []int // times, by TTL
}

// NewAgain returns an Again for the round of a trace that begins.
func NewAgain(t *Trace, most, gap int) *Again {
	return &Again{trace: t, most: most, gap: gap, asked: make([]int, len(t.Hops))}
}

// Swept says that every hop was asked once, and waited for.
func (a *Again) Swept() { a.swept = true }

// Next returns the TTL of the hop to be asked next, but for those that are left out for now, and counts that. It is not ok if
// there is none.
func (a *Again) Next(leftOut map[int]bool) (ttl int, ok bool) {
	last := a.lastHeard()
	for i, r := range a.trace.round {
		reply, heard := heardOf(r)
		switch {
		case r != nil && r.Outcome == probe.OutcomeLocalError, heard && reply.Ends(), i > last+a.gap:
			return 0, false
		case heard || leftOut[a.trace.First+i] || !a.open(i):
			continue
		}
		a.asked[i]++
		return a.trace.First + i, true
	}
	return 0, false
}

// open reports whether a silent hop may be asked again. One that said nothing in a whole round is asked once in each of the
// others.
func (a *Again) open(i int) bool {
	known := len(a.trace.Rounds) == 0 || len(a.trace.Hops[i].Replies) > 0
	return known && a.asked[i] < a.most
}

// Ended reports whether the SYN came to its end in this round.
func (a *Again) Ended() bool {
	for _, r := range a.trace.round {
		if reply, heard := heardOf(r); heard && reply.Ends() {
			return true
		}
	}
	return false
}

// Passed reports whether the SYN with a TTL was heard of in this round, and went on.
func (a *Again) Passed(ttl int) bool {
	reply, heard := heardOf(a.trace.round[ttl-a.trace.First])
	return heard && !reply.Ends()
}

// Settled returns how many hops, from the first on, nothing more will be heard of in this round that changes the path.
func (a *Again) Settled() (n int) {
	for i, r := range a.trace.round[:a.lastHeard()+1] {
		reply, heard := heardOf(r)
		if !heard && (!a.swept || a.open(i)) {
			break
		}
		n = i + 1
		if heard && reply.Ends() {
			break
		}
	}
	return n
}

// lastHeard returns the index of the last hop that is heard of in this round; -1 if none is.
func (a *Again) lastHeard() int {
	for i := len(a.trace.round) - 1; i >= 0; i-- {
		if _, heard := heardOf(a.trace.round[i]); heard {
			return i
		}
	}
	return -1
}

// heardOf returns what came back for a SYN of the round, if it was sent and anything did.
func heardOf(r *probe.Result) (Reply, bool) {
	if r == nil {
		return Reply{}, false
	}
	return replyOf(r)
}
