package resolver_test

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/net/dns/dnsmessage"

	"tcpprobe/internal/stamp"
	"tcpprobe/resolver"
)

// hostile is a name server on the loopback interface that does what a test tells it to.
type hostile struct {
	udp     *net.UDPConn
	tcp     net.Listener
	address netip.AddrPort
	ended   chan struct{} // closed at the end of the test
}

// serve starts a server. onUDP is called with each datagram, onTCP with each connection and the query that it began
// with; a nil function is silent.
func serve(t *testing.T, onUDP func(h *hostile, query []byte, from netip.AddrPort), onTCP func(h *hostile, query []byte, conn net.Conn)) *hostile {
	t.Helper()
	h := &hostile{ended: make(chan struct{})}
	var err error
	if h.udp, err = net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)}); err != nil {
		t.Fatal(err)
	}
	h.address = h.udp.LocalAddr().(*net.UDPAddr).AddrPort()
	if h.tcp, err = net.Listen("tcp4", h.address.String()); err != nil {
		t.Fatal(err)
	}
	var running sync.WaitGroup
	running.Go(func() {
		b := make([]byte, 65535)
		for {
			n, from, err := h.udp.ReadFromUDPAddrPort(b)
			if err != nil {
				return
			}
			if onUDP != nil {
				onUDP(h, append([]byte(nil), b[:n]...), from)
			}
		}
	})
	running.Go(func() {
		for {
			conn, err := h.tcp.Accept()
			if err != nil {
				return
			}
			running.Go(func() {
				defer conn.Close()
				var length [2]byte
				if _, err := io.ReadFull(conn, length[:]); err != nil {
					return
				}
				query := make([]byte, binary.BigEndian.Uint16(length[:]))
				if _, err := io.ReadFull(conn, query); err == nil && onTCP != nil {
					onTCP(h, query, conn)
				}
			})
		}
	})
	t.Cleanup(func() {
		close(h.ended)
		h.udp.Close()
		h.tcp.Close()
		running.Wait()
	})
	return h
}

// send sends messages to a client.
func (h *hostile) send(to netip.AddrPort, messages ...[]byte) {
	for _, m := range messages {
		h.udp.WriteToUDPAddrPort(m, to)
	}
}

// framed returns a message with its length before it.
func framed(message []byte) []byte {
	return append(binary.BigEndian.AppendUint16(nil, uint16(len(message))), message...)
}

// truth is the right answer to every query.
func truth(query []byte) []byte {
	return records(query, a(parse(query).Questions[0].Name.String(), 60, "192.0.2.80"))
}

// lie is an answer with the address that nobody may believe, changed so that it does not belong to the query.
func lie(query []byte, edit func(*dnsmessage.Message)) []byte {
	return reply(query, func(m *dnsmessage.Message) {
		m.Answers = []dnsmessage.Resource{a(m.Questions[0].Name.String(), 60, "203.0.113.66")}
		if edit != nil {
			edit(m)
		}
	})
}

// options are those of a resolver that reads no file of this host and asks the server, with short patience.
func options(t *testing.T, server netip.AddrPort) resolver.Options {
	t.Helper()
	hosts := write(t, "hosts", "192.0.2.7 printer\n10.1.2.3 Override.localhost\n")
	return resolver.Options{Files: resolver.NewFiles(write(t, "resolv.conf", "search .\n"), hosts), Server: server, Timeout: 10 * time.Second}
}

