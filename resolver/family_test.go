package resolver_test

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/net/dns/dnsmessage"

	"tcpprobe/resolver"
)

func aaaa(owner string, ttl uint32, address string) dnsmessage.Resource {
	return dnsmessage.Resource{Header: header(owner, dnsmessage.TypeAAAA, ttl), Body: &dnsmessage.AAAAResource{AAAA: netip.MustParseAddr(address).As16()}}
}

// zone is a name server: what it answers to AAAA and to A of a name. A name that is not in it does not exist, and a nil
// answer is silence.
type zone map[string][2]func(query []byte) []byte

// empty answers that a name has no address of the type.
func empty(q []byte) []byte { return records(q) }

func servfail(q []byte) []byte { return code(q, dnsmessage.RCodeServerFailure) }

func nxdomain(q []byte) []byte { return code(q, dnsmessage.RCodeNameError) }

// six and four answer with addresses of a name.
func six(owner string, addresses ...string) func([]byte) []byte {
	return func(q []byte) []byte {
		var list []dnsmessage.Resource
		for _, address := range addresses {
			list = append(list, aaaa(owner, 20, address))
		}
		return records(q, list...)
	}
}

func four(owner string, addresses ...string) func([]byte) []byte {
	return func(q []byte) []byte {
		var list []dnsmessage.Resource
		for _, address := range addresses {
			list = append(list, a(owner, 30, address))
		}
		return records(q, list...)
	}
}

// serveZone starts the name server, and returns the questions that it is asked.
func serveZone(t *testing.T, z zone) (h *hostile, asked func() []string) {
	var mu sync.Mutex
	var questions []string
	h = serve(t, func(h *hostile, q []byte, from netip.AddrPort) {
		question := parse(q).Questions[0]
		mu.Lock()
		questions = append(questions, fmt.Sprintf("%v %s", question.Type, question.Name))
		mu.Unlock()
		answers, known := z[strings.TrimSuffix(question.Name.String(), ".")]
		answer := nxdomain
		if known {
			answer = answers[map[dnsmessage.Type]int{dnsmessage.TypeAAAA: 0, dnsmessage.TypeA: 1}[question.Type]]
		}
		if answer != nil {
			h.send(from, answer(q))
		}
	}, nil)
	return h, func() []string {
		mu.Lock()
		defer mu.Unlock()
		list := slices.Clone(questions)
		slices.Sort(list)
		questions = nil
		return list
	}
}

