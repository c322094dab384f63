package serve

import (
	"fmt"
	"net/netip"

	"tcpprobe/internal/nat64"
)

// special is a range of addresses that are no business of those who ask for probes by HTTP: what answers there trusts whoever gets so
// far.
type special struct {
	prefix netip.Prefix
	name   string // of one of its addresses
}

// specials are these ranges, the smaller ones in front of those that they lie in. Metadata services tell virtual machines their
// secrets.
var specials = []special{
	{netip.MustParsePrefix("169.254.169.254/32"), "the address of a cloud's metadata service"},
	{netip.MustParsePrefix("169.254.170.2/32"), "the address of a cloud's metadata service"},
	{netip.MustParsePrefix("100.100.100.200/32"), "the address of a cloud's metadata service"},
	{netip.MustParsePrefix("168.63.129.16/32"), "the address of a cloud's metadata service"},
	{netip.MustParsePrefix("192.0.0.192/32"), "the address of a cloud's metadata service"},
	{netip.MustParsePrefix("fd00:ec2::/32"), "the address of a cloud's metadata service"},
	{netip.MustParsePrefix("fd20:ce::254/128"), "the address of a cloud's metadata service"},
	{netip.MustParsePrefix("fd00:42::42/128"), "the address of a cloud's metadata service"},
	{netip.MustParsePrefix("0.0.0.0/8"), "no address of a host"},
	{netip.MustParsePrefix("127.0.0.0/8"), "a loopback address"},
	{netip.MustParsePrefix("169.254.0.0/16"), "a link-local address"},
	{netip.MustParsePrefix("224.0.0.0/4"), "a multicast address"},
	{netip.MustParsePrefix("255.255.255.255/32"), "the broadcast address"},
	{netip.MustParsePrefix("240.0.0.0/4"), "a reserved address"},
	{netip.MustParsePrefix("::/128"), "no address of a host"},
	{netip.MustParsePrefix("::1/128"), "a loopback address"},
	{netip.MustParsePrefix("fe80::/10"), "a link-local address"},
	{netip.MustParsePrefix("fec0::/10"), "a site-local address"},
	{netip.MustParsePrefix("ff00::/8"), "a multicast address"},
}

// find returns the range of special addresses that an address is in, itself or for the IPv4 address that it stands for. It is not ok if
// it is in none.
func find(a netip.Addr) (_ special, ok bool) {
	a = a.WithZone("")
	for _, s := range specials {
		if s.prefix.Contains(a) {
			return s, true
		}
	}
	for _, v4 := range embedded(a) {
		if s, ok := find(v4); ok {
			return special{netip.PrefixFrom(a, a.BitLen()), fmt.Sprintf("an address that stands for %v, %s", v4, s.name)}, true
		}
	}
	return special{}, false
}

// The prefixes of addresses that stand for one of IPv4, beside the ranges of NAT64.
var (
	compatible = netip.MustParsePrefix("::/96")           // IPv4-compatible (RFC 4291 2.5.5.1)
	mapped     = netip.MustParsePrefix("::ffff:0:0/96")   // IPv4-mapped (RFC 4291 2.5.5.2)
	translated = netip.MustParsePrefix("::ffff:0:0:0/96") // IPv4-translated (RFC 2765 2.1)
	sixToFour  = netip.MustParsePrefix("2002::/16")       // 6to4 (RFC 3056 2)
	teredo     = netip.MustParsePrefix("2001::/32")       // Teredo (RFC 4380 4)
	localNAT64 = netip.MustParsePrefix("64:ff9b:1::/48")  // translators of a network's own (RFC 8215)
)

// embedded returns the addresses of IPv4 that an address of IPv6 may stand for.
func embedded(a netip.Addr) (v4 []netip.Addr) {
	if !a.Is6() {
		return nil
	}
	o := a.As16()
	last := netip.AddrFrom4([4]byte(o[12:]))
	switch {
	case mapped.Contains(netip.AddrFrom16(o)), a.Is4In6(), compatible.Contains(a), translated.Contains(a):
		return []netip.Addr{last}
	case sixToFour.Contains(a):
		return []netip.Addr{netip.AddrFrom4([4]byte(o[2:6]))}
	case teredo.Contains(a): // the server, and the client with its bits inverted
		return []netip.Addr{netip.AddrFrom4([4]byte(o[4:8])), netip.AddrFrom4([4]byte{^o[12], ^o[13], ^o[14], ^o[15]})}
	case (o[8] == 0 || o[8] == 2) && o[9] == 0 && o[10] == 0x5e && o[11] == 0xfe: // ISATAP (RFC 5214 6.1)
		return []netip.Addr{last}
	case nat64.WellKnown().Contains(a):
		return []netip.Addr{last}
	case localNAT64.Contains(a): // of whatever length the prefix within it is
		for _, bits := range []int{48, 56, 64, 96} {
			if one, ok := nat64.Extract(netip.PrefixFrom(a, bits).Masked(), a); ok {
				v4 = append(v4, one)
			}
		}
	}
	return v4
}
