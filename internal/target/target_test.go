package target_test

import (
	"net/netip"
	"strings"
	"testing"

	"tcpprobe/internal/target"
	"tcpprobe/resolver"
)

func TestParse(t *testing.T) {
	for _, test := range []struct {
		text, host string
		port       uint16
		address    string // "" for none
	}{
		{"192.0.2.1:80", "192.0.2.1", 80, "192.0.2.1"},
		{"192.0.2.1:65535", "192.0.2.1", 65535, "192.0.2.1"},
		{"192.0.2.1:http", "192.0.2.1", 80, ""},
		{"192.0.2.1:00080", "192.0.2.1", 80, "192.0.2.1"},
		{"example.com:443", "example.com", 443, ""},
		{"example.com.:https", "example.com.", 443, ""},
		{"localhost:1", "localhost", 1, ""},
		{"127.1:80", "127.1", 80, ""},
		{"web.1:80", "web.1", 80, ""},
		{"bücher.example:80", "bücher.example", 80, ""},
	} {
		got, err := target.Parse(test.text)
		var address netip.Addr
		if test.address != "" {
			address = netip.MustParseAddr(test.address)
		}
		want := target.Target{Text: test.text, Host: test.host, Port: test.port, Address: address}
		if err != nil || got != want {
			t.Errorf("%s: %+v (%v), want %+v", test.text, got, err, want)
		}
	}
}

func TestParseErrors(t *testing.T) {
	for text, want := range map[string]string{
		"192.0.2.1":          "target 192.0.2.1: the port is missing, as in 192.0.2.1:80",
		"a\x1b":              `target a\x1b: HOST:PORT is wanted, as in example.com:80`,
		"192.0.2.1:":         "target 192.0.2.1:: the port is missing after the colon, as in :80",
		":80":                "target :80: the host is missing, as in localhost:80",
		"192.0.2.1:0":        "target 192.0.2.1:0: port 0 is not within 1 to 65535",
		"192.0.2.1:65536":    "target 192.0.2.1:65536: port 65536 is not within 1 to 65535",
		"192.0.2.1:-1":       "target 192.0.2.1:-1: port -1 is not within 1 to 65535",
		"192.0.2.1:+80":      "target 192.0.2.1:+80: there is no TCP service called +80: a number from 1 to 65535 would do",
		"h:nosuch":           "target h:nosuch: there is no TCP service called nosuch: a number from 1 to 65535 would do",
		"0.0.0.0:80":         "target 0.0.0.0:80: 0.0.0.0 means this host itself and is no address to send to: try 127.0.0.1",
		"0.1.2.3:80":         "target 0.1.2.3:80: 0.1.2.3 belongs to no host: addresses from 0.0.0.0 to 0.255.255.255 mean this network",
		"224.0.0.1:80":       "target 224.0.0.1:80: 224.0.0.1 is a multicast group, and a TCP connection has two ends",
		"255.255.255.255:80": "target 255.255.255.255:80: 255.255.255.255 is the broadcast address, and a TCP connection has two ends",
		"0xe0000001:80":      "target 0xe0000001:80: 224.0.0.1 is a multicast group, and a TCP connection has two ends",
		"80:80":              "target 80:80: 0.0.0.80 belongs to no host: addresses from 0.0.0.0 to 0.255.255.255 mean this network",
		"a,80":               "target a,80: HOST:PORT is wanted, as in example.com:80",
		"a 80 443":           "target a 80 443: HOST:PORT is wanted, as in example.com:80",
		"a 80":               "target a 80: a colon stands between host and port: a:80 would do",
		"a\thttp":            `target a\x09http: a colon stands between host and port: a:http would do`,
		"http://\x1b:80/":    `target http://\x1b:80/: HOST:PORT is wanted, no URL`,
		"a:80,443":           "target a:80,443: these are 2 targets, and one is wanted",
		"10.0.0.0/31:80":     "target 10.0.0.0/31:80: these are 2 targets, and one is wanted",
		"a:80,":              "target a:80,: a port is missing beside the comma, as in 80,443",
		"a:80,0":             "target a:80,0: port 0 is not within 1 to 65535",
		"a:81-80":            "target a:81-80: the range 81-80 ends before it begins: 80-81 would do",
		"a:80-65536":         "target a:80-65536: port 65536 is not within 1 to 65535",
		"a:80-":              "target a:80-: there is no TCP service called 80-: a number from 1 to 65535 would do",
		"192.0.2.1/24:80":    "target 192.0.2.1/24:80: 192.0.2.1/24 is an address in a prefix: 192.0.2.0/24 is the prefix, and 192.0.2.1 the address",
		"192.0.2.0/33:80":    "target 192.0.2.0/33:80: 192.0.2.0/33 is no prefix of IPv4 addresses, as 192.0.2.0/24",
		"a/24:80":            "target a/24:80: a/24 is no prefix of IPv4 addresses, as 192.0.2.0/24",
		"192.0.2.0/24":       "target 192.0.2.0/24: the port is missing, as in 192.0.2.0/24:80",
		"0.0.0.0/0:80":       "target 0.0.0.0/0:80: in 0.0.0.0/0, 0.0.0.0 means this host itself and is no address to send to: try 127.0.0.1",
		"128.0.0.0/1:80":     "target 128.0.0.0/1:80: in 128.0.0.0/1, 255.255.255.255 is the broadcast address, and a TCP connection has two ends",
		"240.0.0.1:80":       "target 240.0.0.1:80: 240.0.0.1 is reserved and belongs to no host",
	} {
		if got, err := target.Parse(text); err == nil || err.Error() != want || got != (target.Target{}) {
			t.Errorf("%q: %+v, %v; want %s", text, got, err, want)
		}
	}
	// What the resolver says of a name stays the cause.
	_, err := target.Parse("a\x01b:80")
	if e, ok := err.(*resolver.Error); !ok || strings.ContainsFunc(err.Error(), func(r rune) bool { return r < ' ' }) {
		t.Errorf("%T %q, want a *resolver.Error with %+v", err, err, e)
	}
}

// FuzzParse: whatever is typed, a target is one that can be written again, and an error is one printable line.
func FuzzParse(f *testing.F) {
	for _, s := range []string{"192.0.2.1:80", "a:http", "[::1]:80", "[fe80::1%eth0]:22", "[2001:db8::/126]:80-81", "::1:80", ":", "a\x00:1", "\xff:1", "ü:1", "1.2.3.4:00001", "10.0.0.0/30:80-81,443", "10.0.0.1/32:http"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got, err := target.Parse(s)
		switch {
		case err != nil && strings.ContainsAny(err.Error(), "\n\x1b\x00"):
			t.Errorf("%q: %q", s, err)
		case err == nil:
			again, err := target.Parse(got.Text)
			if err != nil || again.Text != got.Text || again.Host != got.Host || again.Port != got.Port || got.Port == 0 {
				t.Errorf("%q: %+v, and that is %+v (%v)", s, got, again, err)
			}
		}
	})
}
