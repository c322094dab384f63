package resolver

import (
	"math/bits"
	"net/netip"
	"slices"
)

// Destination is an address of a name, and what the kernel would send to it from.
type Destination struct {
	Address    netip.Addr
	Source     netip.Prefix // the source address, with the length of its network's prefix; the zero Prefix if there is no way
	Deprecated bool         // the source is deprecated: past its preferred lifetime (RFC 4862 2)
}

// Order sorts the addresses of a name as getaddrinfo(3) hands them out: the best one first, by the rules of RFC 6724 6.
// Where no rule prefers one they stay as they were. Rules 4 and 7, about mobile hosts and tunnels, prefer none: who is at
// home, and what is a tunnel, no kernel tells.
func Order(destinations []Destination) {
	slices.SortStableFunc(destinations, compareDestinations)
}

// compareDestinations is negative if a is preferred to b, and positive if b is preferred to a.
func compareDestinations(a, b Destination) int {
	preferTrue := func(x, y bool) int {
		switch {
		case x == y:
			return 0
		case x:
			return -1
		}
		return 1
	}
	// Rule 1: avoid unusable destinations.
	if c := preferTrue(a.Source.IsValid(), b.Source.IsValid()); c != 0 || !a.Source.IsValid() {
		return c
	}
	// Rule 2: prefer matching scope.
	if c := preferTrue(scopeOf(a.Address) == scopeOf(a.Source.Addr()), scopeOf(b.Address) == scopeOf(b.Source.Addr())); c != 0 {
		return c
	}
	// Rule 3: avoid deprecated addresses.
	if c := preferTrue(!a.Deprecated, !b.Deprecated); c != 0 {
		return c
	}
	policyA, policyB := policyOf(a.Address), policyOf(b.Address)
	// Rule 5: prefer matching label.
	if c := preferTrue(policyA.label == policyOf(a.Source.Addr()).label, policyB.label == policyOf(b.Source.Addr()).label); c != 0 {
		return c
	}
	// Rule 6: prefer higher precedence.
	if policyA.precedence != policyB.precedence {
		return policyB.precedence - policyA.precedence
	}
	// Rule 8: prefer smaller scope.
	if x, y := scopeOf(a.Address), scopeOf(b.Address); x != y {
		return int(x) - int(y)
	}
	// Rule 9: use longest matching prefix, within one family.
	if a.Address.Is4() == b.Address.Is4() {
		return matchingPrefix(b) - matchingPrefix(a)
	}
	return 0 // rule 10: leave the order unchanged
}

// scope is how far an address reaches, in the numbers of RFC 4291 2.7.
type scope uint8

const (
	linkLocal scope = 2
	siteLocal scope = 5
	global    scope = 14
)

// scopeOf returns the scope of a unicast address (RFC 6724 3.1, 3.2). Private IPv4 addresses are global there.
func scopeOf(a netip.Addr) scope {
	switch {
	case a.IsLoopback() || a.IsLinkLocalUnicast():
		return linkLocal
	case siteLocalPrefix.Contains(a.WithZone("")):
		return siteLocal
	}
	return global
}

// policy is a row of the policy table of RFC 6724 2.1.
type policy struct {
	prefix            netip.Prefix
	precedence, label int
}

var (
	siteLocalPrefix = netip.MustParsePrefix("fec0::/10") // RFC 3879

	// policies is the default table, the longest prefixes first.
	policies = [...]policy{
		{netip.MustParsePrefix("::1/128"), 50, 0},
		{netip.MustParsePrefix("::ffff:0:0/96"), 35, 4}, // IPv4
		{netip.MustParsePrefix("::/96"), 1, 3},          // IPv4-compatible (RFC 4291 2.5.5.1)
		{netip.MustParsePrefix("2001::/32"), 5, 5},      // Teredo (RFC 4380)
		{netip.MustParsePrefix("2002::/16"), 30, 2},     // 6to4 (RFC 3056)
		{netip.MustParsePrefix("3ffe::/16"), 1, 12},     // 6bone (RFC 3701)
		{siteLocalPrefix, 1, 11},
		{netip.MustParsePrefix("fc00::/7"), 3, 13}, // unique local (RFC 4193)
		{netip.MustParsePrefix("::/0"), 40, 1},
	}
)

// policyOf returns the row of the table for an address. IPv4 addresses are looked up as IPv4-mapped ones.
func policyOf(a netip.Addr) policy {
	a = netip.AddrFrom16(a.As16())
	i := slices.IndexFunc(policies[:], func(p policy) bool { return contains(p.prefix, a) })
	return policies[i]
}

// contains reports whether an IPv6 address is within a prefix. Prefix.Contains never finds an IPv4-mapped address.
func contains(p netip.Prefix, a netip.Addr) bool {
	return commonPrefix(p.Addr(), a) >= p.Bits()
}

// matchingPrefix returns how many bits a destination has in common with its source, from the first on. For IPv4 that
// means something within one network alone, as the C library has it: the addresses of others are not given by topology.
func matchingPrefix(d Destination) int {
	if d.Address.Is4() && !d.Source.Masked().Contains(d.Address) {
		return 0
	}
	return commonPrefix(d.Address, d.Source.Addr())
}

// commonPrefix returns the number of leading bits that two addresses of one family share.
func commonPrefix(a, b netip.Addr) int {
	x, y := a.AsSlice(), b.AsSlice()
	for i := range min(len(x), len(y)) {
		if different := x[i] ^ y[i]; different != 0 {
			return 8*i + bits.LeadingZeros8(different)
		}
	}
	return 8 * len(x)
}