// write writes a file of that name to a folder of its own, and returns its path.
func write(t *testing.T, name, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestLookupAmongHostileAnswers(t *testing.T) {
	for _, test := range []struct {
		name     string
		udp      func(h *hostile, query []byte, from netip.AddrPort)
		tcp      func(h *hostile, query []byte, conn net.Conn)
		attempts int
		ignored  string
	}{
		{
			name:     "an honest server",
			udp:      func(h *hostile, q []byte, from netip.AddrPort) { h.send(from, truth(q)) },
			attempts: 1, ignored: "map[]",
		},
		{
			name: "B-101 wrong ID, question, opcode, no response, rubbish, nothing",
			udp: func(h *hostile, q []byte, from netip.AddrPort) {
				h.send(from,
					lie(q, func(m *dnsmessage.Message) { m.ID ^= 1 }),
					lie(q, func(m *dnsmessage.Message) { m.Questions[0].Name = name("example.net") }),
					lie(q, func(m *dnsmessage.Message) { m.OpCode = 5 }),
					lie(q, func(m *dnsmessage.Message) { m.Response = false }),
					[]byte("rubbish"), nil, truth(q))
			},
			attempts: 1, ignored: "map[malformed:2 not a response:1 wrong ID:1 wrong opcode:1 wrong question:1]",
		},
		{
			name: "B-101 another port of the server",
			udp: func(h *hostile, q []byte, from netip.AddrPort) {
				other, err := net.DialUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)}, net.UDPAddrFromAddrPort(from))
				if err == nil {
					other.Write(lie(q, nil))
					other.Close()
				}
				h.send(from, truth(q))
			},
			attempts: 1, ignored: "map[]",
		},
		{
			name: "B-101 another address of the server",
			udp: func(h *hostile, q []byte, from netip.AddrPort) {
				other, err := net.DialUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 2), Port: int(h.address.Port())}, net.UDPAddrFromAddrPort(from))
				if err == nil {
					other.Write(lie(q, nil))
					other.Close()
				}
				h.send(from, truth(q))
			},
			attempts: 1, ignored: "map[]",
		},
		{
			name: "B-106 truncated, then TCP",
			udp: func(h *hostile, q []byte, from netip.AddrPort) {
				h.send(from, lie(q, func(m *dnsmessage.Message) { m.Truncated = true }))
			},
			tcp: func(_ *hostile, q []byte, conn net.Conn) {
				conn.Write(append(framed(lie(q, func(m *dnsmessage.Message) { m.ID ^= 1 })), framed(truth(q))...))
			},
			attempts: 2, ignored: "map[wrong ID:1]",
		},
		{
			name: "B-106 an answer by TCP, octet for octet",
			udp: func(h *hostile, q []byte, from netip.AddrPort) {
				h.send(from, lie(q, func(m *dnsmessage.Message) { m.Truncated = true }))
			},
			tcp: func(_ *hostile, q []byte, conn net.Conn) {
				for _, octet := range framed(truth(q)) {
					conn.Write([]byte{octet})
				}
			},
			attempts: 2, ignored: "map[]",
		},
		{
			name: "B-107 no EDNS0",
			udp: func(h *hostile, q []byte, from netip.AddrPort) {
				if len(parse(q).Additionals) > 0 {
					h.send(from, code(q, dnsmessage.RCodeFormatError))
				} else {
					h.send(from, truth(q))
				}
			},
			attempts: 2, ignored: "map[]",
		},
		{
			name: "B-106 an answer of 65,507 octets",
			udp: func(h *hostile, q []byte, from netip.AddrPort) {
				h.send(from, append(truth(q), make([]byte, 65507-len(truth(q)))...))
			},
			attempts: 1, ignored: "map[]",
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			h := serve(t, test.udp, test.tcp)
			r, err := resolver.New(options(t, h.address)).Lookup(t.Context(), "www.example.com", nil)
			if err != nil || fmt.Sprint(r.Addresses) != "[192.0.2.80]" || r.Attempts != test.attempts || fmt.Sprint(r.Ignored) != test.ignored {
				t.Errorf("%v, %v, %d attempts, ignored %v", r.Addresses, err, r.Attempts, r.Ignored)
			}
			if r.Server != h.address || r.RCode != "NOERROR" || r.Duration <= 0 || r.TTL != 60 {
				t.Errorf("%+v", r)
			}
		})
	}
}

func TestH05_FloodOfForgeries(t *testing.T) {
	h := serve(t, func(h *hostile, q []byte, from netip.AddrPort) {
		for i := range 10_000 {
			h.send(from, lie(q, func(m *dnsmessage.Message) { m.ID ^= uint16(1 + i) }))
		}
		// The receive buffer may be full of lies, so the truth is told until it is heard.
		tick := time.NewTicker(5 * time.Millisecond)
		defer tick.Stop()
		for range 1000 {
			h.send(from, truth(q))
			select {
			case <-tick.C:
			case <-h.ended:
				return
			}
		}
	}, nil)
	r, err := resolver.New(options(t, h.address)).Lookup(t.Context(), "www.example.com", nil)
	if err != nil || fmt.Sprint(r.Addresses) != "[192.0.2.80]" || r.Attempts != 1 || r.Ignored["wrong ID"] < 100 || r.Conflict {
		t.Errorf("%v, %v, %d attempts, ignored %v, conflict %v", r.Addresses, err, r.Attempts, r.Ignored, r.Conflict)
	}
	if len(r.Events) != 3 {
		t.Errorf("%d events", len(r.Events))
	}
}

