package prober

import (
	"fmt"
	"net/netip"
	"slices"

	"tcpprobe/internal/target"
	"tcpprobe/resolver"
)

// Family is which of the addresses of a name are probed, and which first.
type Family uint8

const (
	FamilyAny       Family = iota // all, in the order of RFC 6724
	FamilyIPv4First               // all, those of IPv4 first
	FamilyIPv6First
	FamilyIPv4 // those alone
	FamilyIPv6
)

// choose returns the addresses of the family, in its order; each family keeps the order that it has.
func (f Family) choose(addresses []netip.Addr) []netip.Addr {
	if f == FamilyAny {
		return addresses
	}
	is := netip.Addr.Is4
	if f == FamilyIPv6First || f == FamilyIPv6 {
		is = netip.Addr.Is6
	}
	var first, then []netip.Addr
	for _, a := range addresses {
		if is(a) {
			first = append(first, a)
		} else {
			then = append(then, a)
		}
	}
	if f == FamilyIPv4 || f == FamilyIPv6 {
		return first
	}
	return slices.Concat(first, then)
}

// probeable returns the addresses that can be probed, of those that were found, and an error if there are none. A record that
// names no single host does not spoil those beside it.
func (f Family) probeable(found resolver.Result) ([]netip.Addr, error) {
	var addresses []netip.Addr
	var wrong error
	for _, address := range found.Addresses {
		if err := target.CheckUnicast(address); err == nil {
			addresses = append(addresses, address)
		} else if wrong == nil {
			wrong = fmt.Errorf("%s resolves to an address that cannot be probed: %w", found.Name, err)
		}
	}
	if len(addresses) == 0 {
		return nil, wrong
	}
	if addresses = f.choose(addresses); len(addresses) == 0 {
		family := "IPv4"
		if f == FamilyIPv6 {
			family = "IPv6"
		}
		return nil, fmt.Errorf("%s has no %s address that can be probed, and no other is wanted", found.Name, family)
	}
	return addresses, nil
}
