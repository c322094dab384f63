package prober

import (
	"net/netip"
	"slices"
	"testing"

	"tcpprobe/resolver"
)

// TestFamily: addresses of a name in the order of the family that is wanted, or of that family alone.
func TestFamily(t *testing.T) {
	parse := netip.MustParseAddr
	four, five, six, seven := parse("192.0.2.4"), parse("192.0.2.5"), parse("2001:db8::6"), parse("2001:db8::7")
	found := resolver.Result{Name: "www.lab.test.", Addresses: []netip.Addr{six, four, parse("224.0.0.1"), seven, five}}
	for family, want := range map[Family][]netip.Addr{
		FamilyAny: {six, four, seven, five}, FamilyIPv4First: {four, five, six, seven}, FamilyIPv6First: {six, seven, four, five},
		FamilyIPv4: {four, five}, FamilyIPv6: {six, seven},
	} {
		if got, err := family.probeable(found); err != nil || !slices.Equal(got, want) {
			t.Errorf("family %d: %v, %v; want %v", family, got, err, want)
		}
	}
	found.Addresses = []netip.Addr{four}
	const said = "www.lab.test. has no IPv6 address that can be probed, and no other is wanted"
	if got, err := FamilyIPv6.probeable(found); err == nil || err.Error() != said || got != nil {
		t.Errorf("%v, %v", got, err)
	}
}