func TestB103_TwoAnswersAtOnce(t *testing.T) {
	both := make(chan struct{})
	h := serve(t, func(h *hostile, q []byte, from netip.AddrPort) {
		h.send(from, truth(q), lie(q, nil))
		close(both)
	}, nil)
	r, err := resolver.New(options(t, h.address)).Lookup(t.Context(), "www.example.com", func(e resolver.Event) {
		if e.Kind == resolver.AnswerReceived {
			<-both
		}
	})
	if err != nil || fmt.Sprint(r.Addresses) != "[192.0.2.80]" || !r.Conflict {
		t.Errorf("%v, %v, conflict %v", r.Addresses, err, r.Conflict)
	}
}

func TestLookupFailures(t *testing.T) {
	cut := func(h *hostile, q []byte, from netip.AddrPort) {
		h.send(from, lie(q, func(m *dnsmessage.Message) { m.Truncated = true }))
	}
	for _, test := range []struct {
		name     string
		udp      func(h *hostile, query []byte, from netip.AddrPort)
		tcp      func(h *hostile, query []byte, conn net.Conn)
		kind     resolver.ErrorKind
		attempts int
		reason   string
	}{
		{name: "silence", kind: resolver.Timeout, attempts: 2},
		{
			name: "lies alone",
			udp: func(h *hostile, q []byte, from netip.AddrPort) {
				h.send(from, lie(q, func(m *dnsmessage.Message) { m.ID ^= 1 }))
			},
			kind: resolver.Timeout, attempts: 2, reason: "what came did not answer the query: wrong ID",
		},
		{
			name: "SERVFAIL",
			udp:  func(h *hostile, q []byte, from netip.AddrPort) { h.send(from, code(q, dnsmessage.RCodeServerFailure)) },
			kind: resolver.ServerFault, attempts: 3,
		},
		{
			name: "REFUSED",
			udp:  func(h *hostile, q []byte, from netip.AddrPort) { h.send(from, code(q, dnsmessage.RCodeRefused)) },
			kind: resolver.NotAllowed, attempts: 3,
		},
		{name: "H-19 silence by TCP", udp: cut, tcp: func(h *hostile, _ []byte, _ net.Conn) { <-h.ended }, kind: resolver.Timeout, attempts: 4},
		{
			name: "H-19 a slow drip by TCP", udp: cut,
			tcp: func(h *hostile, _ []byte, conn net.Conn) {
				tick := time.NewTicker(10 * time.Millisecond)
				defer tick.Stop()
				for err := error(nil); err == nil; _, err = conn.Write([]byte{0xff}) {
					<-tick.C
				}
			},
			kind: resolver.Timeout, attempts: 4,
		},
		{
			name: "half an answer by TCP", udp: cut,
			tcp:  func(_ *hostile, q []byte, conn net.Conn) { conn.Write(framed(truth(q))[:20]) },
			kind: resolver.Unreachable, attempts: 4, reason: "server closed the connection",
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			h := serve(t, test.udp, test.tcp)
			o := options(t, h.address)
			o.Timeout, o.Tries = 150*time.Millisecond, 2
			started := time.Now()
			r, err := resolver.New(o).Lookup(t.Context(), "www.example.com", nil)
			took := time.Since(started)
			var e *resolver.Error
			if !errors.As(err, &e) || e.Kind != test.kind || e.Reason != test.reason || e.Server != h.address || len(r.Addresses) != 0 {
				t.Errorf("%+v, %v", r, err)
			}
			if r.Attempts != test.attempts {
				t.Errorf("%d attempts, want %d", r.Attempts, test.attempts)
			}
			if took > 2*o.Timeout+time.Second {
				t.Errorf("it took %v", took)
			}
		})
	}
}

