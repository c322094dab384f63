package sends

import (
	"fmt"
	"slices"
	"strings"

	"tcpprobe/probe"
)

// Evidence says what speaks for PartsAt, in clauses; there is at least one.
func (c *Comparison) Evidence() (clauses []string) {
	add := func(format string, a ...any) { clauses = append(clauses, fmt.Sprintf(format, a...)) }
	part := c.PartsAt()
	if forbidden(c.IP.Result) {
		add("the kernel does not send raw IP (EPERM)")
	}
	if forbidden(c.Connect.Result) {
		add("connect(2) is not permitted (EPERM)")
	}
	if r := c.Connect.Result; rejectedHere(r) {
		m := r.ICMP[len(r.ICMP)-1]
		add("this host itself rejects the SYN of connect(2): ICMP %d/%d %s", m.Type, m.Code, m.Name)
	}
	if t := c.Link.Result.TCP; t != nil && t.ArrivedOn != "" && c.Link.Result.Route != nil {
		add("the answer came by %s, not by %s", t.ArrivedOn, c.Link.Result.Route.Interface)
	}
	if t := c.Connect.Result.TCP; t != nil && t.ConnectedTo.IsValid() {
		add("connect(2) was led to %v", t.ConnectedTo)
	}
	if part != Nowhere {
		for _, m := range c.Moved() {
			add("%s rose by %d", m.Name, m.By)
		}
		if known := c.suspects(part); len(known) > 0 {
			add("this host has %s", strings.Join(known, ", "))
		}
	}
	if !c.FramesPossible() {
		add("there are no frames on this way")
	}
	if clauses == nil && part == Nowhere {
		add("all ended alike")
	}
	if clauses == nil {
		add("no counter moved, and no rule is known")
	}
	return clauses
}

// suspects returns what is known to exist on this host of which a Part may be.
func (c *Comparison) suspects(part Part) []string {
	endings := map[Part][]string{
		Output: {" output", " postrouting", "iptables filter", "iptables raw", "iptables mangle"},
		Input:  {" input", " prerouting", "iptables filter", "iptables raw", "iptables mangle"},
		NAT:    {" nat"}, IPsec: {"IPsec"},
	}[part]
	var known []string
	for _, one := range c.Policy.Bypassed() {
		if slices.ContainsFunc(endings, func(ending string) bool { return strings.HasSuffix(one, ending) }) {
			known = append(known, one)
		}
	}
	return known
}

// Explanation says where the ways part, in a clause.
func (c *Comparison) Explanation() string {
	switch part := c.PartsAt(); part {
	case Nowhere:
		switch {
		case c.Connect.Result.Outcome == probe.OutcomeEstablished:
			return "they end alike: nothing on this host is in the way"
		case c.FramesPossible():
			return "they end alike: firewall, translation and IPsec of this host are not the cause"
		}
		return "they end alike, and both go through the firewall of this host"
	case Output:
		return "a firewall of this host stops what goes out"
	case Input:
		return "a firewall of this host drops what comes in"
	case NAT:
		return "this host translates the address of what its IP sends (NAT)"
	case IPsec:
		return "a policy of IPsec on this host; frames go past it, in the clear"
	case ReversePath:
		return "the answer comes by another way than the route's, and rp_filter drops it"
	case Socket:
		if t := c.Connect.Result.TCP; t != nil && t.ConnectedTo.IsValid() {
			return "a program of the cgroup leads connect(2) elsewhere"
		}
		return "a program of the cgroup, or a security module, forbids the call"
	}
	return "they part, and it is not known at what"
}

// Words are the names of ways for a person.
var words = map[string]string{"link": "frames", "ip": "raw IP", "connect": "connect(2)"}

// Sentence says who gets through, who does not, and why: the verdict.
func (c *Comparison) Sentence() string {
	through, not := c.Through()
	switch {
	case c.PartsAt() == Nowhere:
		return named(append(through, not...)) + " " + strings.TrimPrefix(c.Explanation(), "they ")
	case len(through) == 0 || len(not) == 0:
		return c.Explanation()
	}
	gets, does := "get", "do"
	if len(through) == 1 && through[0] != "link" {
		gets = "gets"
	}
	if len(not) == 1 && not[0] != "link" {
		does = "does"
	}
	return fmt.Sprintf("%s %s through, %s %s not: %s", named(through), gets, named(not), does, c.Explanation())
}

// named lists ways: "frames, raw IP and connect(2)".
func named(names []string) string {
	var said []string
	for _, name := range names {
		said = append(said, words[name])
	}
	if last := len(said) - 1; last > 0 {
		return strings.Join(said[:last], ", ") + " and " + said[last]
	}
	return strings.Join(said, "")
}
