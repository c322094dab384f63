package recording

import (
	"cmp"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"tcpprobe/internal/stamp"
	"tcpprobe/probe"
)

// probeLine is what is read of a line about a handshake.
type probeLine struct {
	Target, Host string
	Port         uint16
	Address      netip.Addr
	Seq          int
	Time         time.Time
	Outcome      string
	Reason       string
	Findings     []probe.Finding
	DNS          *dnsLine
	Route        *routeLine
	ARP, NDP     *neighborLine
	TCP          *tcpLine
	ICMP         []icmpLine
}

type dnsLine struct {
	Source    string
	Server    netip.AddrPort
	Name      string
	Searched  bool
	RCode     string
	Addresses []netip.Addr
	Omitted   int
	CNAME     []string
	Attempts  int
	Duration  time.Duration `json:"duration_ns"`
	Clock     string
}

type routeLine struct {
	Interface string
	Source    netip.Addr
	NextHop   netip.Addr `json:"next_hop"`
	OnLink    bool       `json:"on_link"`
	MTU       int
}

type neighborLine struct {
	Source   string
	Address  netip.Addr
	MAC      string
	Attempts int
	Duration time.Duration `json:"duration_ns"`
	Clock    string
}

type icmpLine struct {
	From   netip.Addr
	Type   uint8
	Code   uint8
	Name   string
	MTU    int
	T      time.Duration `json:"t_ns"`
	Quoted struct {
		TTL     uint8
		SentTTL uint8 `json:"sent_ttl"`
	}
}

// outcomes are those that are written, by their names.
var outcomes = map[string]probe.Outcome{
	"established": probe.OutcomeEstablished, "refused": probe.OutcomeRefused, "unreachable": probe.OutcomeUnreachable, "timeout": probe.OutcomeTimeout,
	"dns_error": probe.OutcomeDNSError, "no_route": probe.OutcomeNoRoute, "arp_timeout": probe.OutcomeARPTimeout, "ndp_timeout": probe.OutcomeNDPTimeout,
	"local_error": probe.OutcomeLocalError,
}

// result returns the result that was written.
func (p *probeLine) result() (*probe.Result, error) {
	outcome, ok := outcomes[p.Outcome]
	answered := outcome == probe.OutcomeEstablished || outcome == probe.OutcomeRefused
	switch {
	case !ok:
		return nil, fmt.Errorf("outcome %q: %w", p.Outcome, ErrNoRecording)
	case p.Time.IsZero() || p.Target == "":
		return nil, fmt.Errorf("a handshake without its target or its time: %w", ErrNoRecording)
	case p.TCP == nil && answered, outcome == probe.OutcomeTimeout && p.TCP == nil, outcome == probe.OutcomeUnreachable && (p.TCP == nil || len(p.ICMP) == 0):
		return nil, fmt.Errorf("a handshake that ended as %s without its segments: %w", p.Outcome, ErrNoRecording)
	}
	r := &probe.Result{
		Target: p.Target, Host: p.Host, Port: p.Port, Seq: p.Seq, Address: p.Address, Time: p.Time, Start: stamp.Stamp{User: p.Time},
		Outcome: outcome, Findings: p.Findings,
	}
	if outcome != probe.OutcomeEstablished {
		r.Err = errors.New(strings.TrimSuffix(p.Reason, "."))
	}
	before := p.names(r)
	before = p.nextHop(r, before)
	if p.TCP != nil {
		p.TCP.read(r, before)
	}
	for _, line := range p.ICMP {
		m := &probe.ICMP{
			From: line.From, Type: line.Type, Code: line.Code, Name: line.Name, MTU: line.MTU, QuotedTTL: line.Quoted.TTL, SentTTL: line.Quoted.SentTTL,
			Target: p.Address, At: at(r, before+line.T),
		}
		if r.Route != nil {
			m.Source = r.Route.Source
		}
		r.ICMP = append(r.ICMP, m)
		r.Events = append(r.Events, probe.Event{Kind: probe.EventICMPReceived, At: m.At, ICMP: m, Step: line.T})
	}
	slices.SortStableFunc(r.Events, func(a, b probe.Event) int { return cmp.Compare(a.At.User.UnixNano(), b.At.User.UnixNano()) })
	return r, nil
}