func TestFamilies(t *testing.T) {
	h, asked := serveZone(t, zone{
		"both.test":    {six("both.test", "2001:db8::80", "2001:db8::81"), four("both.test", "192.0.2.80")},
		"six.test":     {six("six.test", "2001:db8::6"), empty},
		"four.test":    {empty, four("four.test", "192.0.2.4")},
		"denied.test":  {nxdomain, four("denied.test", "192.0.2.5")},
		"sick.test":    {servfail, four("sick.test", "192.0.2.6")},
		"sick6.test":   {servfail, empty},
		"neither.test": {empty, empty},
		"alias.test":   {func(q []byte) []byte { return records(q, cname("alias.test", 9, "both.test")) }, empty},
		"mixed.test": {func(q []byte) []byte {
			return records(q, a("mixed.test", 9, "192.0.2.66"), aaaa("mixed.test", 9, "2001:db8::9"))
		}, empty},
		"www.corp.example": {empty, four("www.corp.example", "192.0.2.7")},
	})
	for _, test := range []struct {
		family resolver.Family
		host   string
		asked  string
		want   string // addresses and TTL, or the error
	}{
		{resolver.FamilyIPv4, "both.test", "TypeA both.test.", "[192.0.2.80] 30"},
		{resolver.FamilyAny, "both.test", "TypeA both.test. TypeAAAA both.test.", "[2001:db8::80 2001:db8::81 192.0.2.80] 20"},
		{resolver.FamilyIPv6, "both.test", "TypeA both.test. TypeAAAA both.test.", "[2001:db8::80 2001:db8::81] 20"},
		{resolver.FamilyAny, "six.test", "TypeA six.test. TypeAAAA six.test.", "[2001:db8::6] 20"},
		{resolver.FamilyAny, "four.test", "TypeA four.test. TypeAAAA four.test.", "[192.0.2.4] 30"},
		{resolver.FamilyIPv6, "four.test", "TypeA four.test. TypeAAAA four.test.", "four.test exists but has no IPv6 address, says SERVER; it has an IPv4 address, 192.0.2.4"},
		{resolver.FamilyAny, "denied.test", "TypeA denied.test. TypeAAAA denied.test.", "[192.0.2.5] 30"},
		{resolver.FamilyIPv6, "denied.test", "TypeA denied.test. TypeAAAA denied.test.", "denied.test exists but has no IPv6 address, says SERVER; it has an IPv4 address, 192.0.2.5"},
		{resolver.FamilyAny, "sick.test", "TypeA sick.test. TypeAAAA sick.test. TypeAAAA sick.test.", "[192.0.2.6] 30"},
		{resolver.FamilyIPv6, "sick.test", "TypeA sick.test. TypeAAAA sick.test. TypeAAAA sick.test.", "SERVER could not resolve sick.test (SERVFAIL)"},
		{resolver.FamilyAny, "sick6.test", "TypeA sick6.test. TypeAAAA sick6.test. TypeAAAA sick6.test.", "SERVER could not resolve sick6.test (SERVFAIL)"},
		{resolver.FamilyAny, "neither.test", "TypeA neither.test. TypeAAAA neither.test.", "neither.test exists but has no IPv4 or IPv6 address, says SERVER"},
		{resolver.FamilyAny, "alias.test", "TypeA alias.test. TypeAAAA alias.test. TypeAAAA both.test.", "[2001:db8::80 2001:db8::81] 9"},
		{resolver.FamilyAny, "mixed.test", "TypeA mixed.test. TypeAAAA mixed.test.", "[2001:db8::9] 9"},
		{resolver.FamilyAny, "gone.test", "TypeA gone.test. TypeAAAA gone.test.", "gone.test does not exist, says SERVER (NXDOMAIN)"},
		{resolver.FamilyAny, "www", "TypeA www.corp.example. TypeAAAA www.corp.example.", "[192.0.2.7] 30"},
		{resolver.FamilyIPv6, "www", "TypeA www. TypeA www.corp.example. TypeAAAA www. TypeAAAA www.corp.example.", "www does not exist, says SERVER (NXDOMAIN); not found with the search list either: www.corp.example"},

		{resolver.FamilyIPv4, "dual", "", "[10.0.0.1] 0"},
		{resolver.FamilyIPv6, "dual", "", "[fd00::1] 0"},
		{resolver.FamilyAny, "dual", "", "[fd00::1 10.0.0.1] 0"},
		{resolver.FamilyAny, "only6", "", "[fd00::6] 0"},
		{resolver.FamilyIPv4, "localhost", "", "[127.0.0.1] 0"},
		{resolver.FamilyIPv6, "localhost", "", "[::1] 0"},
		{resolver.FamilyAny, "x.localhost", "", "[::1 127.0.0.1] 0"},
		{resolver.FamilyAny, "192.0.2.1", "", "[192.0.2.1] 0"},
		{resolver.FamilyAny, "fe80::1%eth0", "", "[fe80::1%eth0] 0"},
		{resolver.FamilyIPv6, "2001:db8::1", "", "[2001:db8::1] 0"},
		{resolver.FamilyIPv6, "192.0.2.1", "", "192.0.2.1 has no IPv6 address: it is an IPv4 address"},
		{resolver.FamilyIPv4, "2001:db8::1", "", "2001:db8::1: IPv6 is not supported yet"},
	} {
		o := options(t, h.address)
		o.Family, o.Tries = test.family, 1
		o.Files = resolver.NewFiles(write(t, "resolv.conf", "search corp.example\noptions ndots:1\n"), write(t, "hosts", "10.0.0.1 dual\nfd00::1 dual\nfd00::6 only6\n"))
		var told []resolver.Event
		host := test.host
		if strings.HasSuffix(host, ".test") {
			host += "." // without the search list
		}
		r, err := resolver.New(o).Lookup(t.Context(), host, func(e resolver.Event) { told = append(told, e) })
		got := fmt.Sprint(r.Addresses, " ", r.TTL)
		if err != nil {
			got = err.Error()
		}
		if want := strings.ReplaceAll(test.want, "SERVER", h.address.String()); got != want {
			t.Errorf("%d %s: %s\nwant %s", test.family, test.host, got, want)
		}
		questions := asked()
		if got := strings.Join(questions, " "); got != test.asked || r.Attempts != len(questions) || len(told) != len(r.Events) || len(told) != 2*len(questions) {
			t.Errorf("%d %s: asked %s in %d attempts, %d events told of %d\nwant %s", test.family, test.host, got, r.Attempts, len(told), len(r.Events), test.asked)
		}
		if want := 2; test.family != resolver.FamilyIPv4 && test.asked != "" && (len(r.Queries) != want || r.Queries[0].Type != resolver.AAAA || r.Queries[1].Type != resolver.A || r.Duration <= 0) {
			t.Errorf("%d %s: %+v, %v", test.family, test.host, r.Queries, r.Duration)
		}
		local := map[netip.AddrPort]bool{}
		for _, e := range r.Events {
			if e.Kind == resolver.QuerySent {
				if local[e.Local] {
					t.Errorf("%s: two queries from %v", test.host, e.Local)
				}
				local[e.Local] = true
			}
		}
	}
}

