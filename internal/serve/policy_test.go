package serve

import (
	"net/netip"
	"strings"
	"testing"

	"tcpprobe/internal/target"
)

// TestSpecial: addresses that are not probed by default, in each form that stands for one, and their neighbours.
func TestSpecial(t *testing.T) {
	for _, a := range []string{
		"127.0.0.1", "127.255.255.254", "169.254.169.254", "169.254.1.1", "100.100.100.200", "168.63.129.16", "192.0.0.192", "0.0.0.0", "0.1.2.3", "224.0.0.1",
		"239.255.255.255", "240.0.0.1", "255.255.255.255", "::", "::1", "fe80::1", "fe80::1%eth0", "febf::1", "fec0::1", "ff02::1", "fd00:ec2::254", "fd20:ce::254",
		"::ffff:127.0.0.1", "::ffff:169.254.169.254", "::127.0.0.1", "::ffff:0:127.0.0.1", "64:ff9b::7f00:1", "64:ff9b::169.254.169.254", "2002:7f00:1::", "2002:a9fe:a9fe::1",
		"64:ff9b:1::7f00:1", "64:ff9b:1:7f00:0:100::", "2001:0:7f00:1::", "2001::80ff:fffe", "2001:db8::5efe:127.0.0.1", "2001:db8::200:5efe:127.0.0.1",
	} {
		if _, ok := find(netip.MustParseAddr(a)); !ok {
			t.Errorf("%s is like any other", a)
		}
	}
	for _, a := range []string{
		"10.0.0.1", "192.168.1.1", "192.0.2.80", "100.64.0.1", "128.0.0.1", "169.253.0.1", "223.255.255.255", "2001:db8::80", "fd00:ec3::1", "64:ff9b::192.0.2.80",
		"2002:c000:250::1", "::ffff:192.0.2.80", "2001:db8:7f00:1::", "fc00::1",
	} {
		if s, ok := find(netip.MustParseAddr(a)); ok {
			t.Errorf("%s is %s", a, s.name)
		}
	}
}

