package target_test

import (
	"net/netip"
	"strings"
	"testing"

	"tcpprobe/internal/target"
)

func TestParseIPv6(t *testing.T) {
	for text, want := range map[string]target.Target{
		"[2001:db8::80]:443":    {Host: "2001:db8::80", Port: 443},
		"[2001:DB8::80]:https":  {Host: "2001:DB8::80", Port: 443},
		"[::1]:80":              {Host: "::1", Port: 80},
		"[fe80::1%eth0]:22":     {Host: "fe80::1%eth0", Port: 22},
		"[fe80::1%2]:22":        {Host: "fe80::1%2", Port: 22},
		"[febf::1%eth0.7]:22":   {Host: "febf::1%eth0.7", Port: 22},
		"[64:ff9b::10.3.0.1]:9": {Host: "64:ff9b::10.3.0.1", Port: 9},
	} {
		want.Text, want.Address = text, netip.MustParseAddr(want.Host)
		if got, err := target.Parse(text); err != nil || got != want {
			t.Errorf("%s: %+v (%v), want %+v", text, got, err, want)
		}
	}
}

func TestParseIPv6Errors(t *testing.T) {
	for text, want := range map[string]string{
		"2001:db8::1:80":                "an IPv6 address takes brackets: [2001:db8::1]:80, or [2001:db8::1:80] and its port",
		"2001:db8::80":                  "an IPv6 address takes brackets, and the port is missing, as in [2001:db8::80]:80",
		"2001:db8::1:https":             "an IPv6 address takes brackets: [2001:db8::1]:https",
		"::1:80":                        "an IPv6 address takes brackets: [::1]:80, or [::1:80] and its port",
		"fe80::1%eth0:80":               "an IPv6 address takes brackets: [fe80::1%eth0]:80",
		"2001:db8:1:2:3:4:5:6:7":        "an IPv6 address takes brackets: [2001:db8:1:2:3:4:5:6]:7",
		"[2001:db8::80]":                "the port is missing, as in [2001:db8::80]:80",
		"[2001:db8::80":                 "the bracket is not closed, as in [2001:db8::80]:443",
		"[2001:db8::80]443":             "a colon and the port follow the bracket, as in [2001:db8::80]:80",
		"[]:80":                         "the address is missing between the brackets, as in [2001:db8::80]:443",
		"[2001:db8::80]:0":              "port 0 is not within 1 to 65535",
		"[2001:db8::xyz]:80":            "2001:db8::xyz is no IPv6 address, as in [2001:db8::80]:443",
		"[192.0.2.1]:80":                "an IPv4 address takes no brackets: 192.0.2.1:80 would do",
		"[example.com]:80":              "only an IPv6 address stands in brackets: example.com:80 would do",
		"[fe80::1%25eth0]:22":           "%25 is % in a URL, and this is none: [fe80::1%eth0] would do",
		"[fe80::1%]:22":                 "the interface is missing after %, as in [fe80::1%eth0]:22",
		"[fe80::1%an-interface-xyz]:22": "there can be no interface called an-interface-xyz",
		"[fe80::1]:22":                  "every link has link-local addresses of its own: [fe80::1%eth0] is the one on eth0, as --interface eth0 has it",
		"[2001:db8::1%eth0]:22":         "only a link-local address (fe80::/10) is one of an interface: [2001:db8::1] would do",
		"[::ffff:192.0.2.1]:80":         "::ffff:192.0.2.1 is an IPv4 address, mapped to IPv6: 192.0.2.1 would do",
		"[::]:80":                       ":: means this host itself and is no address to send to: try [::1]",
		"[ff02::1]:80":                  "ff02::1 is a multicast group, and a TCP connection has two ends",
		"[ff02::1%eth0]:80":             "ff02::1%eth0 is a multicast group, and a TCP connection has two ends",
		"[2001:db8::]/64:80":            "a prefix stands in the brackets whole: [2001:db8::/64]:80",
		"[2001:db8:3::80]/126:81":       "a prefix stands in the brackets whole: [2001:db8:3::80/126]:81",
		"[2001:db8::]/120:80,443":       "a prefix stands in the brackets whole: [2001:db8::/120]:80,443",
		"[2001:db8::]/120":              "a prefix stands in the brackets whole: [2001:db8::/120]:80",
		"[2001:db8::]/129:81":           "a prefix stands in the brackets whole: [2001:db8::/64]:81",
		"[2001:db8::]/x":                "a prefix stands in the brackets whole: [2001:db8::/64]:80",
		"[2001:db8::/129]:80":           "2001:db8::/129 is no prefix of IPv6 addresses, as in [2001:db8::/120]:80",
		"[2001:db8::1/64]:80":           "2001:db8::1/64 is an address in a prefix: 2001:db8::/64 is the prefix, and 2001:db8::1 the address",
		"[2001:db8::/64]:80":            "there are more targets in it than can be counted",
		"[fe80::/126]:80":               "every link has link-local addresses of its own: [fe80::%eth0] is the one on eth0, as --interface eth0 has it",
		"[2001:db8::80]:80/x":           "HOST:PORT is wanted, without a path: [2001:db8::80]:80 would do",
		"[::1\x1b]:80":                  `::1\x1b is no IPv6 address, as in [2001:db8::80]:443`,
	} {
		_, err := target.Parse(text)
		if err == nil || !strings.HasPrefix(err.Error(), "target ") || !strings.HasSuffix(err.Error(), ": "+want) {
			t.Errorf("%q: %v\n\twant %s", text, err, want)
		}
	}
}

// What other flags say decides which addresses will do.
func TestRules(t *testing.T) {
	for _, test := range []struct {
		rules target.Rules
		text  string
		want  string // "" for no error
	}{
		{target.Rules{Interface: "eth0"}, "[fe80::1]:22", ""},
		{target.Rules{Interface: "eth0"}, "[fe80::1%eth0]:22", ""},
		{target.Rules{Interface: "eth1"}, "[fe80::1%eth0]:22", "eth0 is the link in it, and --interface eth1 another"},
		{target.Rules{IPv6: true}, "192.0.2.1:80", "it is an IPv4 address, and --ipv6 wants the other family"},
		{target.Rules{IPv6: true}, "192.0.2.0/24:80", "it is an IPv4 address, and --ipv6 wants the other family"},
		{target.Rules{IPv4: true}, "[2001:db8::1]:80", "it is an IPv6 address, and --ipv4 wants the other family"},
		{target.Rules{IPv4: true}, "192.0.2.1:80", ""},
		{target.Rules{Source: netip.MustParseAddr("::1")}, "192.0.2.1:80", "it cannot be reached from --source ::1: they are of different families"},
		{target.Rules{Source: netip.MustParseAddr("::1")}, "[::1]:80", ""},
		{target.Rules{IPv4: true}, "example.com:80", ""},
	} {
		for _, file := range []string{"", "-"} {
			args := []string{test.text}
			if file != "" {
				args = nil
			}
			_, err := test.rules.Open(t.Context(), args, file, strings.NewReader(test.text), 0)
			if test.want == "" && err != nil || test.want != "" && (err == nil || !strings.HasSuffix(err.Error(), test.want)) {
				t.Errorf("%+v, %s: %v, want %s", test.rules, test.text, err, test.want)
			}
		}
	}
}
