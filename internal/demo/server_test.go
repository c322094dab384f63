//go:build linux

package demo

import (
	"net/netip"
	"slices"
	"testing"

	"golang.org/x/net/dns/dnsmessage"
)

func TestAnswerTo(t *testing.T) {
	t.Parallel()
	question := func(name string, kind dnsmessage.Type, class dnsmessage.Class) dnsmessage.Message {
		return dnsmessage.Message{
			Header:    dnsmessage.Header{ID: 0x1234, RecursionDesired: true},
			Questions: []dnsmessage.Question{{Name: dnsmessage.MustNewName(name), Type: kind, Class: class}},
		}
	}
	for _, test := range []struct {
		name          string
		kind          dnsmessage.Type
		class         dnsmessage.Class
		rcode         dnsmessage.RCode
		authoritative bool
		address       string
	}{
		{"www.demo.test.", dnsmessage.TypeA, dnsmessage.ClassINET, dnsmessage.RCodeSuccess, true, "10.3.0.80"},
		{"LOSSY.Demo.Test.", dnsmessage.TypeA, dnsmessage.ClassINET, dnsmessage.RCodeSuccess, true, "10.4.0.80"},
		{"www.demo.test.", dnsmessage.TypeAAAA, dnsmessage.ClassINET, dnsmessage.RCodeSuccess, true, ""},
		{"six.demo.test.", dnsmessage.TypeAAAA, dnsmessage.ClassINET, dnsmessage.RCodeSuccess, true, "2001:db8:3::80"},
		{"six.demo.test.", dnsmessage.TypeA, dnsmessage.ClassINET, dnsmessage.RCodeSuccess, true, ""},
		{"dual.demo.test.", dnsmessage.TypeA, dnsmessage.ClassINET, dnsmessage.RCodeSuccess, true, "10.3.0.80"},
		{"dual.demo.test.", dnsmessage.TypeAAAA, dnsmessage.ClassINET, dnsmessage.RCodeSuccess, true, "2001:db8:7::80"},
		{"www.demo.test.", dnsmessage.TypeA, dnsmessage.ClassCHAOS, dnsmessage.RCodeSuccess, true, ""},
		{"demo.test.", dnsmessage.TypeA, dnsmessage.ClassINET, dnsmessage.RCodeSuccess, true, ""},
		{"nobody.demo.test.", dnsmessage.TypeA, dnsmessage.ClassINET, dnsmessage.RCodeNameError, true, ""},
		{"www.notdemo.test.", dnsmessage.TypeA, dnsmessage.ClassINET, dnsmessage.RCodeRefused, false, ""},
		{"example.com.", dnsmessage.TypeA, dnsmessage.ClassINET, dnsmessage.RCodeRefused, false, ""},
	} {
		for _, extended := range []bool{false, true} {
			q := question(test.name, test.kind, test.class)
			if extended {
				opt := dnsmessage.Resource{Body: &dnsmessage.OPTResource{}}
				if err := opt.Header.SetEDNS0(1232, 0, false); err != nil {
					t.Fatal(err)
				}
				q.Additionals = append(q.Additionals, opt)
			}
			octets, err := q.Pack()
			if err != nil {
				t.Fatal(err)
			}
			answer, ok := answerTo(octets)
			var m dnsmessage.Message
			if err := m.Unpack(answer); !ok || err != nil {
				t.Errorf("%s %v: no answer (%v)", test.name, test.kind, err)
				continue
			}
			address := ""
			if len(m.Answers) == 1 {
				switch body := m.Answers[0].Body.(type) {
				case *dnsmessage.AResource:
					address = netip.AddrFrom4(body.A).String()
				case *dnsmessage.AAAAResource:
					address = netip.AddrFrom16(body.AAAA).String()
				}
			}
			want := dnsmessage.Header{ID: 0x1234, Response: true, Authoritative: test.authoritative, RecursionDesired: true, RCode: test.rcode}
			if m.Header != want || address != test.address || !slices.Equal(m.Questions, q.Questions) || (len(m.Additionals) == 1) != extended {
				t.Errorf("%s %v: %+v, address %q, extended %v", test.name, test.kind, m.Header, address, len(m.Additionals) == 1)
			}
		}
	}
	for name, spoil := range map[string]func(*dnsmessage.Message){
		"a response":     func(m *dnsmessage.Message) { m.Response = true },
		"a notification": func(m *dnsmessage.Message) { m.OpCode = 4 },
		"no question":    func(m *dnsmessage.Message) { m.Questions = nil },
		"two questions":  func(m *dnsmessage.Message) { m.Questions = append(m.Questions, m.Questions[0]) },
	} {
		m := question("www.demo.test.", dnsmessage.TypeA, dnsmessage.ClassINET)
		spoil(&m)
		octets, err := m.Pack()
		if err != nil {
			t.Fatal(err)
		}
		if answer, ok := answerTo(octets); ok {
			t.Errorf("%s is answered: %x", name, answer)
		}
	}
	if answer, ok := answerTo([]byte("no message")); ok {
		t.Errorf("what is no message is answered: %x", answer)
	}
}
