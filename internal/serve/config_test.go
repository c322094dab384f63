package serve

import (
	"strings"
	"testing"
	"time"

	"tcpprobe/internal/prober"
	"tcpprobe/probe"
)

// TestParseConfig: every key is heard, and the words of the blackbox exporter mean the same.
func TestParseConfig(t *testing.T) {
	c, err := ParseConfig([]byte(`
modules:
  tcp_connect:
    prober: tcp
    timeout: 5s
    tcp:
      preferred_ip_protocol: ip4
      ip_protocol_fallback: false
  own:
    tcp: {source_ip_address: 192.0.2.1, send: link, close: half, retries: 0, syn: bare, icmp: report, ttl: 5, dscp: 46, mss: 1200, window: 1000}
  six:
    prober: tcp
    tcp: {preferred_ip_protocol: "ip6", tls: false}
allow: [10.0.0.0/8, "*.example.com:443"]
targets:
- targets: ["db.example.com:5432", "[2001:db8::80]:80"]
  labels: {team: core}
  module: tcp_connect
  interval: 2s
`))
	if err != nil {
		t.Fatal(err)
	}
	blackbox, own, six := c.Modules["tcp_connect"], c.Modules["own"], c.Modules["six"]
	if blackbox.Timeout != 5*time.Second || blackbox.Spec.Family != prober.FamilyIPv4 || blackbox.Spec.Send != prober.SendIP || blackbox.Spec.Handshake.Retries != 2 {
		t.Errorf("tcp_connect: %+v", blackbox)
	}
	h := own.Spec.Handshake
	if own.Spec.Send != prober.SendLink || own.Spec.TTL != 5 || own.Spec.TOS != 46<<2 || own.Spec.Source.String() != "192.0.2.1" || own.Spec.Family != prober.FamilyIPv4 ||
		h.Close != probe.CloseHalf || h.SYN != probe.SYNBare || h.ICMP != probe.ICMPReport || h.Retries != 0 || h.MSS != 1200 || h.Window != 1000 {
		t.Errorf("own: %+v", own)
	}
	if six.Spec.Family != prober.FamilyIPv6First {
		t.Errorf("six: %+v", six)
	}
	if len(c.Modules) != 3 || len(c.Allow) != 2 || len(c.Watch) != 1 {
		t.Fatalf("%+v", c)
	}
	if g := c.Watch[0]; len(g.Targets) != 2 || g.Module != "tcp_connect" || g.Interval != 2*time.Second || g.Labels["team"] != "core" {
		t.Errorf("watched: %+v", g)
	}
	for _, m := range c.Modules { // what is told of a module is a module
		again, err := ParseConfig([]byte("modules:\n  m:\n    " + strings.ReplaceAll(m.describe(), "\n", "\n    ")))
		if err != nil || again.Modules["m"].describe() != m.describe() {
			t.Errorf("%s: %v", m.describe(), err)
		}
	}
	if c, err := ParseConfig(nil); err != nil || len(c.Modules) != 2 {
		t.Errorf("nothing: %+v, %v", c, err)
	}
}

// TestWrongConfig: what is wrong is said in one line, with its place.
func TestWrongConfig(t *testing.T) {
	for content, want := range map[string]string{
		"modules:\n  m:\n    probber: tcp\n":            "line 3: there is no key probber here",
		"modules:\n  m:\n    tcp:\n      colour: red\n": "line 4: there is no key colour here",
		"modulse: {}\n":                                                        "line 1: there is no key modulse here",
		"modules:\n  m:\n    timeout: soon\n":                                  "line 3: module m: timeout: soon: a duration is wanted, as 300ms or 5s",
		"modules:\n  http_2xx:\n    prober: http\n":                            "line 3: module http_2xx: prober http is not supported: only TCP handshakes are made here (prober: tcp)",
		"modules:\n  http_2xx:\n    http:\n      method: GET\n":                "module http_2xx: http is not supported",
		"modules:\n  m:\n    tcp:\n      tls: true\n":                          "line 4: module m: tls is not supported: nothing is said or read behind the handshake",
		"modules:\n  m:\n    tcp:\n      query_response:\n      - expect: x\n": "module m: query_response is not supported",
		"modules:\n  m:\n    tcp:\n      close: none\n":                        "line 4: module m: close: none: one of fin, half, rst is wanted",
		"modules:\n  m:\n    tcp:\n      send: smoke\n":                        "line 4: module m: send: smoke: one of ip, link, auto, connect is wanted",
		"modules:\n  m:\n    tcp:\n      send: connect\n      close: half\n":   "line 5: module m: close: half is no way of close(2)",
		"modules:\n  m:\n    tcp:\n      ttl: 256\n":                           "line 4: module m: ttl: 256: a number from 1 to 255 is wanted",
		"modules:\n  m:\n    tcp:\n      preferred_ip_protocol: ip5\n":         "line 4: module m: preferred_ip_protocol: ip5: one of ip4, ip6 is wanted",
		"modules:\n  m:\n    tcp:\n      retries: [1]\n":                       "line 4: a single value is wanted here",
		"allow:\n- 10.0.0.1/8\n":                                               "line 2: 10.0.0.1/8: it is no prefix",
		"targets:\n- targets: [nonsense]\n":                                    "line 2: target nonsense:",
		"targets:\n- targets: ['a:1']\n  module: none\n":                       "line 3: there is no module none",
		"targets:\n- targets: ['a:1']\n  labels: {outcome: x}\n":               "line 3: outcome is no name for a label",
		"targets:\n- targets: ['a:1']\n  interval: 0s\n":                       "line 3: interval must be more than 0",
		"modules: [\n":                    "did not find expected node content",
		"modules:\n\tm: {}\n":             "line 2:",
		"modules: {}\n---\nmodules: {}\n": "there is a second document",
		"modules:\n  m: {}\n  m: {}\n":    "line 3: mapping key \"m\" already defined at line 2",
		"just words":                      "line 1: cannot unmarshal",
		"a: &a [x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a]\nmodules: [*b,*b,*b,*b]": "line",
	} {
		c, err := ParseConfig([]byte(content))
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "\n") || strings.Contains(err.Error(), "serve.") {
			t.Errorf("%q: %+v, %v; want %q", content, c, err, want)
		}
	}
}

func FuzzParseConfig(f *testing.F) {
	f.Add([]byte("modules: {m: {prober: tcp, timeout: 5s, tcp: {send: link}}}\nallow: ['*']\ntargets: [{targets: ['a:1']}]"))
	f.Fuzz(func(t *testing.T, content []byte) {
		if _, err := ParseConfig(content); err != nil && strings.Contains(err.Error(), "\n") {
			t.Errorf("%q", err)
		}
	})
}
