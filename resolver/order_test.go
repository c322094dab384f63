package resolver_test

import (
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"tcpprobe/resolver"
)

// destinations reads "ADDRESS SOURCE/BITS", with "-" for no source and "!" behind a deprecated one.
func destinations(lines ...string) []resolver.Destination {
	var list []resolver.Destination
	for _, line := range lines {
		address, source, _ := strings.Cut(line, " ")
		d := resolver.Destination{Address: netip.MustParseAddr(address)}
		source, d.Deprecated = strings.CutSuffix(source, "!")
		if source != "-" {
			d.Source = netip.MustParsePrefix(source)
		}
		list = append(list, d)
	}
	return list
}

// TestOrder gives destinations in the wrong order. The examples of RFC 6724 10.2 are among them, but for those about home
// addresses.
func TestOrder(t *testing.T) {
	for _, test := range []struct {
		name string
		want []string
	}{
		{"rule 1: unusable last", []string{"198.51.100.121 198.51.100.117/24", "2001:db8:1::1 -"}},
		{"rule 1: both unusable", []string{"2001:db8:1::1 -", "198.51.100.121 -"}},
		{"10.2 prefer matching scope, IPv4", []string{"198.51.100.121 198.51.100.117/24", "2001:db8:1::1 fe80::1/64"}},
		{"10.2 prefer matching scope, IPv6", []string{"2001:db8:1::1 2001:db8:1::2/64", "198.51.100.121 169.254.13.78/16"}},
		{"10.2 prefer higher precedence", []string{"2001:db8:1::1 2001:db8:1::2/64", "10.1.2.3 10.1.2.4/24"}},
		{"10.2 prefer smaller scope", []string{"fe80::1 fe80::2/64", "2001:db8:1::1 2001:db8:1::2/64"}},
		{"10.2 longest matching prefix", []string{"2001:db8:3ffe::1 2001:db8:3f44::2/64", "2001:db8:1::1 2001:db8:3f44::2/64"}},
		{"10.2 prefer matching label, 6to4", []string{"2002:c633:6401::1 2002:c633:6401::2/64", "2001:db8:1::1 2002:c633:6401::2/64"}},
		{"10.2 prefer higher precedence to 6to4", []string{"2001:db8:1::1 2001:db8:1::2/64", "2002:c633:6401::1 2002:c633:6401::2/64"}},
		{"rule 3: deprecated last", []string{"192.0.2.80 198.51.100.1/24", "2001:db8::80 2001:db8:1::1/64!"}},
		{"rule 3: between two of a family", []string{"2001:db8:ffff::80 2001:db8:1::1/64", "2001:db8:1::80 2001:db8:1::2/64!"}},
		{"only a unique local source", []string{"192.0.2.80 10.0.0.1/24", "2001:db8::80 fd00:1::1/64"}},
		{"unique local to unique local, before others in IPv6", []string{"2001:db8::80 2001:db8::1/64", "fd00:1::80 fd00:1::1/64"}},
		{"IPv4 before unique local", []string{"192.0.2.80 192.0.2.1/24", "fd00:1::80 fd00:1::1/64"}},
		{"IPv4 before Teredo", []string{"192.0.2.80 192.0.2.1/24", "2001:0:1::80 2001:0:1::1/64"}},
		{"IPv4 before site-local", []string{"192.0.2.80 192.0.2.1/24", "fec0::80 fec0::1/64"}},
		{"IPv4 before 6bone", []string{"192.0.2.80 192.0.2.1/24", "3ffe::80 3ffe::1/64"}},
		{"localhost", []string{"::1 ::1/128", "127.0.0.1 127.0.0.1/8"}},
		{"a private source is global", []string{"2001:db8::80 2001:db8:1::1/64", "192.0.2.80 10.0.0.1/24"}},
		{"link-local IPv4 after what the scope of IPv6 matches", []string{"fe80::1 fe80::2/64", "169.254.0.1 169.254.0.2/16"}},
		{"IPv4 within the network of the source", []string{"10.0.0.80 10.0.0.1/24", "10.0.1.80 10.0.0.1/24"}},
		{"IPv4 elsewhere stays in order", []string{"203.0.113.1 10.0.0.1/24", "10.0.1.1 10.0.0.1/24"}},
		{"IPv4 elsewhere stays in order, the other way round", []string{"10.0.1.1 10.0.0.1/24", "203.0.113.1 10.0.0.1/24"}},
		{"rule 9 is about one family", []string{"2001:db8::80 2001:db8:1::1/64", "2001:db8:8000::80 2001:db8:1::1/64", "192.0.2.80 192.0.2.1/24"}},
		{"a zone", []string{"fe80::1%eth0 fe80::2/64", "2001:db8:1::1 2001:db8:1::2/64"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			want := destinations(test.want...)
			got := slices.Clone(want)
			if stays := strings.Contains(test.name, "stays") || strings.Contains(test.name, "both unusable"); !stays {
				slices.Reverse(got)
			}
			resolver.Order(got)
			if !slices.Equal(got, want) {
				t.Errorf("got %v\nwant %v", got, want)
			}
		})
	}
}

// TestOrderOfOrders: the order is one, in whatever order the destinations come.
func TestOrderOfOrders(t *testing.T) {
	want := destinations(
		"::1 ::1/128",
		"fe80::1 fe80::2/64",
		"2001:db8:1::80 2001:db8:1::1/64",
		"2001:db8:2::80 2001:db8:1::1/64",
		"192.0.2.80 192.0.2.1/24",
		"2002:c000:201::80 2002:c000:201::1/64",
		"2001:0:1::80 2001:0:1::1/64",
		"fd00:1::80 fd00:1::1/64",
		"2001:db8:3::80 fd00:1::1/64",
		"2001:db8:4::80 2001:db8:1::2/64!",
		"203.0.113.1 169.254.0.1/16",
		"198.51.100.1 -",
	)
	random := rand.New(rand.NewPCG(1, 2))
	for range 1000 {
		got := slices.Clone(want)
		random.Shuffle(len(got), func(i, j int) { got[i], got[j] = got[j], got[i] })
		resolver.Order(got)
		if !slices.Equal(got, want) {
			t.Fatalf("got %v", got)
		}
	}
}
