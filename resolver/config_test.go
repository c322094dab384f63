package resolver_test

import (
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"tcpprobe/resolver"
)

func addrPorts(list ...string) []netip.AddrPort {
	var ports []netip.AddrPort
	for _, s := range list {
		ports = append(ports, netip.AddrPortFrom(netip.MustParseAddr(s), 53))
	}
	return ports
}

// defaults is what an empty file means, changed by edit.
func defaults(edit func(*resolver.Config)) resolver.Config {
	c := resolver.Config{Servers: addrPorts("127.0.0.1"), Ndots: 1, Timeout: 5 * time.Second, Attempts: 2}
	if edit != nil {
		edit(&c)
	}
	return c
}

var comparable = cmp.Options{cmpopts.EquateComparable(netip.Addr{}, netip.AddrPort{}), cmpopts.IgnoreFields(resolver.Config{}, "Fallback")}

// TestFallback: that this host is asked for want of a name server in the file is said, and why.
func TestFallback(t *testing.T) {
	for file, want := range map[string]string{
		"":                                       "is empty",
		" \n\t\n":                                "is empty",
		"# nameserver 192.0.2.1\n":               "names no name server",
		"nameserver\n":                           "names no name server",
		"nameserver 10.1.0.2:53\n":               "names no name server by its address alone, but 10.1.0.2:53",
		"nameserver \x1b[31m\nsearch b\n":        `names no name server by its address alone, but \027[31m`,
		"nameserver " + strings.Repeat("x", 200): "names no name server by its address alone, but " + strings.Repeat("x", 40) + "...",
		"nameserver x\nnameserver 127.0.0.1\n":   "",
		"nameserver 127.0.0.1\nnameserver x\n":   "",
	} {
		if got := resolver.ParseConfig([]byte(file)); got.Fallback != want || fmt.Sprint(got.Servers) != "[127.0.0.1:53]" {
			t.Errorf("%q: %v, %q, want %q", file, got.Servers, got.Fallback, want)
		}
	}
}

func TestB110_ParseConfig(t *testing.T) {
	long := strings.Repeat("x", 254)
	for _, test := range []struct {
		file string
		edit func(*resolver.Config)
	}{
		{"", nil},
		{"# nameserver 192.0.2.1\n;nameserver 192.0.2.2\n", nil},
		{"nameserver", nil},
		{"nameserver example.com\nnameserver 192.0.2.256\nnameserver 192.0.2.010", nil},
		{"nameserver 192.0.2.1\r\nnameserver\t192.0.2.2  # comment", func(c *resolver.Config) { c.Servers = addrPorts("192.0.2.1", "192.0.2.2") }},
		{"nameserver 192.0.2.1\nnameserver 2001:db8::53\nnameserver fe80::1%eth0\nnameserver 192.0.2.4", func(c *resolver.Config) {
			c.Servers = addrPorts("192.0.2.1", "2001:db8::53", "fe80::1%eth0")
		}},
		{"nameserver ::ffff:192.0.2.1", func(c *resolver.Config) { c.Servers = addrPorts("192.0.2.1") }},
		{"domain a.example\nsearch b.example c.example.", func(c *resolver.Config) { c.Search = []string{"b.example", "c.example"} }},
		{"search b.example\ndomain a.example ignored.example", func(c *resolver.Config) { c.Search = []string{"a.example"} }},
		{"search .", func(c *resolver.Config) { c.Search = []string{} }},
		{"search a..b \x1b[31m " + long + " ok.example", func(c *resolver.Config) { c.Search = []string{"ok.example"} }},
		{"search", nil},
		{"options ndots:0 timeout:0 attempts:0", func(c *resolver.Config) { c.Ndots, c.Timeout, c.Attempts = 0, time.Second, 1 }},
		{"options ndots:15 timeout:30 attempts:5", func(c *resolver.Config) { c.Ndots, c.Timeout, c.Attempts = 15, 30*time.Second, 5 }},
		{"options ndots:16 timeout:31 attempts:6", func(c *resolver.Config) { c.Ndots, c.Timeout, c.Attempts = 15, 30*time.Second, 5 }},
		{"options ndots:99999999999999999999 timeout:-3 attempts:x", func(c *resolver.Config) { c.Ndots, c.Timeout, c.Attempts = 15, time.Second, 1 }},
		{"options ndots:3x timeout:7\noptions attempts:4", func(c *resolver.Config) { c.Ndots, c.Timeout, c.Attempts = 3, 7*time.Second, 4 }},
		{"options ndots 2 timeout attempts 3", nil},
		{"options rotate use-vc edns0 trust-ad single-request inet6 nonsense:1", func(c *resolver.Config) { c.Rotate, c.UseTCP = true, true }},
	} {
		if diff := cmp.Diff(defaults(test.edit), resolver.ParseConfig([]byte(test.file)), comparable); diff != "" {
			t.Errorf("%q (-want +got):\n%s", test.file, diff)
		}
	}
}

