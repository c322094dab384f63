package nat64_test

import (
	"net/netip"
	"slices"
	"testing"

	"tcpprobe/internal/nat64"
)

// addresses parses what is given.
func addresses(given ...string) (parsed []netip.Addr) {
	for _, s := range given {
		parsed = append(parsed, netip.MustParseAddr(s))
	}
	return parsed
}

// The examples of RFC 6052 2.4 hold in both directions.
func TestExamplesOfTheRFC(t *testing.T) {
	v4 := netip.MustParseAddr("192.0.2.33")
	for prefix, want := range map[string]string{
		"2001:db8::/32":            "2001:db8:c000:221::",
		"2001:db8:100::/40":        "2001:db8:1c0:2:21::",
		"2001:db8:122::/48":        "2001:db8:122:c000:2:2100::",
		"2001:db8:122:300::/56":    "2001:db8:122:3c0:0:221::",
		"2001:db8:122:344::/64":    "2001:db8:122:344:c0:2:2100::",
		"2001:db8:122:344::/96":    "2001:db8:122:344::192.0.2.33",
		"64:ff9b::/96":             "64:ff9b::192.0.2.33",
		"2001:db8:122:344::1/64":   "2001:db8:122:344:c0:2:2100::",
		"2001:db8:1:2:3:4::/96":    "2001:db8:1:2:3:4:c000:221",
		"2001:db8:1:2:ff03:4::/96": "", // the reserved octet is part of the prefix
		"2001:db8::/33":            "",
		"2001:db8::/128":           "",
		"10.0.0.0/8":               "",
	} {
		p := netip.MustParsePrefix(prefix)
		got, ok := nat64.Embed(p, v4)
		if want == "" {
			if ok {
				t.Errorf("%s: %v", prefix, got)
			}
			continue
		}
		if !ok || got != netip.MustParseAddr(want) {
			t.Errorf("%s: %v, want %s", prefix, got, want)
		}
		if back, ok := nat64.Extract(p.Masked(), got); !ok || back != v4 {
			t.Errorf("%s: %v of %v", prefix, back, got)
		}
	}
	if got, ok := nat64.Embed(nat64.WellKnown(), netip.MustParseAddr("::1")); ok {
		t.Errorf("an IPv6 address in another: %v", got)
	}
}

// What is behind no prefix, or has something where a 0 belongs, stands for no IPv4 address; a suffix does not matter.
func TestExtract(t *testing.T) {
	for _, test := range []struct{ prefix, address, want string }{
		{"64:ff9b::/96", "64:ff9b::1:c000:221", ""},
		{"64:ff9b::/96", "192.0.2.33", ""},
		{"64:ff9b::/96", "64:ff9b::c000:221%eth0", ""},
		{"2001:db8:122::/48", "2001:db8:122:c000:102:2100::", ""},
		{"2001:db8:122::/48", "2001:db8:122:c000:2:21ff:ffff:ffff", "192.0.2.33"},
		{"2001:db8::/33", "2001:db8:c000:221::", ""},
	} {
		got, ok := nat64.Extract(netip.MustParsePrefix(test.prefix), netip.MustParseAddr(test.address))
		if ok != (test.want != "") || ok && got != netip.MustParseAddr(test.want) {
			t.Errorf("%s behind %s: %v, want %q", test.address, test.prefix, got, test.want)
		}
	}
}

// The addresses of ipv4only.arpa tell the prefixes, unless a prefix looks like one of the addresses behind it.
func TestPrefixes(t *testing.T) {
	for _, test := range []struct{ addresses, want []string }{
		{nil, nil},
		{[]string{"64:ff9b::c000:aa", "64:ff9b::c000:ab"}, []string{"64:ff9b::/96"}},
		{[]string{"2001:db8:c000:aa::"}, []string{"2001:db8::/32"}},
		{[]string{"2001:db8:1c0:0:aa::"}, []string{"2001:db8:100::/40"}},
		{[]string{"2001:db8:122:c000:0:ab00::"}, []string{"2001:db8:122::/48"}},
		{[]string{"2001:db8:122:3c0:0:ab::"}, []string{"2001:db8:122:300::/56"}},
		{[]string{"2001:db8:122:344:c0:0:aa00::"}, []string{"2001:db8:122:344::/64"}},
		{[]string{"2001:db8:122:344::192.0.0.171", "64:ff9b::c000:aa"}, []string{"64:ff9b::/96", "2001:db8:122:344::/96"}},
		{[]string{"2001:db8:c000:aa::192.0.0.170", "2001:db8:c000:aa::192.0.0.171"}, []string{"2001:db8:c000:aa::/96"}},
		{[]string{"2001:db8::192.0.0.172", "2001:db8::80", "192.0.0.170", "::ffff:192.0.0.170", "2001:db8:0:0:ff00:0:c000:aa"}, nil},
	} {
		var want []netip.Prefix
		for _, p := range test.want {
			want = append(want, netip.MustParsePrefix(p))
		}
		if got := nat64.Prefixes(addresses(test.addresses...)); !slices.Equal(got, want) {
			t.Errorf("%v: %v, want %v", test.addresses, got, want)
		}
	}
}

// Whether an address may be a translator's is seen from the IPv4 addresses of the same name.
func TestMayBe(t *testing.T) {
	v4 := addresses("10.3.0.80", "192.0.2.33")
	for address, want := range map[string]bool{
		"2001:db8:122:c000:2:2100::": true,
		"2001:db8::10.3.0.80":        true,
		"2001:db8::80":               false,
		"192.0.2.33":                 false,
	} {
		if got := nat64.MayBe(netip.MustParseAddr(address), v4); got != want {
			t.Errorf("%s: %v", address, got)
		}
	}
}

// The well-known prefix is not for addresses that every network has its own hosts with.
func TestAllows(t *testing.T) {
	other := netip.MustParsePrefix("2001:db8:64::/96")
	for _, a := range addresses("10.3.0.80", "127.0.0.1", "169.254.0.1") {
		if nat64.Allows(nat64.WellKnown(), a) || !nat64.Allows(other, a) {
			t.Errorf("%v", a)
		}
	}
	if a := netip.MustParseAddr("192.0.2.80"); !nat64.Allows(nat64.WellKnown(), a) {
		t.Errorf("%v", a)
	}
}
