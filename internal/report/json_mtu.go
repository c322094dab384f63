package report

import (
	"net/netip"
	"strings"
	"time"

	"tcpprobe/internal/trace"
)

// PathMTU writes the path MTU, and how it was found.
func (j *JSON) PathMTU(m *trace.PathMTU) error {
	line := pathMTUJSON{
		Schema: Schema, Type: "mtu", Target: m.Target, Address: probed(m.Remote, m.Plain).Addr(), Local: m.Local, Remote: probed(m.Remote, m.Plain), Route: newRoute(m.Route),
		Outcome: m.Outcome().String(), Reason: Reason(m.Plain), Tries: []mtuTryJSON{},
	}
	if m.Search == nil {
		return j.write(line)
	}
	line.MTU = m.Search.MTU
	line.Reason = strings.Join(mtuNotes(m), " ")
	if size, ok := m.Search.BlackHole(); ok {
		line.BlackHole = &blackHoleJSON{Size: size}
		if m.Vanishing != nil {
			line.BlackHole.Hop, line.BlackHole.From = m.LastHeard()
		}
	}
	for _, t := range m.Search.Tries {
		try := mtuTryJSON{Size: t.Size, Result: t.Fate.String(), From: t.From, MTU: t.Next}
		if t.ICMP != nil {
			try.Hops, try.Most = hopsJSON(Distance(t.ICMP, m.Route))
		}
		if t.Fate == trace.MTUPassed {
			try.RTT = &t.RTT
		}
		line.Tries = append(line.Tries, try)
	}
	return j.write(line)
}

type pathMTUJSON struct {
	Schema    string         `json:"schema"`
	Type      string         `json:"type"`
	Target    string         `json:"target"`
	Address   netip.Addr     `json:"address,omitzero"`
	Local     netip.AddrPort `json:"local,omitzero"`
	Remote    netip.AddrPort `json:"remote,omitzero"`
	Route     *routeJSON     `json:"route,omitempty"`
	Outcome   string         `json:"outcome"`
	Reason    string         `json:"reason"`
	MTU       int            `json:"mtu,omitempty"`
	BlackHole *blackHoleJSON `json:"black_hole,omitempty"`
	Tries     []mtuTryJSON   `json:"tries"`
}

type blackHoleJSON struct {
	Size int        `json:"size"`
	Hop  int        `json:"hop,omitempty"`
	From netip.Addr `json:"from,omitzero"`
}

type mtuTryJSON struct {
	Size   int            `json:"size"`
	Result string         `json:"result"`
	RTT    *time.Duration `json:"rtt_ns,omitempty"`
	From   netip.Addr     `json:"from,omitzero"`
	Hops   int            `json:"hops,omitempty"`
	Most   int            `json:"hops_max,omitempty"`
	MTU    int            `json:"mtu,omitempty"`
}
