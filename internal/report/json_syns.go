package report

import (
	"net/netip"
	"strings"
	"time"

	"tcpprobe/internal/trace"
)

// SYNs writes what became of each variant of the SYN.
func (j *JSON) SYNs(c *trace.SYNComparison) error {
	outcome, same := variantsOutcome(c)
	line := synsJSON{
		Schema: Schema, Type: "syns", Target: c.Target, Address: probed(c.Remote, c.Failed).Addr(), Local: c.Local, Remote: probed(c.Remote, c.Failed), Route: newRoute(c.Route),
		Outcome: outcome.String(), Reason: "All SYNs fare alike.", Variants: []variantJSON{},
	}
	if !same {
		line.Outcome = "mixed"
	}
	if notes := variantNotes(c); len(notes) > 0 {
		line.Reason = strings.Join(notes, " ")
	}
	if c.Failed != nil {
		line.Reason = Reason(c.Failed)
	}
	for _, v := range c.Variants {
		line.Variants = append(line.Variants, newVariant(v))
	}
	return j.write(line)
}

type synsJSON struct {
	Schema   string         `json:"schema"`
	Type     string         `json:"type"`
	Target   string         `json:"target"`
	Address  netip.Addr     `json:"address,omitzero"`
	Local    netip.AddrPort `json:"local,omitzero"`
	Remote   netip.AddrPort `json:"remote,omitzero"`
	Route    *routeJSON     `json:"route,omitempty"`
	Outcome  string         `json:"outcome"`
	Reason   string         `json:"reason"`
	Variants []variantJSON  `json:"variants"`
}

type variantJSON struct {
	SYN     string         `json:"syn"`
	Outcome string         `json:"outcome"`
	Result  string         `json:"result"`
	Hops    int            `json:"hops"`
	Address netip.Addr     `json:"address,omitzero"`
	RTT     *time.Duration `json:"rtt_ns,omitempty"`
	Options []optionJSON   `json:"options,omitempty"`
	ECN     string         `json:"ecn,omitempty"`
	Missing []string       `json:"missing,omitempty"`

	Changes []alterationJSON `json:"changes,omitempty"`
}

func newVariant(v trace.SYNVariant) variantJSON {
	outcome, _ := v.Trace.Outcome()
	j := variantJSON{SYN: v.SYN.String(), Outcome: outcome.String(), Result: v.Fate(), Hops: lastHop(v.Trace), Missing: v.Missing()}
	if path := v.Trace.Path(); len(path) > 0 {
		j.Address = path[len(path)-1].Replies[0].From
	}
	j.Changes = newAlterations(v.Trace)
	if end, ok := v.Trace.End(); ok {
		j.RTT = &end.RTT
	}
	if answer, ok := v.Answer(); ok {
		j.Options, j.ECN = newOptions(answer.Segment.Header.Options), answer.Peer.ECN.String()
	}
	return j
}