func TestB110_ParseConfigCorpus(t *testing.T) {
	want := map[string]resolver.Config{
		"resolv.conf": defaults(func(c *resolver.Config) {
			c.Servers, c.Search = addrPorts("8.8.8.8", "2001:4860:4860::8888", "fe80::1%lo0"), []string{"localdomain"}
			c.Ndots, c.Timeout, c.Attempts, c.Rotate = 5, 10*time.Second, 3, true
		}),
		"domain-resolv.conf": defaults(func(c *resolver.Config) {
			c.Servers, c.Search = addrPorts("8.8.8.8"), []string{"localdomain"}
		}),
		"search-resolv.conf": defaults(func(c *resolver.Config) {
			c.Servers, c.Search = addrPorts("8.8.8.8"), []string{"test", "invalid"}
		}),
		"search-single-dot-resolv.conf": defaults(func(c *resolver.Config) {
			c.Servers, c.Search = addrPorts("8.8.8.8"), []string{}
		}),
		"openbsd-resolv.conf": defaults(func(c *resolver.Config) {
			c.Servers, c.Search = addrPorts("169.254.169.254", "10.240.0.1"), []string{"c.symbolic-datum-552.internal"}
		}),
		"empty-resolv.conf":                 defaults(nil),
		"single-request-resolv.conf":        defaults(nil),
		"single-request-reopen-resolv.conf": defaults(nil),
		"invalid-ndots-resolv.conf":         defaults(func(c *resolver.Config) { c.Ndots = 0 }),
		"negative-ndots-resolv.conf":        defaults(func(c *resolver.Config) { c.Ndots = 0 }),
		"large-ndots-resolv.conf":           defaults(func(c *resolver.Config) { c.Ndots = 15 }),
		"linux-use-vc-resolv.conf":          defaults(func(c *resolver.Config) { c.UseTCP = true }),
		"freebsd-usevc-resolv.conf":         defaults(func(c *resolver.Config) { c.UseTCP = true }),
		"openbsd-tcp-resolv.conf":           defaults(func(c *resolver.Config) { c.UseTCP = true }),
	}
	for path, file := range goFiles(t, "*resolv.conf") {
		w, ok := want[path]
		if !ok {
			t.Errorf("%s: nothing is expected of it", path)
			continue
		}
		if diff := cmp.Diff(w, resolver.ParseConfig(file), comparable); diff != "" {
			t.Errorf("%s (-want +got):\n%s", path, diff)
		}
	}
}

// goFiles returns the files of Go's own tests that match a pattern, by name.
func goFiles(t *testing.T, pattern string) map[string][]byte {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(corpus(t, "go-stdlib-net"), pattern))
	if err != nil || len(paths) == 0 {
		t.Fatalf("no files %s: %v", pattern, err)
	}
	files := make(map[string][]byte)
	for _, path := range paths {
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		files[filepath.Base(path)] = b
	}
	return files
}

