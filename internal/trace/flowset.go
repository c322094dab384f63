package trace

import (
	"net/netip"
	"slices"
	"time"

	"tcpprobe/probe"
)

// Vary says what the connections of a FlowSet differ in.
type Vary int

const (
	VaryAll    Vary = iota // in their source port and, of IPv6, in their flow label, as those of applications do
	VaryPorts              // in their source port alone
	VaryLabels             // in their flow label alone (RFC 6437): of IPv6
)

// FlowSet is what became of several connections with the same target. Routers that share load by what they differ in send
// them different ways.
type FlowSet struct {
	Target string // as the user wrote it
	Vary   Vary
	Remote netip.AddrPort
	Route  *probe.Route
	Flows  []TracedFlow
	Failed *probe.Result // what ended it before a SYN left; nil if nothing did
}

// TracedFlow is one of the connections: its handshake, and its path.
type TracedFlow struct {
	Local     netip.AddrPort
	FlowLabel uint32 // of all its SYNs; 0 of IPv4
	Handshake *probe.Result
	Trace     *Trace
}

// Routers returns who said that the TTL of the flow's SYNs ran out, or rejected them, by hop from the first on; the
// address is not valid where nobody did. The target itself is not one of them.
func (f TracedFlow) Routers() (routers []netip.Addr) {
	for _, hop := range f.Trace.Path() {
		router := netip.Addr{}
		for _, reply := range hop.Replies {
			if reply.Reached() {
				return routers
			}
			router = reply.From
		}
		routers = append(routers, router)
	}
	return routers
}

// Unheard returns how many hops before the last of the path were silent.
func (f TracedFlow) Unheard() (n int) {
	for _, hop := range f.Trace.Path() {
		if len(hop.Replies) == 0 {
			n++
		}
	}
	return n
}

// FlowGroup is the flows that took the same path, as far as hops replied, with the same outcome.
type FlowGroup struct {
	Routers []netip.Addr // by hop; not valid where none of the flows had a reply
	Outcome probe.Outcome
	Flows   []TracedFlow
}

// Groups puts together the flows that took the same path and ended the same way. A hop that was silent for one flow may
// be any that replied to another. The largest group comes first.
func (s *FlowSet) Groups() (groups []FlowGroup) {
	flows := slices.Clone(s.Flows)
	// Those of which most is known come first, so that the others find out where they belong.
	slices.SortStableFunc(flows, func(a, b TracedFlow) int { return a.Unheard() - b.Unheard() })
	for _, f := range flows {
		routers := f.Routers()
		i := slices.IndexFunc(groups, func(g FlowGroup) bool {
			return g.Outcome == f.Handshake.Outcome && compatible(g.Routers, routers)
		})
		if i < 0 {
			groups = append(groups, FlowGroup{Routers: routers, Outcome: f.Handshake.Outcome})
			i = len(groups) - 1
		}
		g := &groups[i]
		g.Flows = append(g.Flows, f)
		for hop, router := range routers {
			if router.IsValid() {
				g.Routers[hop] = router
			}
		}
	}
	slices.SortStableFunc(groups, func(a, b FlowGroup) int { return len(b.Flows) - len(a.Flows) })
	return groups
}

// compatible reports whether two paths may be the same, as far as is known.
func compatible(a, b []netip.Addr) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i].IsValid() && b[i].IsValid() && a[i] != b[i] {
			return false
		}
	}
	return true
}

// Part returns the first hop, from 1, at which flows are known to have met different routers. It is 0 if there is none.
func (s *FlowSet) Part() int {
	seen := make(map[int]netip.Addr)
	part := 0
	for _, f := range s.Flows {
		for i, router := range f.Routers() {
			hop := i + f.Trace.First
			if !router.IsValid() {
				continue
			}
			if known, ok := seen[hop]; ok && known != router && (part == 0 || hop < part) {
				part = hop
			}
			seen[hop] = router
		}
	}
	return part
}

// LastHeard returns the last hop of a group, from 1, that replied and its router; 0 if none did.
func (g FlowGroup) LastHeard() (hop int, router netip.Addr) {
	for i, r := range slices.Backward(g.Routers) {
		if r.IsValid() {
			return g.Flows[0].Trace.First + i, r
		}
	}
	return 0, netip.Addr{}
}

// RTT returns the shortest, the average and the longest time to the answers that the handshakes of a group had. It is not
// ok if none had one.
func (g FlowGroup) RTT() (shortest, average, longest time.Duration, ok bool) {
	n := 0
	for _, f := range g.Flows {
		t := f.Handshake.TCP
		if t == nil || !t.Answered || t.RTTAmbiguous {
			continue
		}
		if n == 0 || t.RTT < shortest {
			shortest = t.RTT
		}
		longest = max(longest, t.RTT)
		average += t.RTT
		n++
	}
	if n == 0 {
		return 0, 0, 0, false
	}
	return shortest, average / time.Duration(n), longest, true
}

// Lost returns how many SYNs of the group's handshakes nothing came back for.
func (g FlowGroup) Lost() (n int) {
	for _, f := range g.Flows {
		t := f.Handshake.TCP
		if t == nil {
			continue
		}
		n += t.SYNSent
		if t.Answered {
			n--
		}
	}
	return n
}
