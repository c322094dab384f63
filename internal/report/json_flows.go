package report

import (
	"net/netip"
	"strings"
	"time"

	"tcpprobe/internal/trace"
)

// Flows writes what became of several flows: a line for every flow, and one for all.
func (j *JSON) Flows(set *trace.FlowSet) error {
	for _, f := range set.Flows {
		if err := j.write(newFlow(set, f)); err != nil {
			return err
		}
	}
	return j.write(newFlows(set))
}

type flowJSON struct {
	Schema  string         `json:"schema"`
	Type    string         `json:"type"`
	Target  string         `json:"target"`
	Address netip.Addr     `json:"address,omitzero"`
	Local   netip.AddrPort `json:"local"`
	Label   *uint32        `json:"flow_label,omitempty"`
	Outcome string         `json:"outcome"`
	SYNSent int            `json:"syn_sent"`
	RTT     *time.Duration `json:"rtt_ns,omitempty"`
	Path    []*netip.Addr  `json:"path"`
}

// newFlow returns what JSON writes of one flow.
func newFlow(set *trace.FlowSet, f trace.TracedFlow) flowJSON {
	j := flowJSON{
		Schema: Schema, Type: "flow", Target: set.Target, Address: set.Remote.Addr(), Local: f.Local,
		Outcome: f.Handshake.Outcome.String(), Path: newPath(f.Routers()),
	}
	if f.Local.Addr().Is6() {
		j.Label = &f.FlowLabel
	}
	if t := f.Handshake.TCP; t != nil {
		j.SYNSent = t.SYNSent
		if t.Answered {
			j.RTT = &t.RTT
		}
	}
	return j
}

type flowsJSON struct {
	Schema  string         `json:"schema"`
	Type    string         `json:"type"`
	Target  string         `json:"target"`
	Address netip.Addr     `json:"address,omitzero"`
	Remote  netip.AddrPort `json:"remote,omitzero"`
	Route   *routeJSON     `json:"route,omitempty"`
	Outcome string         `json:"outcome"`
	Reason  string         `json:"reason"`
	Flows   int            `json:"flows"`
	Varied  []string       `json:"varied,omitempty"`
	PartHop int            `json:"part_hop,omitempty"`
	Paths   []flowPathJSON `json:"paths"`
}

type flowPathJSON struct {
	Outcome string        `json:"outcome"`
	Flows   int           `json:"flows"`
	Path    []*netip.Addr `json:"path"`
}

// newFlows returns what JSON writes of all flows.
func newFlows(set *trace.FlowSet) flowsJSON {
	outcome, same := flowsOutcome(set)
	j := flowsJSON{
		Schema: Schema, Type: "flows", Target: set.Target, Address: probed(set.Remote, set.Failed).Addr(), Remote: probed(set.Remote, set.Failed), Route: newRoute(set.Route),
		Outcome: outcome.String(), Flows: len(set.Flows), Varied: newVaried(set), PartHop: set.Part(), Paths: []flowPathJSON{},
	}
	if !same {
		j.Outcome = "mixed"
	}
	groups := set.Groups()
	switch notes := flowsNotes(set, groups); {
	case set.Failed != nil:
		j.Reason = Reason(set.Failed)
	case len(notes) > 0:
		j.Reason = strings.Join(notes, " ")
	default:
		j.Reason = "All flows end alike, and no two are known to take different paths."
	}
	for _, g := range groups {
		j.Paths = append(j.Paths, flowPathJSON{Outcome: g.Outcome.String(), Flows: len(g.Flows), Path: newPath(g.Routers)})
	}
	return j
}

// newVaried returns what JSON says that flows differ in; nil if there are none.
func newVaried(set *trace.FlowSet) []string {
	switch {
	case len(set.Flows) == 0:
		return nil
	case set.Vary == trace.VaryLabels:
		return []string{"flow_label"}
	case set.Vary == trace.VaryPorts || !set.Remote.Addr().Is6():
		return []string{"port"}
	}
	return []string{"port", "flow_label"}
}

// newPath returns what JSON writes of the routers of a path: null for one that is not known.
func newPath(routers []netip.Addr) []*netip.Addr {
	path := []*netip.Addr{}
	for _, router := range routers {
		if router.IsValid() {
			path = append(path, &router)
		} else {
			path = append(path, nil)
		}
	}
	return path
}
