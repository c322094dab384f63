package resolver_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/net/dns/dnsmessage"

	"tcpprobe/resolver"
)

var (
	goldenQuery = []byte{
		0xa1, 0xb2, // ID
		0x01, 0x00, // QR 0, OPCODE 0, RD 1
		0x00, 0x01, // QDCOUNT
		0x00, 0x00, // ANCOUNT
		0x00, 0x00, // NSCOUNT
		0x00, 0x00, // ARCOUNT
		3, 'w', 'w', 'w', 7, 'e', 'x', 'a', 'm', 'p', 'l', 'e', 3, 'c', 'o', 'm', 0, // QNAME
		0x00, 0x01, // QTYPE A
		0x00, 0x01, // QCLASS IN
	}
	goldenOPT = []byte{
		0,          // NAME: the root
		0x00, 0x29, // TYPE OPT
		0x04, 0xd0, // CLASS: 1232 octets
		0, 0, 0, 0, // TTL: extended RCODE, version, flags
		0, 0, // RDLEN
	}
	goldenQueryEDNS = slices.Concat(goldenQuery[:11], []byte{1}, goldenQuery[12:], goldenOPT)

	goldenAnswer = []byte{
		0xa1, 0xb2, // ID
		0x81, 0x80, // QR 1, RD 1, RA 1, RCODE 0
		0x00, 0x01, // QDCOUNT
		0x00, 0x02, // ANCOUNT
		0x00, 0x00, // NSCOUNT
		0x00, 0x01, // ARCOUNT
		3, 'W', 'w', 'w', 7, 'e', 'x', 'a', 'm', 'p', 'l', 'e', 3, 'c', 'o', 'm', 0, // QNAME at 12
		0x00, 0x01, // QTYPE A
		0x00, 0x01, // QCLASS IN
		0xc0, 12, // NAME: see octet 12
		0x00, 0x05, // TYPE CNAME
		0x00, 0x01, // CLASS IN
		0x00, 0x01, 0x51, 0x80, // TTL 86400
		0x00, 0x05, // RDLENGTH
		2, 0x1b, '[', 0xc0, 16, // CNAME at 45: a control sequence, then octet 16
		0xc0, 45, // NAME: see octet 45
		0x00, 0x01, // TYPE A
		0x00, 0x01, // CLASS IN
		0x00, 0x00, 0x0e, 0x10, // TTL 3600
		0x00, 0x04, // RDLENGTH
		192, 0, 2, 80, // ADDRESS
		0, 0x00, 0x29, 0x10, 0x00, 0, 0, 0, 0, 0, 0, // OPT record, 4096 octets
	}
)

// goldenAddress is an A record of the name at octet 12.
var goldenAddress = []byte{
	0xc0, 12, // NAME: see octet 12
	0x00, 0x01, // TYPE A
	0x00, 0x01, // CLASS IN
	0, 0, 0, 60, // TTL
	0x00, 0x04, // RDLENGTH
	127, 0, 0, 1, // ADDRESS
}

// with returns a copy of b with other octets from an offset on.
func with(b []byte, offset int, octets ...byte) []byte {
	c := slices.Clone(b)
	copy(c[offset:], octets)
	return c
}

func TestB107_AppendQueryGolden(t *testing.T) {
	dirty := []byte{0xff, 0xee}
	for _, test := range []struct {
		name string
		edns bool
		want []byte
	}{
		{"www.example.com", false, goldenQuery},
		{"www.example.com.", false, goldenQuery},
		{"www.example.com", true, goldenQueryEDNS},
	} {
		got, err := resolver.AppendQuery(slices.Clone(dirty), 0xa1b2, test.name, resolver.A, test.edns)
		if want := slices.Concat(dirty, test.want); err != nil || !bytes.Equal(got, want) {
			t.Errorf("AppendQuery(%q, edns %v)\n got % x, %v\nwant % x", test.name, test.edns, got, err, want)
		}
	}
}