func TestParseHosts(t *testing.T) {
	h := resolver.ParseHosts([]byte("192.0.2.1\tOne.Example one # two.example\n" +
		"# 192.0.2.2 three.example\n\n192.0.2.3\n192.0.2.300 bad\n2001:db8::1 one six\n::ffff:192.0.2.9 mapped\n" +
		"192.0.2.4 dotted.example.\r\n192.0.2.5 ONE\n192.0.2.1 one\n192.0.2.6 . dot"))
	for name, want := range map[string]string{
		"one": "[192.0.2.1 2001:db8::1 192.0.2.5]", "ONE.": "[192.0.2.1 2001:db8::1 192.0.2.5]", "one.example": "[192.0.2.1]",
		"dotted.example": "[192.0.2.4]", "dotted.example.": "[192.0.2.4]",
		"dot": "[192.0.2.6]", "two.example": "[]", "three.example": "[]", "bad": "[]", "six": "[2001:db8::1]", "mapped": "[]", "": "[]", "#": "[]",
	} {
		if got := fmt.Sprint(h.Lookup(name)); got != want {
			t.Errorf("%q: %s, want %s", name, got, want)
		}
	}
	if got := (resolver.Hosts{}).Lookup("one"); got != nil {
		t.Errorf("no file: %v", got)
	}
}

func TestParseHostsCorpus(t *testing.T) {
	want := map[string]map[string]string{
		"hosts": {
			"broadcasthost": "[255.255.255.255]", "odin": "[127.0.0.2 127.0.0.3 ::2]", "thor": "[127.1.1.1]",
			"ullr": "[127.1.1.2]", "ullrhost": "[127.1.1.2]", "localhost": "[fe80::1%lo0]", "loki": "[]",
		},
		"ipv4-hosts":       {"localhost": "[127.0.0.1 127.0.0.2 127.0.0.3]", "localhost.localdomain": "[127.0.0.3]"},
		"ipv6-hosts":       {"localhost": "[::1 fe80::1 fe80::2%lo0 fe80::3%lo0]", "localhost.localdomain": "[fe80::3%lo0]"},
		"case-hosts":       {"preserveme": "[127.0.0.1 ::1]", "PREserveMe.LOCAL": "[127.0.0.1 ::1]", "PreserveMe.local": "[127.0.0.1 ::1]"},
		"singleline-hosts": {"odin": "[127.0.0.2]"},
	}
	for path, file := range goFiles(t, "*hosts") {
		names, ok := want[path]
		if !ok {
			t.Errorf("%s: nothing is expected of it", path)
		}
		h := resolver.ParseHosts(file)
		for name, addresses := range names {
			if got := fmt.Sprint(h.Lookup(name)); got != addresses {
				t.Errorf("%s: %s has %s, want %s", path, name, got, addresses)
			}
		}
	}
}

func FuzzParseFiles(f *testing.F) {
	f.Add([]byte("nameserver 192.0.2.1\nsearch a b\noptions ndots:3 timeout:2 attempts:1\n"), "www")
	f.Add([]byte("192.0.2.1 www www.example.com\n"), "www.example.com.")
	f.Fuzz(func(t *testing.T, file []byte, host string) {
		resolver.ParseHosts(file).Lookup(host)
		c := resolver.ParseConfig(file)
		if n := len(c.Servers); n < 1 || n > 3 || c.Ndots < 0 || c.Ndots > 15 || c.Attempts < 1 || c.Attempts > 5 ||
			c.Timeout < time.Second || c.Timeout > 30*time.Second {
			t.Errorf("out of bounds: %+v", c)
		}
		for _, name := range c.Candidates(host) {
			if len(name) > 253 {
				t.Errorf("candidate of %d octets", len(name))
			}
		}
	})
}
