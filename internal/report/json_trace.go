package report

import (
	"net/netip"
	"time"

	"tcpprobe/internal/trace"
	"tcpprobe/probe"
)

// Trace writes the path of a SYN: a line for every hop, and one for the whole path.
func (j *JSON) Trace(t *trace.Trace) error {
	if err := j.Hops(t, t.Path()); err != nil {
		return err
	}
	return j.Path(t)
}

// Hops writes hops of the path, a line each, and Path the line for the whole.
func (j *JSON) Hops(t *trace.Trace, hops []trace.Hop) error {
	for _, hop := range hops {
		if err := j.write(newHop(t, hop)); err != nil {
			return err
		}
	}
	return nil
}

func (j *JSON) Path(t *trace.Trace) error { return j.write(newTrace(t)) }

type hopJSON struct {
	Schema  string      `json:"schema"`
	Type    string      `json:"type"`
	Target  string      `json:"target"`
	Address netip.Addr  `json:"address,omitzero"`
	TTL     int         `json:"ttl"`
	Sent    int         `json:"sent"`
	Replies []replyJSON `json:"replies"`
	Reached bool        `json:"reached"`
}

// newHop returns what JSON writes of a hop.
func newHop(t *trace.Trace, h trace.Hop) hopJSON {
	j := hopJSON{Schema: Schema, Type: "hop", Target: t.Target, Address: t.Remote.Addr(), TTL: h.TTL, Sent: h.Sent, Replies: []replyJSON{}}
	for _, r := range h.Replies {
		j.Reached = j.Reached || r.Reached()
		j.Replies = append(j.Replies, newReply(t, r))
	}
	return j
}

type replyJSON struct {
	From      netip.Addr     `json:"from"`
	Name      string         `json:"name,omitempty"`
	RTT       time.Duration  `json:"rtt_ns"`
	Ambiguous bool           `json:"rtt_ambiguous,omitempty"`
	Clock     string         `json:"clock"`
	ICMP      *traceICMPJSON `json:"icmp,omitempty"`
	Flags     string         `json:"flags,omitempty"`
	TTL       uint8          `json:"ttl"`
	QuotedTTL *uint8         `json:"quoted_ttl,omitempty"`
	Options   []optionJSON   `json:"options,omitzero"` // a segment has some, if only none

	Changed    []string        `json:"changed,omitempty"`
	Labels     []labelJSON     `json:"mpls,omitempty"`
	Interfaces []interfaceJSON `json:"interface,omitempty"`
}

type traceICMPJSON struct {
	Proto string `json:"protocol"`
	Type  uint8  `json:"type"`
	Code  uint8  `json:"code"`
	Name  string `json:"name"`
	MTU   int    `json:"mtu,omitempty"`
	Hops  int    `json:"hops,omitempty"`
	Most  int    `json:"hops_max,omitempty"`
}

func newReply(t *trace.Trace, r trace.Reply) replyJSON {
	j := replyJSON{From: r.From, Name: t.Names[r.From], RTT: r.RTT, Ambiguous: r.Ambiguous, Clock: r.Clock.String()}
	if m := r.ICMP; m != nil {
		j.ICMP = &traceICMPJSON{Proto: icmpProtocol(m), Type: m.Type, Code: m.Code, Name: m.Name, MTU: m.MTU}
		j.ICMP.Hops, j.ICMP.Most = hopsJSON(traceDistance(t, r))
		j.TTL, j.QuotedTTL = m.TTL, &m.QuotedTTL
		j.Labels, j.Interfaces = newLabels(m.Labels), newInterfaces(m.Interfaces)
		for _, c := range r.Changed {
			j.Changed = append(j.Changed, c.Field)
		}
		return j
	}
	j.Flags, j.TTL, j.Options = r.Segment.Header.Flags.String(), r.Segment.TTL, newOptions(r.Segment.Header.Options)
	return j
}

type traceJSON struct {
	Schema  string         `json:"schema"`
	Type    string         `json:"type"`
	Target  string         `json:"target"`
	Local   netip.AddrPort `json:"local,omitzero"`
	Remote  netip.AddrPort `json:"remote,omitzero"`
	Route   *routeJSON     `json:"route,omitempty"`
	NAT64   *nat64JSON     `json:"nat64,omitempty"`
	Outcome string         `json:"outcome"`
	Reason  string         `json:"reason"`
	Rounds  []string       `json:"rounds"`
	Hops    int            `json:"hops"`
	Address netip.Addr     `json:"address,omitzero"`

	Changes  []alterationJSON `json:"changes,omitempty"`
	EndToEnd []changeJSON     `json:"end_to_end,omitempty"`
}

// newTrace returns what JSON writes of the whole path. The address is that of the last hop that replied, as it was in version 0.1.0;
// what is probed is in remote.
func newTrace(t *trace.Trace) traceJSON {
	outcome, _ := t.Outcome()
	j := traceJSON{
		Schema: Schema, Type: "trace", Target: t.Target, Local: t.Local, Remote: probed(t.Remote, t.Failed), Route: newRoute(t.Route),
		Outcome: outcome.String(), Reason: TraceReason(t), Rounds: []string{}, Hops: lastHop(t),
	}
	for _, o := range t.Rounds {
		j.Rounds = append(j.Rounds, o.String())
	}
	if j.NAT64 = newNAT64(t.NAT64); j.NAT64 != nil {
		at, _ := t.Translator()
		j.NAT64.Hop = at.Hop
	}
	j.Changes = newAlterations(t)
	for _, c := range t.EndToEnd() {
		j.EndToEnd = append(j.EndToEnd, changeJSON(c))
	}
	if path := t.Path(); len(path) > 0 {
		j.Address = path[len(path)-1].Replies[0].From
	}
	return j
}

// probed returns what SYNs went to, or were to go to where a handshake failed before. It is not valid if that is not known.
func probed(remote netip.AddrPort, failed *probe.Result) netip.AddrPort {
	if failed == nil || remote.IsValid() || !failed.Address.IsValid() {
		return remote
	}
	return netip.AddrPortFrom(failed.Address, failed.Port)
}

type changeJSON struct {
	Field string `json:"field"`
	Sent  string `json:"sent"`
	Found string `json:"found"`
}

type alterationJSON struct {
	changeJSON
	Hop    int        `json:"hop"`
	From   netip.Addr `json:"from"`
	After  int        `json:"after_hop,omitempty"`
	Intact netip.Addr `json:"after,omitzero"`
}

func newAlterations(t *trace.Trace) (all []alterationJSON) {
	for _, a := range t.Alterations() {
		all = append(all, alterationJSON{
			changeJSON: changeJSON(a.Change), Hop: a.Hop, From: a.From, After: a.Before, Intact: a.Intact,
		})
	}
	return all
}
