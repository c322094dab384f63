package resolver_test

import (
	"fmt"
	"net/netip"
	"testing"

	"tcpprobe/resolver"
)

func TestParseAddress(t *testing.T) {
	for host, want := range map[string]string{
		"192.0.2.1":       "192.0.2.1",
		"255.255.255.255": "255.255.255.255",
		"127.1":           "127.0.0.1",
		"10.1.515":        "10.1.2.3",
		"192.0.2":         "192.0.0.2",
		"1.16777215":      "1.255.255.255",
		"2130706433":      "127.0.0.1",
		"4294967295":      "255.255.255.255",
		"0":               "0.0.0.0",
		"0x7f.1":          "127.0.0.1",
		"0X7F000001":      "127.0.0.1",
		"0xC0.0x0.02.1":   "192.0.2.1",
		"010.0.0.1":       "8.0.0.1",
		"017700000001":    "127.0.0.1",
		"00.000.0.01":     "0.0.0.1",

		"": "", ".": "", "1.": "", ".1": "", "1..2": "", "1.2.3.4.": "", "1.2.3.4.5": "", " 1": "", "1 ": "", "+1": "", "-1": "", "1_0": "",
		"256.1.1.1": "", "1.256.1.1": "", "1.1.1.256": "", "1.1.65536": "", "1.16777216": "", "4294967296": "", "99999999999999999999": "",
		"0x": "", "0x.1": "", "0xg": "", "08": "", "1.09": "", "a": "", "1a": "", "0b1": "", "0o1": "", "::1": "", "web.1": "", "db.2024": "",
	} {
		got, ok := resolver.ParseAddress(host)
		if ok != (want != "") || ok && got.String() != want {
			t.Errorf("%q: %v, %v; want %q", host, got, ok, want)
		}
	}
}

// TestNamesWithNumbers: a name may end in a number, as getaddrinfo(3) has it, unless it is an address or looks like one.
func TestNamesWithNumbers(t *testing.T) {
	h := serve(t, func(h *hostile, q []byte, from netip.AddrPort) { h.send(from, truth(q)) }, nil)
	o := options(t, h.address)
	o.Files = resolver.NewFiles(write(t, "resolv.conf", "search .\n"), write(t, "hosts", "127.0.0.1 app.web.1 web.1 db.2024\n192.0.2.9 10.2 08\n"))
	r := resolver.New(o)
	for host, want := range map[string]string{
		"app.web.1": "hosts [127.0.0.1]",
		"web.1":     "hosts [127.0.0.1]",
		"db.2024":   "hosts [127.0.0.1]",
		"08":        "hosts [192.0.2.9]", // no octal number
		"10.2":      "literal [10.0.0.2]",
		"127.1":     "literal [127.0.0.1]",
		"db.2025":   "dns [192.0.2.80]",
		"1.2.3.4.5": "dns [192.0.2.80]",
		"10.2.":     "hosts [192.0.2.9]", // no address
		"0x1.0x2.x": "dns [192.0.2.80]",
	} {
		got, err := r.Lookup(t.Context(), host, nil)
		if s := fmt.Sprint(got.Source, " ", got.Addresses); err != nil || s != want {
			t.Errorf("%s: %s, %v; want %s", host, s, err, want)
		}
		if err := resolver.CheckHost(host); err != nil {
			t.Errorf("%s: %v", host, err)
		}
	}
	for _, host := range []string{"256.1.1.1", "192.0.2.256", "08.1.1.1", "1.2.3.4."} {
		want := host + " is not a host name: no name has four numbers (RFC 1123 2.1), and no IPv4 address has these: each is from 0 to 255"
		if err := resolver.CheckHost(host); kind(err) != resolver.BadName || err.Error() != want {
			t.Errorf("%s: %v", host, err)
		}
	}
}

// TestHostOctets: which octets a host may have is said for each.
func TestHostOctets(t *testing.T) {
	const allowed = "-.0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz"
	var got []byte
	for c := range byte(0x80) {
		if resolver.CheckHost("a"+string(rune(c))+"b") == nil {
			got = append(got, c)
		}
	}
	if string(got) != allowed {
		t.Errorf("%q are allowed, want %q", got, allowed)
	}
}