func TestServerRefuses(t *testing.T) {
	h := serve(t, func(h *hostile, q []byte, from netip.AddrPort) {
		h.send(from, lie(q, func(m *dnsmessage.Message) { m.Truncated = true }))
	}, nil)
	h.tcp.Close()
	for _, test := range []struct {
		transport resolver.Transport
		reason    string
	}{
		{resolver.TCP, "server refused (TCP RST)"},
		{resolver.UDP, "server refused (ICMP port unreachable)"},
	} {
		if test.transport == resolver.UDP {
			h.udp.Close()
		}
		o := options(t, h.address)
		r, err := resolver.New(o).Lookup(t.Context(), "www.example.com", nil)
		if kind(err) != resolver.Unreachable || !errors.Is(err, syscall.ECONNREFUSED) || !strings.HasSuffix(err.Error(), test.reason) {
			t.Errorf("%v: %v", test.transport, err)
		}
		failed := r.Events[len(r.Events)-1]
		if failed.Kind != resolver.QueryFailed || failed.Transport != test.transport || failed.Reason != test.reason || r.Duration > o.Timeout {
			t.Errorf("%v: %v %v %q after %v", test.transport, failed.Kind, failed.Transport, failed.Reason, r.Duration)
		}
	}
}

func TestB100_EveryQueryHasItsOwnPort(t *testing.T) {
	const n = 200
	from := make(chan uint16, n)
	h := serve(t, func(h *hostile, q []byte, client netip.AddrPort) {
		from <- client.Port()
		h.send(client, code(q, 9))
	}, nil)
	o := options(t, h.address)
	o.Tries = 2
	r := resolver.New(o)
	distinct := map[uint16]bool{}
	ascending, last := 0, uint16(0)
	for range n / 2 {
		result, err := r.Lookup(t.Context(), "www.example.com", nil)
		if kind(err) != resolver.OtherRCode {
			t.Fatal(err)
		}
		for _, e := range result.Events {
			if e.Kind != resolver.QuerySent {
				continue
			}
			port := <-from
			if port != e.Local.Port() {
				t.Errorf("sent from port %d, told as %v", port, e.Local)
			}
			distinct[port] = true
			if port > last {
				ascending++
			}
			last = port
		}
	}
	// Of 200 random ports among 14,000 about one is a repetition; ten have a chance of less than one in a million.
	// Ports given out in order would nearly all be greater than the one before.
	if len(distinct) < n-10 || ascending > n*3/4 {
		t.Errorf("%d distinct ports of %d, %d greater than the one before", len(distinct), n, ascending)
	}
}

func TestKernelStamps(t *testing.T) {
	h := serve(t, func(h *hostile, q []byte, from netip.AddrPort) { h.send(from, truth(q)) }, nil)
	r := resolver.New(options(t, h.address))
	// The kernel begins to stamp a moment after it was asked to.
	for range 1000 {
		result, err := r.Lookup(t.Context(), "www.example.com", nil)
		if err != nil {
			t.Fatal(err)
		}
		if result.Clock == stamp.User {
			continue
		}
		query, answer := result.Events[0], result.Events[1]
		sent, received := query.Stamp, answer.Stamp
		if sent.Kernel.Before(sent.User) || received.Kernel.Before(sent.Kernel) || received.User.Before(received.Kernel) {
			t.Errorf("user %v, kernel %v, kernel %v, user %v", sent.User, sent.Kernel, received.Kernel, received.User)
		}
		if want := received.Kernel.Sub(sent.Kernel); result.Duration != want || answer.Sent != sent {
			t.Errorf("duration %v, want %v", result.Duration, want)
		}
		return
	}
	t.Error("the kernel stamped nothing in 1000 lookups")
}

func TestLookupIsInterrupted(t *testing.T) {
	h := serve(t, nil, nil)
	ctx, cancel := context.WithCancel(t.Context())
	r, err := resolver.New(options(t, h.address)).Lookup(ctx, "www.example.com", func(resolver.Event) { cancel() })
	if kind(err) != resolver.Interrupted || !errors.Is(err, context.Canceled) || r.Attempts != 1 || r.Duration > 5*time.Second {
		t.Errorf("%+v, %v", r, err)
	}
	r, err = resolver.New(options(t, h.address)).Lookup(ctx, "www.example.com", nil)
	if kind(err) != resolver.Interrupted || r.Attempts != 0 {
		t.Errorf("%+v, %v", r, err)
	}
}

