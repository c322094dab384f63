package report

import (
	"net/netip"
	"strings"
	"time"

	"tcpprobe/probe"
)

// Flows writes what became of several flows: a line for every flow, and one for all.
func (j *JSON) Flows(set *probe.FlowSet) error {
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
	Local   netip.AddrPort `json:"local"`
	Outcome string         `json:"outcome"`
	SYNSent int            `json:"syn_sent"`
	RTT     *time.Duration `json:"rtt_ns,omitempty"`
	Path    []*netip.Addr  `json:"path"`
}

// newFlow returns what JSON writes of one flow. In its path a router that is not known is null.
func newFlow(set *probe.FlowSet, f probe.TracedFlow) flowJSON {
	j := flowJSON{
		Schema: Schema, Type: "flow", Target: set.Target, Local: f.Local,
		Outcome: f.Handshake.Outcome.String(), Path: []*netip.Addr{},
	}
	if t := f.Handshake.TCP; t != nil {
		j.SYNSent = t.SYNSent
		if t.Answered {
			j.RTT = &t.RTT
		}
	}
	for _, router := range f.Routers() {
		if router.IsValid() {
			j.Path = append(j.Path, &router)
		} else {
			j.Path = append(j.Path, nil)
		}
	}
	return j
}

type flowsJSON struct {
	Schema  string         `json:"schema"`
	Type    string         `json:"type"`
	Target  string         `json:"target"`
	Remote  netip.AddrPort `json:"remote,omitzero"`
	Route   *routeJSON     `json:"route,omitempty"`
	Outcome string         `json:"outcome"`
	Reason  string         `json:"reason"`
	Flows   int            `json:"flows"`
	PartHop int            `json:"part_hop,omitempty"`
	Paths   []flowPathJSON `json:"paths"`
}

type flowPathJSON struct {
	Outcome string        `json:"outcome"`
	Flows   int           `json:"flows"`
	Path    []*netip.Addr `json:"path"`
}

// newFlows returns what JSON writes of all flows.
func newFlows(set *probe.FlowSet) flowsJSON {
	outcome, same := flowsOutcome(set)
	j := flowsJSON{
		Schema: Schema, Type: "flows", Target: set.Target, Remote: set.Remote,
		Outcome: outcome.String(), Flows: len(set.Flows), PartHop: set.Part(), Paths: []flowPathJSON{},
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
	if w := set.Route; w != nil {
		j.Route = &routeJSON{Interface: w.Interface, Source: w.Source, NextHop: w.NextHop, OnLink: w.OnLink, MTU: w.MTU}
	}
	for _, g := range groups {
		path := flowPathJSON{Outcome: g.Outcome.String(), Flows: len(g.Flows), Path: []*netip.Addr{}}
		for _, router := range g.Routers {
			if router.IsValid() {
				path.Path = append(path.Path, &router)
			} else {
				path.Path = append(path.Path, nil)
			}
		}
		j.Paths = append(j.Paths, path)
	}
	return j
}
