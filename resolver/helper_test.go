package resolver_test

import (
	"crypto/rand"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/dns/dnsmessage"

	"tcpprobe/internal/stamp"
	"tcpprobe/resolver"
)

func name(s string) dnsmessage.Name {
	if !strings.HasSuffix(s, ".") {
		s += "."
	}
	return dnsmessage.MustNewName(s)
}

func header(owner string, typ dnsmessage.Type, ttl uint32) dnsmessage.ResourceHeader {
	return dnsmessage.ResourceHeader{Name: name(owner), Type: typ, Class: dnsmessage.ClassINET, TTL: ttl}
}

func a(owner string, ttl uint32, address string) dnsmessage.Resource {
	return dnsmessage.Resource{Header: header(owner, dnsmessage.TypeA, ttl), Body: &dnsmessage.AResource{A: netip.MustParseAddr(address).As4()}}
}

func cname(owner string, ttl uint32, target string) dnsmessage.Resource {
	return dnsmessage.Resource{Header: header(owner, dnsmessage.TypeCNAME, ttl), Body: &dnsmessage.CNAMEResource{CNAME: name(target)}}
}

func soa(owner string) dnsmessage.Resource {
	return dnsmessage.Resource{Header: header(owner, dnsmessage.TypeSOA, 60), Body: &dnsmessage.SOAResource{NS: name("ns." + owner), MBox: name("admin." + owner)}}
}

func ns(owner string) dnsmessage.Resource {
	return dnsmessage.Resource{Header: header(owner, dnsmessage.TypeNS, 60), Body: &dnsmessage.NSResource{NS: name("ns." + owner)}}
}

func opt(extended dnsmessage.RCode) dnsmessage.Resource {
	var h dnsmessage.ResourceHeader
	if err := h.SetEDNS0(4096, extended, false); err != nil {
		panic(err)
	}
	return dnsmessage.Resource{Header: h, Body: &dnsmessage.OPTResource{}}
}

// parse reads a query with a parser that is not ours.
func parse(query []byte) dnsmessage.Message {
	var m dnsmessage.Message
	if err := m.Unpack(query); err != nil {
		panic(fmt.Sprintf("query % x: %v", query, err))
	}
	return m
}

// reply answers a query, after edit has changed an answer without records.
func reply(query []byte, edit func(*dnsmessage.Message)) []byte {
	m := parse(query)
	m.Response, m.RecursionAvailable = true, true
	m.Additionals = nil
	if edit != nil {
		edit(&m)
	}
	b, err := m.Pack()
	if err != nil {
		panic(err)
	}
	return b
}

// records answers a query with records.
func records(query []byte, answers ...dnsmessage.Resource) []byte {
	return reply(query, func(m *dnsmessage.Message) { m.Answers = answers })
}

// code answers a query with a response code alone.
func code(query []byte, c dnsmessage.RCode) []byte {
	return reply(query, func(m *dnsmessage.Message) { m.RCode = c })
}

// world says what comes back for the n-th transmission, counting from 1: messages ([]byte) and failures of the
// transport (error). If nothing in it answers the query, time goes by until the deadline.
type world func(n int, server, qname string, t resolver.Transmission) []any

// session is a resolution in a world that takes a millisecond for everything but silence.
type session struct {
	asked   []string // "1 udp example.com." for the first server, with "+" if with EDNS0
	events  []resolver.Event
	elapsed time.Duration
	resolver.Result
	err *resolver.Error
}

func run(t *testing.T, c resolver.Config, host string, w world) session {
	t.Helper()
	start := time.Unix(5000, 0)
	now := start
	var s session
	q := resolver.NewQuery(c, host, resolver.A, rand.Reader, func(e resolver.Event) { s.events = append(s.events, e) })
	for n := 1; ; n++ {
		if n > 100 {
			t.Fatal("the machine does not end")
		}
		tr, more := q.Next(now)
		if !more {
			break
		}
		m := parse(tr.Message)
		server := ""
		for i, a := range c.Servers {
			if a == tr.Server {
				server = fmt.Sprint(i + 1)
			}
		}
		qname := m.Questions[0].Name.String()
		asked := fmt.Sprintf("%s %v %s", server, tr.Transport, qname)
		if len(m.Additionals) > 0 {
			asked += "+"
		}
		s.asked = append(s.asked, asked)
		q.Sent(stamp.Stamp{User: now}, netip.AddrPortFrom(netip.AddrFrom4([4]byte{192, 0, 2, 1}), uint16(40000+n)))
		answered := false
		for _, o := range w(n, server, qname, tr) {
			now = now.Add(time.Millisecond)
			switch o := o.(type) {
			case []byte:
				buffer := slices.Clone(o)
				answered = q.HandleMessage(buffer, stamp.Stamp{User: now})
				clear(buffer) // the next message will be read into it
			case error:
				q.HandleError("it broke", o, now)
				answered = true
			}
		}
		if !answered {
			now = tr.Deadline
		}
	}
	s.elapsed = now.Sub(start)
	var err error
	s.Result, err = q.Result()
	if err != nil && !errors.As(err, &s.err) {
		t.Fatalf("error %v is no *Error", err)
	}
	return s
}

func servers(n int) []netip.AddrPort {
	var list []netip.AddrPort
	for i := range n {
		list = append(list, netip.AddrPortFrom(netip.AddrFrom4([4]byte{192, 0, 2, byte(i + 1)}), 53))
	}
	return list
}

func config(n int) resolver.Config {
	return resolver.Config{Servers: servers(n), Ndots: 1, Timeout: 5 * time.Second, Attempts: 2}
}

// corpus returns the path of a folder of input by others.
func corpus(t *testing.T, folder string) string {
	t.Helper()
	root := os.Getenv("TCPPROBE_CORPUS")
	if root == "" {
		root = filepath.Join("..", "..", "shared", "corpus")
	}
	path := filepath.Join(root, folder)
	if _, err := os.Stat(path); err != nil {
		t.Skipf("SKIPPED: the corpus of others' files is not there: %v", err)
	}
	return path
}
