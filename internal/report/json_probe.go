package report

import (
	"net/netip"
	"time"

	"tcpprobe/internal/stamp"
	"tcpprobe/probe"
)

// Probe writes one handshake.
func (j *JSON) Probe(r *probe.Result) error {
	p := newProbe(r)
	if j.brief && p.TCP != nil {
		p.TCP.Segments = nil
	}
	return j.write(p)
}

// wallClock writes a time as JSON has it.
func wallClock(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000000000Z07:00") }

type probeJSON struct {
	Schema   string          `json:"schema"`
	Type     string          `json:"type"`
	ID       string          `json:"id,omitempty"`
	Module   string          `json:"module,omitempty"`
	Target   string          `json:"target"`
	Host     string          `json:"host"`
	Port     uint16          `json:"port"`
	Address  netip.Addr      `json:"address,omitzero"`
	Family   string          `json:"family,omitempty"`
	Seq      int             `json:"seq"`
	Time     string          `json:"time"`
	Outcome  string          `json:"outcome"`
	Reason   string          `json:"reason"`
	Findings []probe.Finding `json:"findings"`
	DNS      *dnsJSON        `json:"dns,omitempty"`
	NAT64    *nat64JSON      `json:"nat64,omitempty"`
	Route    *routeJSON      `json:"route,omitempty"`
	ARP      *neighborJSON   `json:"arp,omitempty"`
	NDP      *neighborJSON   `json:"ndp,omitempty"`
	TCP      *tcpJSON        `json:"tcp,omitempty"`
	ICMP     []icmpJSON      `json:"icmp,omitempty"`
}

// newProbe returns what JSON writes of a result.
func newProbe(r *probe.Result) probeJSON {
	zero := firstSYN(r)
	p := probeJSON{
		Schema: Schema, Type: "probe",
		Target: r.Target, Host: r.Host, Port: r.Port, Seq: r.Seq,
		Time:    wallClock(r.Time),
		Outcome: r.Outcome.String(), Reason: Reason(r),
		Findings: append([]probe.Finding{}, r.Findings...),
		DNS:      newDNS(r.DNS), NAT64: newNAT64(r.NAT64), Route: newRoute(r.Route), Address: r.Address, Family: family(r),
	}
	if h := newNeighbor(r.NextHop); h != nil && r.NextHop.Address.Is6() {
		p.NDP = h
	} else {
		p.ARP = h
	}
	if r.TCP != nil {
		p.TCP = newTCP(r, zero)
	}
	for _, m := range r.ICMP {
		p.ICMP = append(p.ICMP, newICMP(m, r.Route, zero))
	}
	return p
}

type dnsJSON struct {
	Source    string         `json:"source"`
	Server    netip.AddrPort `json:"server,omitzero"`
	Name      string         `json:"name,omitempty"`
	Searched  bool           `json:"searched,omitempty"`
	RCode     string         `json:"rcode,omitempty"`
	Addresses []netip.Addr   `json:"addresses,omitempty"`
	Omitted   int            `json:"omitted,omitempty"`
	CNAME     []string       `json:"cname,omitempty"`
	Attempts  int            `json:"attempts,omitempty"`
	Duration  *time.Duration `json:"duration_ns,omitempty"`
	Clock     string         `json:"clock,omitempty"`
	Queries   []queryJSON    `json:"queries,omitempty"`
}

type queryJSON struct {
	Type      string        `json:"type"`
	RCode     string        `json:"rcode,omitempty"`
	Addresses []netip.Addr  `json:"addresses,omitempty"`
	Duration  time.Duration `json:"duration_ns"`
	Clock     string        `json:"clock"`
}

// newDNS returns what JSON writes of how the name became an address; nil if it did not come to that.
func newDNS(d *probe.DNS) *dnsJSON {
	if d == nil {
		return nil
	}
	j := &dnsJSON{
		Source: d.Source, Server: d.Server, Name: d.Name, Searched: d.Searched, RCode: d.RCode,
		Addresses: d.Addresses, Omitted: d.Omitted, CNAME: d.CNAME, Attempts: d.Attempts,
	}
	for _, q := range d.Queries {
		j.Queries = append(j.Queries, queryJSON{Type: q.Type, RCode: q.RCode, Addresses: q.Addresses, Duration: q.Duration, Clock: q.Clock.String()})
	}
	if d.Duration > 0 || d.Source == "dns" && d.RCode != "" { // an answer may come within the clock's resolution
		j.Duration, j.Clock = &d.Duration, d.Clock.String()
	}
	return j
}

type nat64JSON struct {
	Prefix      netip.Prefix `json:"prefix"`
	Address     netip.Addr   `json:"address"`
	Synthesized netip.Addr   `json:"synthesized"`
	Hop         int          `json:"hop,omitempty"`
}

// newNAT64 returns what JSON writes of a translator; nil if there is none.
func newNAT64(n *probe.NAT64) *nat64JSON {
	if n == nil {
		return nil
	}
	return &nat64JSON{Prefix: n.Prefix, Address: n.Address, Synthesized: n.Synthesized}
}

type routeJSON struct {
	Interface string     `json:"interface"`
	Source    netip.Addr `json:"source"`
	NextHop   netip.Addr `json:"next_hop"`
	OnLink    bool       `json:"on_link"`
	MTU       int        `json:"mtu"`
}

// newRoute returns what JSON writes of a route; nil if there is none.
func newRoute(r *probe.Route) *routeJSON {
	if r == nil {
		return nil
	}
	return &routeJSON{Interface: r.Interface, Source: r.Source, NextHop: r.NextHop, OnLink: r.OnLink, MTU: r.MTU}
}

// family returns the family of the datagrams of a result: "ipv4" or "ipv6", or "" if it did not come to that.
func family(r *probe.Result) string {
	switch {
	case !r.Address.IsValid():
		return ""
	case r.Address.Is4():
		return "ipv4"
	}
	return "ipv6"
}

type neighborJSON struct {
	Source   string         `json:"source"`
	Address  netip.Addr     `json:"address,omitzero"`
	MAC      string         `json:"mac,omitempty"`
	Attempts int            `json:"attempts,omitempty"`
	Duration *time.Duration `json:"duration_ns,omitempty"`
	Clock    string         `json:"clock,omitempty"`
	Router   *bool          `json:"router,omitempty"`
	Override *bool          `json:"override,omitempty"`
}

// newNeighbor returns what JSON writes of how the next hop became a link-layer address; nil if it did not come to that.
func newNeighbor(h *probe.NextHop) *neighborJSON {
	if h == nil {
		return nil
	}
	j := &neighborJSON{Source: h.Source, Address: h.Address, Attempts: h.Attempts}
	if h.MAC != [6]byte{} {
		j.MAC = mac(h.MAC)
	}
	asked := (h.Source == "arp" || h.Source == "ndp") && h.Attempts > 0 && h.MAC != [6]byte{}
	if asked && h.Source == "ndp" {
		j.Router, j.Override = &h.Router, &h.Override
	}
	if h.Duration > 0 || asked {
		j.Duration, j.Clock = &h.Duration, h.Clock.String()
	}
	return j
}

// firstSYN returns when the first SYN left: what the times in a result are counted from.
func firstSYN(r *probe.Result) stamp.Stamp {
	if r.TCP == nil || len(r.TCP.States) == 0 {
		return r.Start
	}
	return r.TCP.States[0].At
}

// since returns how long after zero something was.
func since(zero, at stamp.Stamp) time.Duration {
	d, _ := stamp.Between(zero, at)
	return d
}