// Nothing of this is asked of a server: there is none to ask, and no configuration either.
func TestLookupWithoutDNS(t *testing.T) {
	o := options(t, netip.AddrPort{})
	hosts := write(t, "hosts", "192.0.2.7 printer\n10.1.2.3 Override.localhost\n")
	o.Files = resolver.NewFiles(t.TempDir(), hosts) // a directory cannot be read
	r := resolver.New(o)
	for _, test := range []struct {
		host   string
		source string
		want   string
	}{
		{"192.0.2.1", "literal", "192.0.2.1 [192.0.2.1]"},
		{"0.0.0.0", "literal", "0.0.0.0 [0.0.0.0]"},
		{"127.1", "literal", "127.1 [127.0.0.1]"},
		{"Printer", "hosts", "Printer [192.0.2.7]"},
		{"printer.", "hosts", "printer [192.0.2.7]"},
		{"localhost", "hosts", "localhost [127.0.0.1]"},
		{"a.LocalHost.", "hosts", "a.LocalHost [127.0.0.1]"},
		{"override.localhost", "hosts", "override.localhost [10.1.2.3]"},
	} {
		got, err := r.Lookup(t.Context(), test.host, nil)
		if err != nil || got.Source.String() != test.source || fmt.Sprint(got.Name, " ", got.Addresses) != test.want {
			t.Errorf("%q: %v %s %v, %v", test.host, got.Source, got.Name, got.Addresses, err)
		}
	}
	label := strings.Repeat("x", 63)
	for _, test := range []struct {
		host string
		kind resolver.ErrorKind
		want string
	}{
		{"", resolver.BadName, " is not a host name: it is empty"},
		{".", resolver.BadName, ". is not a host name: it is empty"},
		{"a..b", resolver.BadName, "a..b is not a host name: it has an empty label"},
		{".a", resolver.BadName, ".a is not a host name: it has an empty label"},
		{"a\x1b[31mb", resolver.BadName, `a\027[31mb is not a host name: it contains a control character`},
		{"a b", resolver.BadName, `a\032b is not a host name: it contains ' '`},
		{"http://a", resolver.BadName, "http://a is not a host name: it contains ':'"},
		{"a\xffb", resolver.BadName, `a\255b is not a host name: it is not a valid international name`},
		{"a\u202eb", resolver.BadName, `a\226\128\174b is not a host name: it is not a valid international name`},
		{label + "x.a", resolver.BadName, label + "x.a is not a host name: it has a label of 64 octets, at most 63 are allowed"},
		{strings.Repeat("a.", 127), resolver.BadConfig, ""},
		{strings.Repeat("a.", 127) + "b", resolver.BadName, strings.Repeat("a.", 127) + "b is not a host name: it has 255 octets, at most 253 are allowed"},
		{"::1", resolver.IPv6, "::1: IPv6 is not supported yet"},
		{"[fe80::1%eth0]", resolver.IPv6, "[fe80::1%eth0]: IPv6 is not supported yet"},
		{"x.onion", resolver.BadName, "x.onion is not a host name: onion names are not for the DNS (RFC 7686)"},
		{"x.invalid", resolver.NoSuchName, "x.invalid does not exist: no name ends in .invalid (RFC 6761)"},
		{"example.com", resolver.BadConfig, ""},
	} {
		got, err := r.Lookup(t.Context(), test.host, nil)
		if early := kind(resolver.CheckHost(test.host)); early != 0 && early != test.kind || early == 0 && test.kind == resolver.BadName {
			t.Errorf("%q: checked as %v", test.host, early)
		}
		if kind(err) != test.kind || test.want != "" && err.Error() != test.want {
			t.Errorf("%q: %v", test.host, err)
		}
		if source := map[resolver.ErrorKind]resolver.Source{resolver.NoSuchName: resolver.HostsFile, resolver.BadConfig: resolver.DNS}[test.kind]; got.Source != source {
			t.Errorf("%q: source %q, want %q", test.host, got.Source, source)
		}
		if len(got.Events) != 0 || got.Addresses != nil || test.kind == resolver.BadConfig && !errors.Is(err, syscall.EISDIR) {
			t.Errorf("%q: %+v, %v", test.host, got, err)
		}
	}
}