// TestPolicy: what each pattern allows of targets, by what their names resolve to, and of this host's own addresses.
func TestPolicy(t *testing.T) {
	for _, test := range []struct {
		allow   string // patterns, with blanks between them
		target  string
		address string // that is judged; with a + one of this host
		want    string // words of the error; "" for none
	}{
		{"", "www.example.com:80", "192.0.2.80", ""},
		{"", "www.example.com:80", "127.0.0.1", "a loopback address"},
		{"", "www.example.com:80", "fe80::1%eth0", "a link-local address"},
		{"", "www.example.com:80", "192.0.2.1+", "an address of this host"},
		{"", "127.0.0.1:80", "", "a loopback address"},
		{"", "[64:ff9b::a9fe:a9fe]:80", "", "it is an address that stands for 169.254.169.254, the address of a cloud's metadata service"},
		{"192.0.2.0/24", "192.0.2.80:80", "192.0.2.80", ""},
		{"192.0.2.0/24", "192.0.2.1:80", "192.0.2.1+", ""},
		{"192.0.2.0/24", "198.51.100.1:80", "", "no --allow allows it"},
		{"192.0.2.0/24", "www.example.com:80", "192.0.2.80", ""},
		{"192.0.2.0/24", "www.example.com:80", "198.51.100.1", "no --allow allows it"},
		{"192.0.2.0/24:443", "192.0.2.80:80", "", "no --allow allows it"},
		{"192.0.2.0/24:80,443,8000-8010", "192.0.2.80:8005", "192.0.2.80", ""},
		{"0.0.0.0/0", "127.0.0.1:80", "", "a loopback address"},
		{"0.0.0.0/0", "192.0.2.1:80", "192.0.2.1+", "an address of this host"},
		{"127.0.0.0/8", "127.0.0.1:80", "127.0.0.1+", ""},
		{"127.0.0.1", "127.0.0.1:80", "127.0.0.1+", ""},
		{"169.254.0.0/16", "169.254.1.1:80", "169.254.1.1", ""},
		{"169.254.0.0/16", "169.254.169.254:80", "", "metadata"},
		{"169.254.169.254", "169.254.169.254:80", "169.254.169.254", ""},
		{"*.example.com", "www.example.com:80", "192.0.2.80", ""},
		{"*.example.com", "WWW.Example.COM.:80", "192.0.2.80", ""},
		{"*.example.com", "example.com:80", "", "no --allow allows it"},
		{"*.example.com", "wwwexample.com:80", "", "no --allow allows it"},
		{"*.example.com", "192.0.2.80:80", "", "no --allow allows it"},
		{"*.example.com", "www.example.com:80", "127.0.0.1", "a loopback address"},
		{"*.example.com", "www.example.com:80", "192.0.2.1+", "an address of this host"},
		{"*.example.com 127.0.0.0/8", "www.example.com:80", "127.0.0.1+", ""},
		{"*.example.com 10.0.0.0/8", "www.example.com:80", "192.0.2.1+", "an address of this host"},
		{":443", "192.0.2.80:443", "192.0.2.80", ""},
		{":443", "192.0.2.80:80", "", "no --allow allows it"},
		{"*", "192.0.2.80:80", "192.0.2.80", ""},
		{"db.example.com:5432", "db.example.com:5432", "192.0.2.80", ""},
		{"db.example.com:5432", "db.example.com:5433", "", "no --allow allows it"},
		{"2001:db8::/32", "[2001:db8::80]:80", "2001:db8::80", ""},
		{"[2001:db8::/32]:443", "[2001:db8::80]:80", "", "no --allow allows it"},
		{"[2001:db8::/32]:443", "[2001:db8::80]:443", "2001:db8::80", ""},
	} {
		var p Policy
		for _, s := range strings.Fields(test.allow) {
			pattern, err := ParsePattern(s)
			if err != nil {
				t.Fatal(err)
			}
			p.Allow = append(p.Allow, pattern)
		}
		wanted, err := target.Parse(test.target)
		if err != nil {
			t.Fatal(err)
		}
		permit, err := p.Judge(wanted)
		if address, own := strings.CutSuffix(test.address, "+"); err == nil && address != "" {
			err = permit(netip.MustParseAddr(address), own)
		}
		if test.want == "" && err != nil || test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)) {
			t.Errorf("%q, %s at %s: %v, want %q", test.allow, test.target, test.address, err, test.want)
		}
		p.Targets = map[string]bool{Key(wanted): true}
		if permit, err := p.Judge(wanted); permit != nil || err != nil {
			t.Errorf("%s is watched, and %v", test.target, err)
		}
	}
}

// TestParsePattern: what is no pattern.
func TestParsePattern(t *testing.T) {
	for s, want := range map[string]string{
		"":                    "a pattern is wanted",
		"10.0.0.1/8":          "it is no prefix",
		"10.0.0.0/33":         "it is no prefix",
		"a*.example.com":      "* stands for",
		"*example.com":        "* stands for",
		"www.example.com:":    "ports follow the colon",
		"www.example.com:x y": "x y",
		"[192.0.2.1]:80":      "only IPv6 stands in brackets",
		"[2001:db8::1]80":     "a colon and ports follow the bracket",
		"www..example.com":    "it is no name",
		"\x1b[2J":             "it is no name",
		":0":                  "port",
	} {
		if p, err := ParsePattern(s); err == nil || !strings.Contains(err.Error(), want) || strings.ContainsRune(err.Error(), '\x1b') {
			t.Errorf("%q: %v, %v; want %q", s, p, err, want)
		}
	}
}

func FuzzParsePattern(f *testing.F) {
	for _, s := range []string{"10.0.0.0/8", "*.example.com:443", "[2001:db8::/32]:1-2", ":80", "*", "fe80::1%eth0"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		p, err := ParsePattern(s)
		if err == nil && p.host == "" && !p.prefix.IsValid() && len(s) > 0 && s[0] != '*' && s[0] != ':' {
			t.Errorf("%q allows every host", s)
		}
	})
}