func TestAppendQueryRefuses(t *testing.T) {
	label := strings.Repeat("x", 63)
	longest := strings.Join([]string{label, label, label, label[:61]}, ".")
	for host, ok := range map[string]bool{
		"":                   false,
		".":                  false,
		"a..b":               false,
		".a":                 false,
		label + ".a":         true,
		label + "x.a":        false,
		longest:              true,
		longest + ".":        true,
		longest + "x":        false,
		"octets\x00\xff.any": true,
	} {
		b, err := resolver.AppendQuery(nil, 1, host, resolver.A, true)
		if ok != (err == nil) || !ok && !errors.Is(err, resolver.ErrMalformed) {
			t.Errorf("AppendQuery(%q): %v", host, err)
		}
		if want := 12 + len(host) + 2 + 4 + len(goldenOPT); ok && !strings.HasSuffix(host, ".") && len(b) != want {
			t.Errorf("AppendQuery(%q): %d octets, want %d", host, len(b), want)
		}
	}
}

// dnsmessage packs the same octets, and reads ours as what they are meant to be.
func TestQueryOracle(t *testing.T) {
	for _, host := range []string{"a.", "www.example.com.", "_sip._tcp.example.net.", "xn--bcher-kva.example."} {
		for _, edns := range []bool{false, true} {
			m := dnsmessage.Message{
				Header:    dnsmessage.Header{ID: 4711, RecursionDesired: true},
				Questions: []dnsmessage.Question{{Name: name(host), Type: dnsmessage.TypeA, Class: dnsmessage.ClassINET}},
			}
			if edns {
				o := opt(0)
				o.Header.Class = resolver.MaxPayload
				m.Additionals = []dnsmessage.Resource{o}
			}
			want, err := m.Pack()
			if err != nil {
				t.Fatal(err)
			}
			if got, err := resolver.AppendQuery(nil, 4711, host, resolver.A, edns); err != nil || !bytes.Equal(got, want) {
				t.Errorf("%s\n got % x, %v\nwant % x", host, got, err, want)
			}
		}
	}
}

func TestParseAnswerGolden(t *testing.T) {
	got, err := resolver.ParseAnswer(goldenAnswer, 0xa1b2, "www.EXAMPLE.com", resolver.A)
	if err != nil {
		t.Fatal(err)
	}
	want := resolver.Answer{EDNS: true, Records: []resolver.Record{
		{Name: "Www.example.com", TTL: 86400, CNAME: "\x1b[.example.com"},
		{Name: "\x1b[.example.com", TTL: 3600, Address: netip.MustParseAddr("192.0.2.80")},
	}}
	if fmt.Sprintf("%+v", got) != fmt.Sprintf("%+v", want) {
		t.Errorf("\n got %+v\nwant %+v", got, want)
	}
}

func TestParseAnswerRejects(t *testing.T) {
	for _, test := range []struct {
		name    string
		message []byte
		want    error
	}{
		{"B-101 a query", with(goldenAnswer, 2, 0x01), resolver.NotResponse},
		{"B-101 another ID", with(goldenAnswer, 1, 0xb3), resolver.WrongID},
		{"B-101 another opcode", with(goldenAnswer, 2, 0x91), resolver.WrongOpcode},
		{"B-101 another name", with(goldenAnswer, 14, 'x'), resolver.WrongQuestion},
		{"B-101 a name with another high bit", with(goldenAnswer, 13, 'W'^0x80), resolver.WrongQuestion},
		{"B-101 another type", with(goldenAnswer, 29, 0, 28), resolver.WrongQuestion},
		{"B-101 another class", with(goldenAnswer, 31, 0, 3), resolver.WrongQuestion},
		{"B-101 no question", with(goldenAnswer[:12], 4, 0, 0), resolver.WrongQuestion},
		{"B-101 no question, SERVFAIL", with(goldenAnswer[:12], 2, 0x81, 0x82, 0, 0), resolver.WrongQuestion},
		{"empty", nil, io.ErrUnexpectedEOF},
		{"half a header", goldenAnswer[:11], io.ErrUnexpectedEOF},
	} {
		t.Run(test.name, func(t *testing.T) {
			if a, err := resolver.ParseAnswer(test.message, 0xa1b2, "www.example.com", resolver.A); !errors.Is(err, test.want) {
				t.Errorf("got %+v, %v; want %v", a, err, test.want)
			}
		})
	}
}