// TestRehearse: it comes to the query that a lookup would begin with, and no further.
func TestRehearse(t *testing.T) {
	h := serve(t, func(h *hostile, q []byte, _ netip.AddrPort) { t.Errorf("asked for %s", parse(q).Questions[0].Name) }, nil)
	r := resolver.New(options(t, h.address))
	result, query, err := r.Rehearse(t.Context(), "bücher.example")
	if err != nil || query == nil || result.Addresses != nil {
		t.Fatalf("%+v, %+v, %v", result, query, err)
	}
	const name = "xn--bcher-kva.example"
	if query.Kind != resolver.QuerySent || query.Server != h.address || query.Local.IsValid() || query.Attempt != 1 || query.Name != name {
		t.Errorf("%+v", query)
	}
	m := parse(query.Octets)
	if len(m.Questions) != 1 || m.Questions[0].Name.String() != name+"." || m.Questions[0].Type != dnsmessage.TypeA || !m.RecursionDesired {
		t.Errorf("%+v", m)
	}

	for host, want := range map[string]string{
		"192.0.2.1":    "literal [192.0.2.1]",
		"printer":      "hosts [192.0.2.7]",
		"a.localhost":  "hosts [127.0.0.1]",
		"name.invalid": "name.invalid does not exist: no name ends in .invalid (RFC 6761)",
		"256.1.1.1":    "256.1.1.1 is not a host name: no name has four numbers (RFC 1123 2.1), and no IPv4 address has these: each is from 0 to 255",
	} {
		result, query, err := r.Rehearse(t.Context(), host)
		got := fmt.Sprint(result.Source, " ", result.Addresses)
		if err != nil {
			got = err.Error()
		}
		if query != nil || got != want {
			t.Errorf("%s: query %+v, %s", host, query, got)
		}
	}
}

func TestInternationalNames(t *testing.T) {
	asked := make(chan string, 10)
	h := serve(t, func(h *hostile, q []byte, from netip.AddrPort) {
		asked <- parse(q).Questions[0].Name.String()
		h.send(from, truth(q))
	}, nil)
	for host, want := range map[string]string{
		"Bücher.example":        "xn--bcher-kva.example",
		"bücher。example。":       "xn--bcher-kva.example",
		"_dmarc.Example.com":    "_dmarc.Example.com",
		"xn--bcher-kva.example": "xn--bcher-kva.example",
	} {
		r, err := resolver.New(options(t, h.address)).Lookup(t.Context(), host, nil)
		if err != nil || r.Name != want {
			t.Errorf("%s: %s, %v", host, r.Name, err)
			continue
		}
		if got := <-asked; got != want+"." {
			t.Errorf("%s: asked for %s", host, got)
		}
	}
}

func TestConfigurationFile(t *testing.T) {
	asked := make(chan string, 10)
	h := serve(t, func(h *hostile, q []byte, from netip.AddrPort) {
		m := parse(q)
		asked <- m.Questions[0].Name.String()
		if strings.HasPrefix(m.Questions[0].Name.String(), "www.corp") {
			h.send(from, truth(q))
		} else {
			h.send(from, code(q, dnsmessage.RCodeNameError))
		}
	}, nil)
	o := options(t, h.address)
	o.Files = resolver.NewFiles(write(t, "resolv.conf", "search lab.example corp.example\nnameserver 192.0.2.1\n"), os.DevNull)
	r, err := resolver.New(o).Lookup(t.Context(), "www", nil)
	if err != nil || r.Name != "www.corp.example" || r.Attempts != 2 || r.Server != h.address {
		t.Errorf("%+v, %v", r, err)
	}
	if first, second := <-asked, <-asked; first != "www.lab.example." || second != "www.corp.example." {
		t.Errorf("asked for %s and %s", first, second)
	}
	// With a server named, a file that cannot be read is not missed.
	o.Files = resolver.NewFiles(t.TempDir(), os.DevNull)
	if r, err := resolver.New(o).Lookup(t.Context(), "www.corp.example", nil); err != nil || r.Name != "www.corp.example" {
		t.Errorf("%+v, %v", r, err)
	}
}

func ExampleResolver_Lookup() {
	r := resolver.New(resolver.Options{})
	result, err := r.Lookup(context.Background(), "192.0.2.1", nil)
	fmt.Println(result.Source, result.Addresses, err)
	_, err = r.Lookup(context.Background(), "192.0.2.256", nil)
	fmt.Println(err)
	// Output:
	// literal [192.0.2.1] <nil>
	// 192.0.2.256 is not a host name: no name has four numbers (RFC 1123 2.1), and no IPv4 address has these: each is from 0 to 255
}