// TestFamiliesSideBySide: the second question does not wait for the answer to the first, and a type that nobody answers
// costs its own time alone.
func TestFamiliesSideBySide(t *testing.T) {
	h, _ := serveZone(t, zone{"www.test": {nil, four("www.test", "192.0.2.80")}})
	o := options(t, h.address)
	o.Family, o.Timeout, o.Tries = resolver.FamilyAny, 200*time.Millisecond, 2
	r, err := resolver.New(o).Lookup(t.Context(), "www.test", nil)
	if err != nil || fmt.Sprint(r.Addresses) != "[192.0.2.80]" || r.Duration < 350*time.Millisecond || r.Duration > 800*time.Millisecond {
		t.Errorf("%v after %v, %v", r.Addresses, r.Duration, err)
	}
	var e *resolver.Error
	if !errors.As(r.Queries[0].Err, &e) || e.Kind != resolver.Timeout || r.Queries[1].Err != nil || r.Queries[1].RCode != "NOERROR" || len(r.Queries[1].Addresses) != 1 {
		t.Errorf("%+v", r.Queries)
	}
	if !slices.IsSortedFunc(r.Events, func(a, b resolver.Event) int { return a.Stamp.Time().Compare(b.Stamp.Time()) }) {
		t.Error("the events are not in the order in which they happened")
	}
	// Both are sent before one of them is given up.
	if r.Events[0].Kind != resolver.QuerySent || r.Events[0].Type == r.Events[1].Type && r.Events[1].Kind == resolver.QuerySent {
		t.Errorf("%v %v, %v %v", r.Events[0].Kind, r.Events[0].Type, r.Events[1].Kind, r.Events[1].Type)
	}

	ctx, cancel := context.WithCancel(t.Context())
	o.Timeout = 10 * time.Second
	r, err = resolver.New(o).Lookup(ctx, "mute.test", func(resolver.Event) { cancel() })
	if kind(err) != resolver.Interrupted && kind(err) != resolver.NoSuchName || r.Duration > 5*time.Second {
		t.Errorf("%+v, %v", r, err)
	}
}

// TestAAAAOracle: the query is the one that dnsmessage packs, and its answers are read alike.
func TestAAAAOracle(t *testing.T) {
	m := dnsmessage.Message{
		Header:    dnsmessage.Header{ID: 4711, RecursionDesired: true},
		Questions: []dnsmessage.Question{{Name: name("www.example.com"), Type: dnsmessage.TypeAAAA, Class: dnsmessage.ClassINET}},
	}
	want, err := m.Pack()
	if err != nil {
		t.Fatal(err)
	}
	query, err := resolver.AppendQuery(nil, 4711, "www.example.com", resolver.AAAA, false)
	if err != nil || !slices.Equal(query, want) {
		t.Errorf("% x, %v, want % x", query, err, want)
	}
	answer := records(query, aaaa("www.example.com", 5, "2001:db8::1"), a("www.example.com", 5, "192.0.2.1"))
	got, err := resolver.ParseAnswer(answer, 4711, "www.example.com", resolver.AAAA)
	if err != nil || summary(got) != "NOERROR www.example.com=2001:db8::1/5" || got.Damage != nil {
		t.Errorf("%q, damage %v, %v", summary(got), got.Damage, err)
	}
	if _, err := resolver.ParseAnswer(answer, 4711, "www.example.com", resolver.A); err != resolver.WrongQuestion {
		t.Errorf("as an answer to A: %v", err)
	}
	short := slices.Clone(answer)
	short[len(query)+11] = 15 // RDLENGTH of the first record
	if got, err := resolver.ParseAnswer(short, 4711, "www.example.com", resolver.AAAA); err != nil || !errors.Is(got.Damage, resolver.ErrMalformed) || len(got.Records) != 0 {
		t.Errorf("%q, damage %v, %v", summary(got), got.Damage, err)
	}
	for qtype, want := range map[resolver.Type]string{resolver.A: "A", resolver.AAAA: "AAAA", 16: "TYPE16"} {
		if got := qtype.String(); got != want {
			t.Errorf("type %s, want %s", got, want)
		}
	}
}