// TestParseAnswerDamaged: what can be read of an answer is read, and the damage is told.
func TestParseAnswerDamaged(t *testing.T) {
	const alias, whole = "NOERROR Www.example.com→\x1b[.example.com/86400", "NOERROR Www.example.com→\x1b[.example.com/86400 \x1b[.example.com=192.0.2.80/3600"
	two := records(goldenQuery, a("www.example.com", 8, "192.0.2.1"), a("www.example.com", 8, "192.0.2.2"))
	for _, test := range []struct {
		name    string
		message []byte
		want    string
		damage  string
	}{
		{"B-104 a pointer to itself", with(goldenAnswer, 33, 0xc0, 33), "NOERROR", "answer section"},
		{"B-104 a pointer out of the message", with(goldenAnswer, 33, 0xff, 0xff), "NOERROR", "answer section"},
		{"B-104 a reserved label type", with(goldenAnswer, 33, 0x40), "NOERROR", "answer section"},
		{"B-104 an alias that points to itself", with(goldenAnswer, 48, 0xc0, 45), "NOERROR", "answer section"},
		{"B-105 more answers promised than there are", with(goldenAnswer, 6, 0xff, 0xff), whole + " misplaced", "answer section"},
		{"B-105 an address of 3 octets", with(goldenAnswer, 60, 0, 3), alias, "A record with RDLENGTH 3"},
		{"B-105 an address of 5 octets", slices.Concat(with(goldenAnswer, 60, 0, 5)[:66], []byte{81}, goldenAnswer[66:]), alias, "A record with RDLENGTH 5"},
		{"B-105 an address of 16 octets", with(goldenAnswer, 60, 0, 16), alias, "A record with RDLENGTH 16"},
		{"a bad address before a good one", slices.Concat(with(two, 43, 0, 3)[:48], two[49:]), "NOERROR www.example.com=192.0.2.2/8", "A record with RDLENGTH 3"},
		{"the second address is cut off", two[:len(two)-1], "NOERROR www.example.com=192.0.2.1/8", "answer section"},
		{"the authority section is cut off", with(two, 8, 0, 1), "NOERROR www.example.com=192.0.2.1/8 www.example.com=192.0.2.2/8", "authority section"},
		{"the OPT record is cut off", goldenAnswer[:len(goldenAnswer)-1], whole, "additional section"},
		{"no such name, and the rest is missing", with(goldenAnswer[:40], 3, 0x83), "NXDOMAIN", "answer section"},
		{"B-107 two OPT records", slices.Concat(with(goldenAnswer, 11, 2), goldenOPT), whole, "more than one OPT record"},
	} {
		t.Run(test.name, func(t *testing.T) {
			got, err := resolver.ParseAnswer(test.message, 0xa1b2, "www.example.com", resolver.A)
			if err != nil || !errors.Is(got.Damage, resolver.ErrMalformed) || !strings.Contains(got.Damage.Error(), test.damage) || summary(got) != test.want {
				t.Errorf("got %q, damage %v, %v; want %q", summary(got), got.Damage, err, test.want)
			}
		})
	}
}

// Unicode folds U+212A, the Kelvin sign, to k. The DNS does not.
func TestB101_CaseIsThatOfASCII(t *testing.T) {
	query, err := resolver.AppendQuery(nil, 1, "k.example", resolver.A, false)
	if err != nil {
		t.Fatal(err)
	}
	for question, want := range map[string]error{"K.Example": nil, "\u212a.example": resolver.WrongQuestion} {
		message := reply(query, func(m *dnsmessage.Message) { m.Questions[0].Name = name(question) })
		if _, err := resolver.ParseAnswer(message, 1, "k.example", resolver.A); err != want {
			t.Errorf("%q: %v, want %v", question, err, want)
		}
	}
}

