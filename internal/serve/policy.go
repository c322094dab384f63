package serve

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"

	"tcpprobe/internal/target"
	"tcpprobe/internal/text"
)

// Policy is which targets may be probed by whoever asks. The zero Policy is that without a pattern: any, but for special addresses and
// those of this host.
type Policy struct {
	Allow   []Pattern       // those alone that one of them allows; nil for any
	Targets map[string]bool // that are always allowed, by Key
}

// Key returns by what a target is told from others: its host in small letters, and its port.
func Key(t target.Target) string {
	host := strings.ToLower(strings.TrimSuffix(t.Host, "."))
	if t.Address.IsValid() {
		host = t.Address.String()
	}
	return fmt.Sprintf("%s %d", host, t.Port)
}

// Permit says whether an address may be probed; own, that it is one of this host, as its routes say. nil permits any.
type Permit func(a netip.Addr, own bool) error

var (
	errNotAllowed = errors.New("no --allow allows it")
	errSpecial    = errors.New("which takes an --allow of its own")
	errOwn        = errors.New("it is an address of this host, which takes an --allow of its own")
)

// Judge returns which addresses of a target may be probed. With an error none may be, whatever they are.
func (p Policy) Judge(t target.Target) (Permit, error) {
	if p.Targets[Key(t)] {
		return nil, nil
	}
	fitting := []Pattern{{}}
	if p.Allow != nil {
		fitting = nil
		for _, pattern := range p.Allow {
			if pattern.fits(t) {
				fitting = append(fitting, pattern)
			}
		}
		if len(fitting) == 0 {
			return nil, errNotAllowed
		}
	}
	permit := func(a netip.Addr, own bool) error { return permit(a.WithZone(""), own, fitting) }
	if t.Address.IsValid() {
		if err := permit(t.Address, false); err != nil {
			return nil, err
		}
	}
	return permit, nil
}

// permit returns an error if patterns that fit a target do not allow an address of it. Special addresses take a pattern about their
// range or a part of it, and those of this host take one about addresses.
func permit(a netip.Addr, own bool, fitting []Pattern) error {
	s, isSpecial := find(a)
	allowed, ofRange, ofAddresses := false, false, false
	for _, p := range fitting {
		switch {
		case !p.prefix.IsValid():
			allowed = true
		case p.prefix.Contains(a):
			allowed = true
			ofAddresses = ofAddresses || p.prefix.Bits() > 0
			ofRange = ofRange || p.prefix.Bits() >= s.prefix.Bits() && s.prefix.Contains(p.prefix.Addr())
		}
	}
	switch {
	case !allowed:
		return errNotAllowed
	case isSpecial && !ofRange:
		return fmt.Errorf("it is %s, %w", s.name, errSpecial)
	case own && !ofAddresses:
		return errOwn
	}
	return nil
}

// Pattern is what --allow allows: hosts by their names or by their addresses, and ports.
type Pattern struct {
	host   string       // a name in small letters, or "*." and the names below it; "" for any, or for those of the prefix
	prefix netip.Prefix // of addresses; not valid for any
	ports  target.Ports
	text   string // as it was written
}

// ParsePattern reads a pattern: HOST, HOST:PORTS or :PORTS, where HOST is a name, *.example.com for all names below that, * for any, an
// address or a prefix, and PORTS a list with ranges. IPv6 takes brackets in front of ports. The error is a line.
func ParsePattern(s string) (p Pattern, err error) {
	p.text = s
	host, ports := s, ""
	if inner, rest, ok := strings.Cut(strings.TrimPrefix(s, "["), "]"); ok && strings.HasPrefix(s, "[") {
		if host, ports = inner, strings.TrimPrefix(rest, ":"); rest != "" && ports == rest {
			return p, fmt.Errorf("%s: a colon and ports follow the bracket, as in [2001:db8::/32]:443", text.Printable(s))
		}
		if !strings.Contains(host, ":") {
			return p, fmt.Errorf("%s: only IPv6 stands in brackets", text.Printable(s))
		}
	} else if before, after, ok := strings.Cut(s, ":"); ok && strings.Count(s, ":") == 1 {
		host, ports = before, after
		if ports == "" {
			return p, fmt.Errorf("%s: ports follow the colon, as in :443", text.Printable(s))
		}
	}
	if ports != "" {
		if p.ports, err = target.ParsePorts(ports); err != nil {
			return p, fmt.Errorf("%s: %w", text.Printable(s), err)
		}
	}
	switch {
	case s == "":
		return p, errors.New("a pattern is wanted, as 10.0.0.0/8, *.example.com or :443")
	case host == "" || host == "*":
	case strings.Contains(host, "/"):
		if p.prefix, err = netip.ParsePrefix(host); err != nil || p.prefix != p.prefix.Masked() {
			return p, fmt.Errorf("%s: it is no prefix, as 10.0.0.0/8 or 2001:db8::/32", text.Printable(s))
		}
	default:
		if a, err := netip.ParseAddr(host); err == nil {
			p.prefix = netip.PrefixFrom(a.WithZone(""), a.BitLen())
			break
		}
		p.host = strings.ToLower(strings.TrimSuffix(host, "."))
		if err := checkName(strings.TrimPrefix(p.host, "*.")); err != nil {
			return p, fmt.Errorf("%s: %w", text.Printable(s), err)
		}
	}
	return p, nil
}

// checkName returns an error for what is no name of a host.
func checkName(name string) error {
	t, err := target.Parse(name + ":1")
	switch {
	case strings.Contains(name, "*"):
		return errors.New("* stands for the whole name, or for the beginning in front of a dot, as in *.example.com")
	case err != nil || t.Address.IsValid():
		return errors.New("it is no name, as in db.example.com or *.example.com")
	}
	return nil
}

// fits reports whether the pattern may be about a target: by its port and its name, if not by its address.
func (p Pattern) fits(t target.Target) bool {
	if !p.ports.Contain(t.Port) {
		return false
	}
	if p.host == "" {
		return true
	}
	name := strings.ToLower(strings.TrimSuffix(t.Host, "."))
	if below, ok := strings.CutPrefix(p.host, "*"); ok {
		return strings.HasSuffix(name, below) && !t.Address.IsValid()
	}
	return name == p.host && !t.Address.IsValid()
}
