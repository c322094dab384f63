package report_test

import (
	"errors"
	"fmt"
	"net/netip"

	"tcpprobe/internal/stamp"
	"tcpprobe/probe"
)

// The addresses of the results of IPv6, as long as they get.
var (
	local6   = netip.MustParseAddr("2001:db8:1111:2222:3333:4444:5555:6666")
	gateway6 = netip.MustParseAddr("fe80::1111:2222:3333:4444")
	remote6  = netip.MustParseAddr("2001:db8:aaaa:bbbb:cccc:dddd:eeee:ffff")
)

// ipv6Cases are handshakes by IPv6.
var ipv6Cases = []testCase{
	{"established_ipv6", func() *probe.Result {
		j := toIPv6(&probe.Route{Interface: "eth0", Source: local6, NextHop: gateway6, MTU: 1500})
		j.ndpAsked(0.051, 1)
		j.ndpAnswered(0.340, 0.289)
		j.begin()
		j.syn(2.301)
		j.accepted(13.874, 11.573)
		j.closed(13.874)
		return j.Result
	}},
	{"established_ipv6_link_local_source", func() *probe.Result {
		j := toIPv6(&probe.Route{Interface: "eth0", Source: netip.MustParseAddr("fe80::2"), NextHop: gateway6, MTU: 1500})
		j.ndpAsked(0.051, 1)
		j.ndpAnswered(0.340, 0.289)
		j.begin()
		j.syn(2.301)
		j.accepted(13.874, 11.573)
		j.Findings = []probe.Finding{probe.FindingLinkLocalSource, probe.FindingNDPConflict}
		return j.Result
	}},
	{"established_ipv6_loopback", func() *probe.Result {
		j := newExchange("::1", 80, "[::1]:80")
		j.Address = netip.IPv6Loopback()
		j.DNS = &probe.DNS{Source: "literal", Name: "::1", Addresses: []netip.Addr{netip.IPv6Loopback()}}
		j.routed(0.030, &probe.Route{Interface: "lo", Source: netip.IPv6Loopback(), NextHop: netip.IPv6Loopback(), OnLink: true, MTU: 65536})
		j.NextHop = &probe.NextHop{Source: "not_needed", Address: netip.IPv6Loopback()}
		j.begin()
		j.TCP.Send = "ip"
		j.syn(0.301)
		j.accepted(0.374, 0.073)
		return j.Result
	}},
	{"established_ipv6_of_many", func() *probe.Result {
		j := toIPv6(&probe.Route{Interface: "eth0", Source: local6, NextHop: gateway6, MTU: 1500})
		j.Also = []netip.Addr{remote, remote6.Next(), remote6.Prev(), local6, gateway6}
		j.begin()
		j.syn(2.301)
		j.accepted(13.874, 11.573)
		return j.Result
	}},
	{"established_ipv6_nat64", func() *probe.Result {
		j := toIPv6(&probe.Route{Interface: "eth0", Source: local6, NextHop: gateway6, MTU: 1500})
		j.Address = netip.MustParseAddr("2001:db8:1111:2222:33:4444:c000:250")
		j.NAT64 = &probe.NAT64{Prefix: netip.MustParsePrefix("2001:db8:1111:2222:33:4444::/96"), Address: remote, Synthesized: j.Address}
		j.begin()
		j.syn(2.301)
		j.accepted(13.874, 11.573)
		return j.Result
	}},
	{"ndp_timeout_on_link", func() *probe.Result {
		j := toIPv6(&probe.Route{Interface: "eth0", Source: local6, NextHop: remote6, OnLink: true, MTU: 1500})
		j.ndpAsked(0.051, 1)
		j.ndpAsked(1000.180, 2)
		j.ndpAsked(2000.311, 3)
		j.event(probe.Event{Kind: probe.EventNeighborSilence, At: j.at(3000.440), Neighbor: &probe.NeighborPacket{
			Interface: j.Route.Interface, Address: j.Route.NextHop, Attempt: 3, Attempts: 3,
		}})
		j.Outcome, j.Err = probe.OutcomeNDPTimeout, errors.New("no answer")
		return j.Result
	}},
	{"ndp_timeout_unusable", func() *probe.Result {
		j := toIPv6(&probe.Route{Interface: "eth0", Source: local6, NextHop: gateway6, MTU: 1500})
		j.ndpAsked(0.051, 1)
		j.event(probe.Event{Kind: probe.EventNeighborReply, At: j.at(0.400), Neighbor: &probe.NeighborPacket{
			Interface: "eth0", Address: gateway6, MAC: gatewayMAC, Note: "its hop limit is not 255",
		}})
		j.event(probe.Event{Kind: probe.EventNeighborSilence, At: j.at(1000.340), Neighbor: &probe.NeighborPacket{Interface: "eth0", Address: gateway6}})
		j.Outcome, j.Err = probe.OutcomeNDPTimeout, errors.New("no answer")
		return j.Result
	}},
}

// toIPv6 goes to remote6 as far as the route.
func toIPv6(r *probe.Route) *exchange {
	j := newExchange(remote6.String(), 65535, fmt.Sprintf("[%v]:65535", remote6))
	j.Address = remote6
	j.DNS = &probe.DNS{Source: "literal", Name: j.Host, Addresses: []netip.Addr{remote6}}
	j.routed(0.030, r)
	return j
}

func (j *exchange) ndpAsked(t float64, attempt int) {
	j.arpAsked(t, attempt)
	j.NextHop.Source = "ndp"
}

func (j *exchange) ndpAnswered(t, took float64) {
	j.arpAnswered(t, took)
	j.NextHop.Router, j.NextHop.Override, j.NextHop.Clock = true, true, stamp.Kernel
	p := j.Events[len(j.Events)-1].Neighbor
	p.Router, p.Override = true, true
}