func TestParseAnswerReads(t *testing.T) {
	for _, test := range []struct {
		name    string
		message []byte
		want    string
	}{
		{"B-106 truncated: nothing but the code",
			with(goldenAnswer[:40], 2, 0x83, 0x80), "NOERROR truncated"},
		{"B-107 FORMERR without a question", with(goldenAnswer[:12], 2, 0x81, 0x81, 0, 0), "FORMERR"},
		{"B-107 NOTIMP without a question", with(goldenAnswer[:12], 2, 0x81, 0x84, 0, 0), "NOTIMP"},
		{"B-107 extended RCODE", reply(goldenQuery, func(m *dnsmessage.Message) {
			m.RCode, m.Additionals = 7, []dnsmessage.Resource{opt(0x170)}
		}), "RCODE375"},
		{"RFC 2181 8: a TTL of 32 bits is 0", records(goldenQuery, a("www.example.com", 1<<31, "192.0.2.1")), "NOERROR www.example.com=192.0.2.1/0"},
		{"other types and classes are skipped", reply(goldenQuery, func(m *dnsmessage.Message) {
			chaos := a("www.example.com", 9, "192.0.2.2")
			chaos.Header.Class = dnsmessage.ClassCHAOS
			m.Answers = []dnsmessage.Resource{ns("www.example.com"), chaos, a("www.example.com", 8, "192.0.2.3")}
		}), "NOERROR www.example.com=192.0.2.3/8"},
		{"authority", reply(goldenQuery, func(m *dnsmessage.Message) {
			m.Authoritative, m.RCode = true, dnsmessage.RCodeNameError
			m.Authorities = []dnsmessage.Resource{soa("com"), ns("com")}
		}), "NXDOMAIN aa soa ns"},
		{"RFC 6891: BADVERS", reply(goldenQuery, func(m *dnsmessage.Message) { m.Additionals = []dnsmessage.Resource{opt(16)} }), "BADVERS"},
		{"the OPT record of the query, counted as the answer, which comes behind it",
			slices.Concat(with(goldenQueryEDNS, 2, 0x81, 0x80, 0, 1, 0, 1), goldenAddress), "NOERROR www.example.com=127.0.0.1/60 misplaced"},
		{"the OPT record before the answer",
			slices.Concat(with(goldenQueryEDNS, 2, 0x81, 0x80, 0, 1, 0, 2, 0, 0, 0, 0), goldenAddress), "NOERROR www.example.com=127.0.0.1/60 misplaced"},
		{"the OPT record before the answer, which counts as authority",
			slices.Concat(with(goldenQueryEDNS, 2, 0x81, 0x80, 0, 1, 0, 1, 0, 1, 0, 0), goldenAddress), "NOERROR www.example.com=127.0.0.1/60 misplaced"},
		{"an address in the additional section is no answer",
			slices.Concat(with(goldenQuery, 2, 0x81, 0x80, 0, 1, 0, 0, 0, 0, 0, 1), goldenAddress), "NOERROR"},
		{"octets after the message", slices.Concat(with(goldenAnswer, 11, 0)[:66], []byte{1, 2, 3}),
			"NOERROR Www.example.com→\x1b[.example.com/86400 \x1b[.example.com=192.0.2.80/3600"},
	} {
		t.Run(test.name, func(t *testing.T) {
			got, err := resolver.ParseAnswer(test.message, 0xa1b2, "www.example.com", resolver.A)
			if err != nil || got.Damage != nil || summary(got) != test.want {
				t.Errorf("got %q, %v; want %q", summary(got), err, test.want)
			}
		})
	}
}

func summary(a resolver.Answer) string {
	s := a.RCode.String()
	for _, flag := range []struct {
		set  bool
		name string
	}{{a.Truncated, " truncated"}, {a.Authoritative, " aa"}, {a.SOA, " soa"}, {a.NS, " ns"}} {
		if flag.set {
			s += flag.name
		}
	}
	for _, r := range a.Records {
		if r.Address.IsValid() {
			s += fmt.Sprintf(" %s=%v/%d", r.Name, r.Address, r.TTL)
		} else {
			s += fmt.Sprintf(" %s→%s/%d", r.Name, r.CNAME, r.TTL)
		}
	}
	if a.Misplaced {
		s += " misplaced"
	}
	return s
}

func TestRCodeNames(t *testing.T) {
	want := []string{"NOERROR", "FORMERR", "SERVFAIL", "NXDOMAIN", "NOTIMP", "REFUSED", "RCODE6"}
	for i, w := range want {
		if got := resolver.RCode(i).String(); got != w {
			t.Errorf("RCode %d is %q, want %q", i, got, w)
		}
	}
}

