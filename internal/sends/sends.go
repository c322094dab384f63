package sends

import (
	"errors"
	"io/fs"
	"slices"
	"strings"

	"tcpprobe/internal/hostpolicy"
	"tcpprobe/probe"
)

// Way is one of the ways, and what came of it.
type Way struct {
	Name   string             // "link", "ip" or "connect", as --send has it
	Result *probe.Result      // never nil
	Moved  []hostpolicy.Moved // counters of the kernel, meanwhile
}

// Comparison is the three ways to one target, gone one after the other.
type Comparison struct {
	Target            string
	Policy            hostpolicy.Policy // of this host, as far as it may be read
	Link, IP, Connect Way
}

// Part is a place on this host where the ways part.
type Part string

const (
	Nowhere     Part = "nowhere"      // they end alike
	Output      Part = "output"       // a firewall stops what goes out
	Input       Part = "input"        // a firewall drops what comes in
	NAT         Part = "nat"          // an address is translated
	IPsec       Part = "ipsec"        // a policy of IPsec forbids, or demands what there is not
	ReversePath Part = "reverse_path" // the answer comes by another interface, and rp_filter drops it
	Socket      Part = "socket"       // the call of connect(2) is forbidden or led elsewhere, by a cgroup program or a security module
	Unknown     Part = "unknown"
)

// FramesPossible reports whether frames could be sent at all: they cannot on loopback, tun and the like.
func (c *Comparison) FramesPossible() bool {
	r := c.Link.Result
	return r.Outcome != probe.OutcomeLocalError || r.TCP != nil && r.TCP.SYNSent > 0
}

// Ways returns those that were possible, in the order in which they were gone.
func (c *Comparison) Ways() []Way {
	if !c.FramesPossible() {
		return []Way{c.IP, c.Connect}
	}
	return []Way{c.Link, c.IP, c.Connect}
}

// PartsAt returns where the ways part.
func (c *Comparison) PartsAt() Part {
	ways := c.Ways()
	first := ways[0].Result
	if !slices.ContainsFunc(ways[1:], func(w Way) bool { return !alike(first, w.Result) }) {
		return Nowhere
	}
	link, ip, connect := c.FramesPossible() && answered(c.Link.Result), answered(c.IP.Result), answered(c.Connect.Result)
	switch {
	case c.moved("Xfrm") && !connect:
		return IPsec
	case c.moved("IPReversePathFilter") && !connect:
		return ReversePath
	case connect && c.Connect.Result.TCP.ConnectedTo.IsValid():
		return Socket
	case !link && c.FramesPossible() && connect && ip:
		return NAT
	case forbidden(c.IP.Result), rejectedHere(c.Connect.Result):
		return Output
	case ip && forbidden(c.Connect.Result):
		return Socket
	case link && silent(c.IP.Result) && silent(c.Connect.Result):
		return Input
	}
	return Unknown
}

// Through returns the names of the ways on which the target answered, and of the others.
func (c *Comparison) Through() (through, not []string) {
	for _, w := range c.Ways() {
		if answered(w.Result) && !(w.Name == "connect" && c.PartsAt() == Output) {
			through = append(through, w.Name)
		} else {
			not = append(not, w.Name)
		}
	}
	return through, not
}

// Moved returns the counters that moved while the kernel took part, by name, with the sum of both ways.
func (c *Comparison) Moved() (all []hostpolicy.Moved) {
	for _, m := range slices.Concat(c.IP.Moved, c.Connect.Moved) {
		if i := slices.IndexFunc(all, func(o hostpolicy.Moved) bool { return o.Name == m.Name }); i >= 0 {
			all[i].By += m.By
		} else {
			all = append(all, m)
		}
	}
	return all
}

// moved reports whether a counter moved, the name of which begins so.
func (c *Comparison) moved(name string) bool {
	return slices.ContainsFunc(c.Moved(), func(m hostpolicy.Moved) bool { return strings.HasPrefix(m.Name, name) })
}

// alike reports whether two handshakes ended the same way, as far as this host has to do with it.
func alike(a, b *probe.Result) bool {
	if a.Outcome != b.Outcome || b.TCP != nil && b.TCP.ConnectedTo.IsValid() {
		return false
	}
	return a.Outcome != probe.OutcomeUnreachable || rejectedHere(a) == rejectedHere(b)
}

// answered reports whether the target, or somebody in its name, answered.
func answered(r *probe.Result) bool {
	return r.Outcome == probe.OutcomeEstablished || r.Outcome == probe.OutcomeRefused
}

// silent reports whether nothing came back of what was sent.
func silent(r *probe.Result) bool { return r.Outcome == probe.OutcomeTimeout }

// forbidden reports whether this host did not let a segment, or the call of connect(2), go on: EPERM. What a process may not ask of
// a socket before that call is another matter.
func forbidden(r *probe.Result) bool {
	called := func(e probe.Event) bool { return e.Kind == probe.EventConnectEnded }
	return r.Outcome == probe.OutcomeLocalError && errors.Is(r.Err, fs.ErrPermission) && (!r.TCP.ByKernel() || slices.ContainsFunc(r.Events, called))
}

// rejectedHere reports whether this host itself sent the ICMP error that ended a handshake.
func rejectedHere(r *probe.Result) bool {
	n := len(r.ICMP)
	return r.Outcome == probe.OutcomeUnreachable && n > 0 && r.ICMP[n-1].Own()
}