// at returns the stamp of what was so long after the beginning.
func at(r *probe.Result, after time.Duration) stamp.Stamp {
	return stamp.Stamp{User: r.Time.Add(after), Kernel: r.Time.Add(after)}
}

// names reads how the name became an address, and returns how long that took.
func (p *probeLine) names(r *probe.Result) time.Duration {
	d := p.DNS
	if d == nil {
		return 0
	}
	r.DNS = &probe.DNS{
		Source: d.Source, Server: d.Server, Name: d.Name, Searched: d.Searched, RCode: d.RCode, Addresses: d.Addresses, Omitted: d.Omitted, CNAME: d.CNAME,
		Attempts: d.Attempts, Duration: d.Duration, Clock: source(d.Clock),
	}
	if d.Source != "dns" || d.Attempts == 0 {
		return 0
	}
	message := probe.DNSMessage{Server: d.Server, Name: d.Name, Searched: d.Searched, Attempt: 1}
	answer := message
	answer.RCode, answer.Addresses, answer.Omitted, answer.CNAME = d.RCode, d.Addresses, d.Omitted, d.CNAME
	kind := probe.EventDNSAnswer
	if d.RCode == "" {
		kind = probe.EventDNSSilence
	}
	r.Events = append(r.Events,
		probe.Event{Kind: probe.EventDNSQuery, At: at(r, 0), DNS: &message},
		probe.Event{Kind: kind, At: at(r, d.Duration), DNS: &answer, Step: d.Duration})
	return d.Duration
}

// nextHop reads which way the segments went, so long after the beginning, and returns when that was known.
func (p *probeLine) nextHop(r *probe.Result, before time.Duration) time.Duration {
	if p.Route != nil {
		r.Route = &probe.Route{Interface: p.Route.Interface, Source: p.Route.Source, NextHop: p.Route.NextHop, OnLink: p.Route.OnLink, MTU: p.Route.MTU}
		r.Events = append(r.Events, probe.Event{Kind: probe.EventRouteFound, At: at(r, before), Route: r.Route})
	}
	n := p.ARP
	if n == nil {
		n = p.NDP
	}
	if n == nil {
		return before
	}
	r.NextHop = &probe.NextHop{Source: n.Source, Address: n.Address, MAC: mac(n.MAC), Attempts: n.Attempts, Duration: n.Duration, Clock: source(n.Clock)}
	if n.Attempts == 0 || r.Route == nil {
		return before
	}
	packet := probe.NeighborPacket{Interface: r.Route.Interface, Address: n.Address, Sender: r.Route.Source, Attempt: 1, Attempts: n.Attempts}
	reply := packet
	reply.MAC = r.NextHop.MAC
	kind := probe.EventNeighborReply
	if n.MAC == "" {
		kind = probe.EventNeighborSilence
	}
	r.Events = append(r.Events,
		probe.Event{Kind: probe.EventNeighborRequest, At: at(r, before), Neighbor: &packet},
		probe.Event{Kind: kind, At: at(r, before+n.Duration), Neighbor: &reply, Step: n.Duration})
	return before + n.Duration
}

// mac reads a link-layer address; what is none is zero.
func mac(s string) (m [6]byte) {
	parts := strings.Split(s, ":")
	if len(parts) != len(m) {
		return m
	}
	for i, part := range parts {
		n, err := strconv.ParseUint(part, 16, 8)
		if err != nil {
			return [6]byte{}
		}
		m[i] = byte(n)
	}
	return m
}

// source reads the name of a clock.
func source(s string) stamp.Source {
	if s == stamp.Kernel.String() {
		return stamp.Kernel
	}
	return stamp.User
}