// typed reports whether an error of ParseAnswer is one that it promises.
func typed(err error) bool {
	var m resolver.Mismatch
	return err == nil || err == io.ErrUnexpectedEOF || errors.As(err, &m) || errors.Is(err, resolver.ErrMalformed)
}

// Messages that broke other programs, and every truncation of their first 1,232 octets.
func TestParseAnswerCorpus(t *testing.T) {
	files := 0
	err := filepath.WalkDir(corpus(t, "c-ares/test/fuzzinput"), func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		files++
		lengths := []int{len(b)}
		for n := range min(len(b), resolver.MaxPayload) {
			lengths = append(lengths, n)
		}
		for _, n := range lengths {
			message := b[:n]
			id := uint16(0)
			if n >= 12 {
				message = with(message, 2, message[2]|0x80)
				id = uint16(message[0])<<8 | uint16(message[1])
			}
			if _, err := resolver.ParseAnswer(message, id, "example.com", resolver.A); !typed(err) {
				t.Errorf("%s, %d octets: %v", path, n, err)
			}
		}
		return nil
	})
	if err != nil || files == 0 {
		t.Errorf("%d files, %v", files, err)
	}
}

func FuzzParseAnswer(f *testing.F) {
	f.Add(goldenAnswer, uint16(0xa1b2), "www.example.com")
	f.Add(goldenQuery, uint16(0xa1b2), "www.example.com")
	f.Add(slices.Concat(with(goldenQueryEDNS, 2, 0x81, 0x80, 0, 1, 0, 1), goldenAddress), uint16(0xa1b2), "www.example.com")
	f.Add(goldenAnswer[:len(goldenAnswer)-1], uint16(0xa1b2), "www.example.com")
	f.Add(records(goldenQuery, cname("www.example.com", 1, "a"), a("a", 2, "192.0.2.1")), uint16(0xa1b2), "www.example.com")
	f.Fuzz(func(t *testing.T, message []byte, id uint16, host string) {
		before := slices.Clone(message)
		got, err := resolver.ParseAnswer(message, id, host, resolver.A)
		if !typed(err) {
			t.Errorf("error %v", err)
		}
		if !bytes.Equal(message, before) {
			t.Error("the message was changed")
		}
		var m dnsmessage.Message
		if err != nil || got.Truncated || got.Misplaced || got.Damage != nil || m.Unpack(message) != nil {
			if got.Damage != nil && !errors.Is(got.Damage, resolver.ErrMalformed) {
				t.Errorf("damage %v", got.Damage)
			}
			return
		}
		addresses := 0
		for _, r := range m.Answers {
			if _, ok := r.Body.(*dnsmessage.AResource); ok && r.Header.Class == dnsmessage.ClassINET {
				addresses++
			}
		}
		for _, r := range got.Records {
			if r.Address.IsValid() {
				addresses--
			}
		}
		if len(m.Questions) > 0 && addresses != 0 {
			t.Errorf("%d addresses differ from those that dnsmessage reads", addresses)
		}
	})
}

func FuzzAppendQuery(f *testing.F) {
	f.Add(uint16(0xa1b2), "www.example.com", true)
	f.Add(uint16(1), "a..b", false)
	f.Fuzz(func(t *testing.T, id uint16, host string, edns bool) {
		b, err := resolver.AppendQuery(nil, id, host, resolver.A, edns)
		if err != nil {
			if !errors.Is(err, resolver.ErrMalformed) {
				t.Errorf("error %v", err)
			}
			return
		}
		m := parse(b)
		want := dnsmessage.Question{Name: name(host), Type: dnsmessage.TypeA, Class: dnsmessage.ClassINET}
		if m.ID != id || len(m.Questions) != 1 || m.Questions[0] != want || (len(m.Additionals) == 1) != edns {
			t.Errorf("%q became %v", host, m.GoString())
		}
	})
}

func ExampleAppendQuery() {
	query, err := resolver.AppendQuery(nil, 0xa1b2, "example.com", resolver.A, false)
	fmt.Printf("% x %v\n", query, err)
	// Output: a1 b2 01 00 00 01 00 00 00 00 00 00 07 65 78 61 6d 70 6c 65 03 63 6f 6d 00 00 01 00 01 <nil>
}
