package nat64

import (
	"net/netip"
	"slices"
)

// Prefixes returns the prefixes that the IPv6 addresses of ipv4only.arpa tell of, each once. The name has two IPv4 addresses,
// 192.0.0.170 and 192.0.0.171, and no others: any IPv6 address of it is made of one of them. One that is in an address more than
// once says nothing: the prefix has its octets, too, and the other one tells it (RFC 7050 3).
func Prefixes(addresses []netip.Addr) (found []netip.Prefix) {
	for _, last := range []byte{170, 171} {
		v4 := netip.AddrFrom4([4]byte{192, 0, 0, last})
		if slices.ContainsFunc(addresses, func(a netip.Addr) bool { return times(a, v4) > 1 }) {
			continue
		}
		for _, a := range addresses {
			if prefix, ok := prefixBefore(a, v4); ok && !slices.Contains(found, prefix) {
				found = append(found, prefix)
			}
		}
	}
	return found
}

// prefixBefore returns the prefix that is in front of an IPv4 address in an IPv6 address.
func prefixBefore(a, v4 netip.Addr) (netip.Prefix, bool) {
	for _, bits := range lengths {
		prefix := netip.PrefixFrom(a, bits).Masked()
		if found, ok := Extract(prefix, a); ok && found == v4 && !a.Is4In6() {
			return prefix, true
		}
	}
	return netip.Prefix{}, false
}

// times returns how often an IPv4 address is in an IPv6 address, in one piece or around the reserved octet.
func times(a, v4 netip.Addr) (n int) {
	octets, wanted := a.As16(), v4.As4()
	for i := range len(octets) - len(wanted) + 1 {
		if [4]byte(octets[i:]) == wanted {
			n++
		}
	}
	for _, bits := range []int{40, 48, 56} {
		if takeOut(octets, bits) == v4 {
			n++
		}
	}
	return n
}
