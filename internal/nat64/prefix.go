package nat64

import (
	"net/netip"
	"slices"
)

// lengths are those that a prefix may have, in bits (RFC 6052 2.2).
var lengths = []int{32, 40, 48, 56, 64, 96}

// reserved is the octet of an address that is 0, and that an IPv4 address is written around (RFC 6052 2.2: "u").
const reserved = 8

// WellKnown returns the prefix that any network may use: 64:ff9b::/96 (RFC 6052 2.1).
func WellKnown() netip.Prefix {
	return netip.PrefixFrom(netip.AddrFrom16([16]byte{1: 0x64, 2: 0xff, 3: 0x9b}), 96)
}

// places returns which octets of an address an IPv4 address is in, behind a prefix of so many bits.
func places(bits int) (at [4]int) {
	next := bits / 8
	for i := range at {
		if next == reserved {
			next++
		}
		at[i] = next
		next++
	}
	return at
}

// takeOut returns the IPv4 address that is behind so many bits of an address.
func takeOut(octets [16]byte, bits int) netip.Addr {
	var v4 [4]byte
	for i, at := range places(bits) {
		v4[i] = octets[at]
	}
	return netip.AddrFrom4(v4)
}

// Embed returns the IPv6 address that stands for an IPv4 address behind a prefix (RFC 6052 2.2), and whether there is one: the
// prefix is one of IPv6, of 32, 40, 48, 56, 64 or 96 bits.
func Embed(prefix netip.Prefix, v4 netip.Addr) (netip.Addr, bool) {
	if !v4.Is4() || !prefix.Addr().Is6() || !slices.Contains(lengths, prefix.Bits()) {
		return netip.Addr{}, false
	}
	octets, from := prefix.Masked().Addr().As16(), v4.As4()
	for i, at := range places(prefix.Bits()) {
		octets[at] = from[i]
	}
	return netip.AddrFrom16(octets), octets[reserved] == 0
}

// Extract returns the IPv4 address that an IPv6 address stands for behind a prefix, and whether it stands for one. What is
// behind the IPv4 address does not count (RFC 6052 2.2).
func Extract(prefix netip.Prefix, a netip.Addr) (netip.Addr, bool) {
	octets := a.As16()
	if a.Zone() != "" || !a.Is6() || !slices.Contains(lengths, prefix.Bits()) || !prefix.Contains(a) || octets[reserved] != 0 {
		return netip.Addr{}, false
	}
	return takeOut(octets, prefix.Bits()), true
}

// MayBe reports whether an IPv6 address has one of some IPv4 addresses in a place where a translator would look for it. Other
// hosts have such addresses too, whose administrators number both families alike.
func MayBe(a netip.Addr, of []netip.Addr) bool {
	octets := a.As16()
	return a.Is6() && octets[reserved] == 0 && slices.ContainsFunc(lengths, func(bits int) bool {
		return slices.Contains(of, takeOut(octets, bits))
	})
}

// Allows reports whether an IPv4 address may be behind a prefix: behind the well-known one are those alone that are the same
// host everywhere (RFC 6052 3.1).
func Allows(prefix netip.Prefix, v4 netip.Addr) bool {
	return prefix != WellKnown() || !v4.IsPrivate() && !v4.IsLoopback() && !v4.IsLinkLocalUnicast()
}
