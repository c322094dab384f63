package report

import (
	"net/netip"
	"time"

	"tcpprobe/internal/stats"
	"tcpprobe/probe"
)

// Kept writes a handshake that is kept under an ID, by which it may be asked for. The module is the one by which it was asked for; empty
// if it was not.
func (j *JSON) Kept(r *probe.Result, id, module string) error {
	p := newProbe(r)
	p.ID, p.Module = id, module
	return j.write(p)
}

// Target is what is known of a target by whoever serves.
type Target struct {
	Name        string
	Labels      map[string]string
	Watched     bool       // it is probed all the time, and not on demand alone
	Address     netip.Addr // the last one
	Handshakes  uint64
	Outcomes    map[string]uint64 // those that there were
	Findings    map[string]uint64
	SYNs        uint64
	SYNsLost    uint64
	RTT         stats.RTT
	HasRTT      bool
	Outages     uint64
	Away        time.Duration // of all outages
	OutageStart time.Time     // of the one that goes on; zero if there is none
	Last        time.Time     // when the last handshake began; zero if there was none
	LastOutcome probe.Outcome
	Evidence    []string // IDs of failures and findings that are kept, the newest last
}

type targetJSON struct {
	Schema      string            `json:"schema"`
	Type        string            `json:"type"`
	Target      string            `json:"target"`
	Labels      map[string]string `json:"labels,omitempty"`
	Watched     bool              `json:"watched"`
	Address     netip.Addr        `json:"address,omitzero"`
	Handshakes  uint64            `json:"handshakes"`
	Outcomes    map[string]uint64 `json:"outcomes"`
	Findings    map[string]uint64 `json:"findings"`
	SYNs        uint64            `json:"syns"`
	SYNsLost    uint64            `json:"syns_lost"`
	RTT         *rttJSON          `json:"rtt_ns,omitempty"`
	Outages     uint64            `json:"outages"`
	Away        time.Duration     `json:"outages_ns"`
	OutageStart string            `json:"outage_start,omitempty"`
	Last        *lastJSON         `json:"last,omitempty"`
	Evidence    []string          `json:"evidence"`
}

type lastJSON struct {
	Time    string `json:"time"`
	Outcome string `json:"outcome"`
}

// Target writes what is known of a target.
func (j *JSON) Target(t Target) error {
	line := targetJSON{
		Schema: Schema, Type: "target", Target: t.Name, Labels: t.Labels, Watched: t.Watched, Address: t.Address, Handshakes: t.Handshakes,
		Outcomes: t.Outcomes, Findings: t.Findings, SYNs: t.SYNs, SYNsLost: t.SYNsLost, Outages: t.Outages, Away: t.Away,
		Evidence: append([]string{}, t.Evidence...),
	}
	if r := t.RTT; t.HasRTT {
		line.RTT = &rttJSON{Min: r.Min, Avg: r.Avg, Max: r.Max, MDev: r.MDev, P50: r.P50, P90: r.P90, P99: r.P99}
	}
	if !t.OutageStart.IsZero() {
		line.OutageStart = wallClock(t.OutageStart)
	}
	if !t.Last.IsZero() {
		line.Last = &lastJSON{wallClock(t.Last), t.LastOutcome.String()}
	}
	return j.write(line)
}
