package resolver_test

import (
	"crypto/rand"
	"net/netip"
	"slices"
	"testing"
	"time"

	"golang.org/x/net/dns/dnsmessage"

	"tcpprobe/internal/stamp"
	"tcpprobe/resolver"
)

func TestReverseName(t *testing.T) {
	for address, want := range map[string]string{
		"192.0.2.80":         "80.2.0.192.in-addr.arpa",
		"::ffff:192.0.2.80":  "80.2.0.192.in-addr.arpa",
		"2001:db8::567:89ab": "b.a.9.8.7.6.5.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa", // RFC 3596 2.5
	} {
		if got := resolver.ReverseName(netip.MustParseAddr(address)); got != want {
			t.Errorf("%s: %s, want %s", address, got, want)
		}
	}
}

// TestPointers: the PTR records at the end of a path of CNAME records, as zones smaller than an octet have them (RFC 2317),
// and none of their octets unprintable.
func TestPointers(t *testing.T) {
	const asked = "80.2.0.192.in-addr.arpa"
	server := netip.MustParseAddrPort("203.0.113.53:53")
	q := resolver.NewQuery(resolver.Config{
		Servers: []netip.AddrPort{server}, Timeout: time.Second, Attempts: 1,
	}, asked+".", resolver.PTR, rand.Reader, nil)
	now := time.Unix(1, 0)
	sent, ok := q.Next(now)
	if !ok {
		t.Fatal("no query")
	}
	q.Sent(stamp.Stamp{User: now}, netip.AddrPort{})
	var m dnsmessage.Message
	if err := m.Unpack(sent.Message); err != nil || m.Questions[0].Type != dnsmessage.TypePTR || m.Questions[0].Name.String() != asked+"." {
		t.Fatalf("%v, %v", m.Questions, err)
	}
	alias := dnsmessage.MustNewName("80.64-26.2.0.192.in-addr.arpa.")
	header := func(name dnsmessage.Name) dnsmessage.ResourceHeader {
		return dnsmessage.ResourceHeader{Name: name, Class: dnsmessage.ClassINET, TTL: 60}
	}
	m.Response = true
	m.Additionals = nil
	m.Answers = []dnsmessage.Resource{
		{Header: header(m.Questions[0].Name), Body: &dnsmessage.CNAMEResource{CNAME: alias}},
		{Header: header(alias), Body: &dnsmessage.PTRResource{PTR: dnsmessage.MustNewName("router\x1b[31m.example.")}},
		{Header: header(alias), Body: &dnsmessage.PTRResource{PTR: dnsmessage.MustNewName("second.example.")}},
	}
	answer, err := m.Pack()
	if err != nil {
		t.Fatal(err)
	}
	if !q.HandleMessage(answer, stamp.Stamp{User: now.Add(time.Millisecond)}) {
		t.Fatal("the answer is ignored")
	}
	found, err := q.Result()
	if want := []string{`router\027[31m.example`, "second.example"}; err != nil || !slices.Equal(found.Pointers, want) || len(found.Addresses) > 0 {
		t.Errorf("%q, %v; want %q", found.Pointers, err, want)
	}
}
