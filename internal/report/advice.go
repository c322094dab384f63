package report

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"tcpprobe/icmp"
	"tcpprobe/internal/text"
	"tcpprobe/probe"
)

// Advice returns at most two lines: what the outcome means, and what to try next. There is none for a handshake that was
// established.
func Advice(r *probe.Result) []string {
	if lines := hostAdvice(r); lines != nil {
		return lines
	}
	switch r.Outcome {
	case probe.OutcomeRefused:
		return []string{refusal(r)}
	case probe.OutcomeTimeout:
		if slices.Contains(r.Findings, probe.FindingStalePeerState) {
			return []string{
				"Something answers in the host's name, for an old connection of these ports.",
				"Next: try again, without --source-port if you gave one.",
			}
		}
		if stray := elsewhere(r); stray != nil {
			return []string{
				fmt.Sprintf("The answer comes from %v: a translation is not undone.", stray.From),
				"Next: look for NAT or a load balancer between this host and the target.",
			}
		}
		if Heard(r) {
			return []string{
				"What came answers no SYN of ours: a firewall's, a stranger's, or damaged.",
				fmt.Sprintf("Next: tcpprobe trace %s shows how far the SYN gets.", typed(r)),
			}
		}
		return causesOfSilence(r)
	case probe.OutcomeUnreachable:
		if len(r.ICMP) > 0 {
			return []string{rejected(r.ICMP[len(r.ICMP)-1])}
		}
	case probe.OutcomeDNSError:
		return []string{"No segment was sent, since there is no address to send it to.", resolve(r.DNS)}
	case probe.OutcomeNoRoute:
		if r.NAT64 != nil && r.Address.Is4() {
			return []string{
				"No segment was sent: this host reaches IPv4 through NAT64 alone.",
				fmt.Sprintf("Next: tcpprobe %v", netip.AddrPortFrom(r.NAT64.Synthesized, r.Port)),
			}
		}
		return []string{
			"No segment was sent: this host knows no way there.",
			fmt.Sprintf("Next: %s route; ip address; %s rule", ipCommand(r.Address), ipCommand(r.Address)),
		}
	case probe.OutcomeARPTimeout, probe.OutcomeNDPTimeout:
		if r.Route == nil {
			return nil
		}
		if unusedReply(r) != "" {
			return []string{
				fmt.Sprintf("No segment was sent: an answer to %s came, and could not be used.", protocolOf(r.Route.NextHop)),
				fmt.Sprintf("Next: ip neigh show dev %s", text.Printable(r.Route.Interface)),
			}
		}
		if r.Route.OnLink {
			return []string{
				"No segment was sent: the host is down, or not on this link.",
				nextHopAdvice(r.Route),
			}
		}
		return []string{
			"No segment was sent: the gateway is down, or its address is not this one.",
			fmt.Sprintf("Next: ip neigh show dev %s; %s route", text.Printable(r.Route.Interface), ipCommand(r.Route.NextHop)),
		}
	case probe.OutcomeLocalError:
		return []string{"The fault is on this host: it says nothing about the target."}
	}
	return nil
}

// nextHopAdvice says where to look for a target on the link that is silent.
func nextHopAdvice(way *probe.Route) string {
	look := "Next: ip neigh show dev " + text.Printable(way.Interface)
	if asked := fmt.Sprintf("%s; ip route get %v", look, way.NextHop); text.Columns(asked) <= text.Width-2 {
		return asked
	}
	return look
}

// ipCommand is how ip(8) is asked about the family of an address.
func ipCommand(a netip.Addr) string {
	if a.Is6() {
		return "ip -6"
	}
	return "ip"
}

// protocolOf returns what the protocol is called that finds the MAC of an address.
func protocolOf(nextHop netip.Addr) string { return probe.NeighborPacket{Address: nextHop}.Protocol() }

// refusal says what a RST means.
func refusal(r *probe.Result) string {
	return fmt.Sprintf("A RST in its name: nothing listens on port %d, or a firewall sent it.", r.Port)
}

// resolve says what to try when a name does not resolve.
func resolve(d *probe.DNS) string {
	switch {
	case d != nil && d.Source == "hosts" && len(d.Addresses) > 0:
		return "Next: look at /etc/hosts, where the address is from."
	case d == nil || d.Source != "dns":
		return "Next: look at the spelling of the name."
	case !d.Server.IsValid():
		return "Next: look at /etc/resolv.conf, or name a server with --dns SERVER."
	case d.RCode == "":
		return "Next: look at the way to the server, or ask another with --dns SERVER."
	case d.RCode == "NXDOMAIN":
		return "Next: look at the spelling, or ask another server with --dns SERVER."
	}
	return "Next: ask another server with --dns SERVER."
}

// maximumTyped is how long a target may be for the advice to fit in its line.
const maximumTyped = 29

// typed returns the target as an argument of a command: as the user wrote it, or as address and port where the name is
// long or would have to be quoted.
func typed(r *probe.Result) string {
	special := func(c rune) bool {
		return !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.ContainsRune("-._:", c))
	}
	if len(r.Target) > maximumTyped || strings.ContainsFunc(r.Target, special) {
		return r.TCP.Remote.String()
	}
	return r.Target
}

// rejected says what an ICMP error means for those who sent the SYN.
func rejected(m *probe.ICMP) string {
	switch m.Meaning() {
	case icmp.MeansHopLimitExceeded:
		return "The SYN ran out of hops: a routing loop, or --ttl is too small."
	case icmp.MeansHeaderProblem:
		return "It could make no sense of the " + ipName(m) + " header of our SYN, which it quotes."
	case icmp.MeansProhibited, icmp.MeansRejectRoute:
		return "A router or firewall refuses this traffic by policy; it quotes our SYN."
	case icmp.MeansSourceFailedPolicy:
		return "A router takes no traffic from our address by policy; it quotes our SYN."
	case icmp.MeansBeyondScope:
		return "Our address is of the link alone, and the router sends it no further."
	case icmp.MeansProtocolUnreachable, icmp.MeansPortUnreachable:
		if m.From == m.Target {
			return "The host, or a firewall before it, rejects the port without a RST."
		}
		return "A firewall on the way rejects this port; it quotes our SYN."
	case icmp.MeansNoRoute:
		return "That router knows no way to the network; it quotes our SYN."
	case icmp.MeansAddressUnreachable:
		if m.Own() {
			return "The kernel asked the link for the next hop, and nobody answered."
		}
		return "That router cannot reach the host: it is down, or no route leads to it."
	case icmp.MeansTooBig:
		return "A SYN too large for a link is hard to believe: a broken router, or a forgery."
	}
	return "It quotes our SYN, so it is about this handshake."
}

// ipName names the protocol of the datagram that an ICMP error quotes.
func ipName(m *probe.ICMP) string {
	if m.Is6() {
		return "IPv6"
	}
	return "IPv4"
}
