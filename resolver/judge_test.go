package resolver_test

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/dns/dnsmessage"

	"tcpprobe/resolver"
)

// TestEDNSIsLeftOut: whatever a server may say for want of EDNS, it is asked once more without.
func TestEDNSIsLeftOut(t *testing.T) {
	for _, rcode := range []dnsmessage.RCode{dnsmessage.RCodeFormatError, dnsmessage.RCodeServerFailure, dnsmessage.RCodeNotImplemented, dnsmessage.RCodeRefused, 16} {
		s := run(t, config(1), "example.com", func(_ int, _, _ string, t resolver.Transmission) []any {
			if len(parse(t.Message).Additionals) > 0 {
				return []any{reply(t.Message, func(m *dnsmessage.Message) {
					m.RCode, m.Additionals = rcode&15, []dnsmessage.Resource{opt(rcode)}
				})}
			}
			return []any{found("example.com")(t.Message)}
		})
		if got, want := outcome(s), "example.com NOERROR [192.0.2.80] [] ttl 30 from 192.0.2.1:53"; got != want || len(s.asked) != 2 || s.elapsed != 2*time.Millisecond {
			t.Errorf("%d: %s, asked %q", rcode, got, s.asked)
		}
		if first := s.events[1]; first.RCode != resolver.RCode(rcode).String() {
			t.Errorf("%d: %s is told", rcode, first.RCode)
		}
	}
	s := run(t, config(1), "example.com", always(func(q []byte) []byte { return code(q, dnsmessage.RCodeNameError) }))
	if len(s.asked) != 1 {
		t.Errorf("NXDOMAIN: asked %q", s.asked)
	}
}

// TestDamagedAnswer: what could be read counts, and the damage is told.
func TestDamagedAnswer(t *testing.T) {
	s := run(t, config(1), "example.com", always(func(q []byte) []byte {
		whole := records(q, a("example.com", 30, "192.0.2.80"), a("example.com", 30, "192.0.2.81"))
		return whole[:len(whole)-2]
	}))
	if got, want := outcome(s), "example.com NOERROR [192.0.2.80] [] ttl 30 from 192.0.2.1:53"; got != want || len(s.asked) != 1 {
		t.Errorf("%s, asked %q", got, s.asked)
	}
	if !errors.Is(s.Damage, resolver.ErrMalformed) || s.events[1].Kind != resolver.AnswerReceived || s.events[1].Damage != s.Damage || s.events[1].Reason != "" {
		t.Errorf("damage %v, event %+v", s.Damage, s.events[1])
	}
	s = run(t, config(1), "example.com", always(found("example.com")))
	if s.Damage != nil || s.events[1].Damage != nil {
		t.Errorf("a whole answer: damage %v", s.Damage)
	}
}

// TestVeryManyAddresses: of 4,000 addresses the first are kept, and the others counted.
func TestVeryManyAddresses(t *testing.T) {
	s := run(t, config(1), "example.com", always(func(q []byte) []byte {
		var list []dnsmessage.Resource
		for i := range 4000 {
			list = append(list, a("example.com", 30, fmt.Sprintf("10.0.%d.%d", i>>8, i&255)))
		}
		return records(q, append(list, list[:50]...)...)
	}))
	if s.err != nil || len(s.Addresses) != resolver.MaxAddresses || s.Omitted != 4000-resolver.MaxAddresses || s.Addresses[1023] != netip.MustParseAddr("10.0.3.255") {
		t.Errorf("%d addresses, %d omitted, %v", len(s.Addresses), s.Omitted, s.err)
	}
	if e := s.events[1]; len(e.Addresses) != len(s.Addresses) || e.Omitted != s.Omitted {
		t.Errorf("told: %d addresses, %d omitted", len(e.Addresses), e.Omitted)
	}
}

// TestTruncatedWithoutTCP: that the answer was truncated is part of the error.
func TestTruncatedWithoutTCP(t *testing.T) {
	for want, byTCP := range map[string][]any{
		"the answer of 192.0.2.1 for example.com is truncated (TC), and by TCP there is none: it broke":          {errBroke},
		"the answer of 192.0.2.1 for example.com is truncated (TC), and by TCP there is none: no answer in time": nil,
	} {
		world := func(_ int, _, _ string, t resolver.Transmission) []any {
			if t.Transport == resolver.TCP {
				return byTCP
			}
			return []any{reply(t.Message, func(m *dnsmessage.Message) { m.Truncated = true })}
		}
		if s := run(t, config(1), "example.com", world); s.err.Error() != want || !s.err.Cut {
			t.Errorf("got %v\nwant %s", s.err, want)
		}
		c := config(1)
		c.UseTCP = true // as resolv.conf may say: nothing was truncated then
		if s := run(t, c, "example.com", world); s.err.Cut || strings.Contains(s.err.Error(), "truncated") {
			t.Error(s.err)
		}
	}
}

// TestSearchListIsShown: names that the search list made are told as such, whether they resolve or not.
func TestSearchListIsShown(t *testing.T) {
	c := config(1)
	c.Search = []string{"a.example", "b.example", "c.example", "d.example", "e.example"}
	zone := map[string]func([]byte) []byte{
		"www.b.example.": func(q []byte) []byte {
			return records(q, cname("www.b.example", 5, "host.example"))
		},
		"host.example.":     func(q []byte) []byte { return records(q, a("host.example", 5, "192.0.2.80")) },
		"alias.a.example.":  func(q []byte) []byte { return records(q, cname("alias.a.example", 5, "mute.example")) },
		"mute.a.example.":   nil,
		"mute.example.":     nil,
		"plain.test.":       func(q []byte) []byte { return records(q, a("plain.test", 5, "192.0.2.81")) },
		"only.one.example.": nil,
	}
	world := func(_ int, _, qname string, t resolver.Transmission) []any {
		answer, known := zone[qname]
		switch {
		case !known:
			return []any{code(t.Message, dnsmessage.RCodeNameError)}
		case answer == nil:
			return nil
		}
		return []any{answer(t.Message)}
	}
	for _, test := range []struct {
		host     string
		searched bool
		told     string // for each query
		err      string
	}{
		{"www", true, "www.a.example true, www.b.example true, host.example true", ""},
		{"plain.test", false, "plain.test false", ""},
		{"gone", false, "", "gone does not exist, says 192.0.2.1 (NXDOMAIN); not found with the search list either: gone.a.example, gone.b.example, gone.c.example and 2 more"},
		{"gone.", false, "gone false", "gone does not exist, says 192.0.2.1 (NXDOMAIN)"},
		{"mute", true, "mute.a.example true, mute.a.example true", "no answer from 192.0.2.1 for mute.a.example (mute in the search list)"},
		{"alias", true, "", "no answer from 192.0.2.1 for mute.example (which alias.a.example stands for, found for alias in the search list)"},
	} {
		s := run(t, c, test.host, world)
		var told []string
		for _, e := range s.events {
			if e.Kind == resolver.QuerySent {
				told = append(told, fmt.Sprint(e.Name, " ", e.Searched))
			}
		}
		if got := strings.Join(told, ", "); s.Searched != test.searched || test.told != "" && got != test.told {
			t.Errorf("%s: searched %v, told %s", test.host, s.Searched, got)
		}
		if s.err == nil != (test.err == "") || s.err != nil && s.err.Error() != test.err {
			t.Errorf("%s: %v\nwant %s", test.host, s.err, test.err)
		}
	}
}
