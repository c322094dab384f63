package resolver_test

import (
	"errors"
	"net/netip"
	"testing"

	"tcpprobe/resolver"
)

func TestErrorSentences(t *testing.T) {
	server := netip.MustParseAddrPort("203.0.113.53:53")
	cause := errors.New("cause")
	for _, test := range []struct {
		err  resolver.Error
		want string
	}{
		{resolver.Error{Kind: resolver.NoSuchName, Name: "a.example", Server: server}, "a.example does not exist, says 203.0.113.53 (NXDOMAIN)"},
		{resolver.Error{Kind: resolver.NoSuchName, Name: "b.example", Alias: "a.example", Server: server}, "b.example (which a.example stands for) does not exist, says 203.0.113.53 (NXDOMAIN)"},
		{resolver.Error{Kind: resolver.NoSuchName, Name: "a.invalid", Reason: "no name ends in .invalid (RFC 6761)"}, "a.invalid does not exist: no name ends in .invalid (RFC 6761)"},
		{resolver.Error{Kind: resolver.NoAddress, Name: "a.example", Type: resolver.A, Server: server}, "a.example exists but has no IPv4 address, says 203.0.113.53"},
		{resolver.Error{Kind: resolver.NoAddress, Name: "a.example", Server: server}, "a.example exists but has no IPv4 or IPv6 address, says 203.0.113.53"},
		{resolver.Error{Kind: resolver.NoAddress, Name: "a.example", Type: resolver.AAAA, Server: server, Reason: "it has an IPv4 address, 192.0.2.80"}, "a.example exists but has no IPv6 address, says 203.0.113.53; it has an IPv4 address, 192.0.2.80"},
		{resolver.Error{Kind: resolver.NoAddress, Name: "192.0.2.80", Type: resolver.AAAA, Reason: "it is an IPv4 address"}, "192.0.2.80 has no IPv6 address: it is an IPv4 address"},
		{resolver.Error{Kind: resolver.ServerFault, Name: "a.example", Server: server}, "203.0.113.53 could not resolve a.example (SERVFAIL)"},
		{resolver.Error{Kind: resolver.NotAllowed, Name: "a.example", Server: server}, "203.0.113.53 refuses to resolve a.example (REFUSED)"},
		{resolver.Error{Kind: resolver.OtherRCode, Name: "a.example", Server: server, Reason: "NOTIMP"}, "203.0.113.53 answered NOTIMP when asked for a.example"},
		{resolver.Error{Kind: resolver.Lame, Name: "a.example", Server: server}, "203.0.113.53 does not resolve names for others: asked for a.example it only named other servers"},
		{resolver.Error{Kind: resolver.BadAnswer, Name: "a.example", Server: server, Reason: "it broke"}, "no use could be made of what 203.0.113.53 answered for a.example: it broke"},
		{resolver.Error{Kind: resolver.Timeout, Name: "a.example", Server: netip.MustParseAddrPort("203.0.113.53:5353")}, "no answer from 203.0.113.53:5353 for a.example"},
		{resolver.Error{Kind: resolver.Unreachable, Name: "a.example", Server: netip.MustParseAddrPort("[2001:db8::53]:53"), Reason: "it broke"}, "2001:db8::53 could not be asked for a.example: it broke"},
		{resolver.Error{Kind: resolver.BadName, Name: "a b", Reason: "it is odd"}, "a b is not a host name: it is odd"},
		{resolver.Error{Kind: resolver.IPv6, Name: "::1", Reason: "IPv6 is not supported yet"}, "::1: IPv6 is not supported yet"},
		{resolver.Error{Kind: resolver.BadConfig, Name: "a.example", Reason: "it broke", Err: cause}, "cannot resolve a.example: it broke"},
		{resolver.Error{Kind: resolver.Interrupted, Name: "a.example", Err: cause}, "interrupted while resolving a.example"},
		{resolver.Error{Kind: resolver.LocalFault, Name: "a.example", Reason: "it broke", Err: cause}, "cannot resolve a.example: it broke"},
	} {
		if got := test.err.Error(); got != test.want {
			t.Errorf("%v:\n got %s\nwant %s", test.err.Kind, got, test.want)
		}
		if got := errors.Is(&test.err, cause); got != (test.err.Err != nil) {
			t.Errorf("%v: unwraps to its cause: %v", test.err.Kind, got)
		}
	}
}

func TestEscape(t *testing.T) {
	for name, want := range map[string]string{
		"www.example.com": "www.example.com",
		"":                "",
		" \x00\t\x1b[31m": `\032\000\009\027[31m`,
		"\x7f\x80\xff":    `\127\128\255`,
		`a\b"c`:           `a\092b"c`,
		"\u202ex":         `\226\128\174x`,
	} {
		if got := resolver.Escape(name); got != want {
			t.Errorf("Escape(%q) = %q, want %q", name, got, want)
		}
	}
}

func TestNamesOfValues(t *testing.T) {
	kinds := []string{"no such name", "no address", "server failure", "refused", "other response code", "lame server", "bad answer",
		"timeout", "server unreachable", "bad name", "IPv6", "configuration", "interrupted", "local fault"}
	for i, want := range kinds {
		if got := resolver.ErrorKind(i + 1).String(); got != want {
			t.Errorf("ErrorKind %d is %q, want %q", i+1, got, want)
		}
	}
	for i, want := range []string{"query", "answer", "ignored", "conflict", "no answer", "failed"} {
		if got := resolver.EventKind(i).String(); got != want {
			t.Errorf("EventKind %d is %q, want %q", i, got, want)
		}
	}
	for i, want := range []string{"", "literal", "hosts", "dns"} {
		if got := resolver.Source(i).String(); got != want {
			t.Errorf("Source %d is %q, want %q", i, got, want)
		}
	}
}
