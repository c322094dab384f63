package resolver_test

import (
	"bytes"
	"crypto/rand"
	"errors"
	"fmt"
	"math"
	"net/netip"
	"reflect"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"golang.org/x/net/dns/dnsmessage"

	"tcpprobe/internal/stamp"
	"tcpprobe/resolver"
)

var errBroke = errors.New("broke")

// always answers every query in the same way.
func always(answer func(query []byte) []byte) world {
	return func(_ int, _, _ string, t resolver.Transmission) []any { return []any{answer(t.Message)} }
}

// found answers a query with the address of a name.
func found(owner string) func([]byte) []byte {
	return func(q []byte) []byte { return records(q, a(owner, 30, "192.0.2.80")) }
}

func TestQueryVerdicts(t *testing.T) {
	for _, test := range []struct {
		name    string
		servers int
		host    string
		world   world
		asked   []string
		want    string // outcome, see outcome
		elapsed time.Duration
	}{
		{
			name: "the first server knows", servers: 2, host: "example.com",
			world:   always(found("Example.COM")),
			asked:   []string{"1 udp example.com.+"},
			want:    "example.com NOERROR [192.0.2.80] [] ttl 30 from 192.0.2.1:53",
			elapsed: time.Millisecond,
		},
		{
			name: "B-109 NXDOMAIN is final", servers: 2, host: "example.com",
			world:   always(func(q []byte) []byte { return code(q, dnsmessage.RCodeNameError) }),
			asked:   []string{"1 udp example.com.+"},
			want:    "no such name: example.com NXDOMAIN []",
			elapsed: time.Millisecond,
		},
		{
			name: "B-109 NODATA is final", servers: 2, host: "example.com",
			world: always(func(q []byte) []byte {
				return reply(q, func(m *dnsmessage.Message) { m.Authorities = []dnsmessage.Resource{soa("example.com")} })
			}),
			asked:   []string{"1 udp example.com.+"},
			want:    "no address: example.com NOERROR [] nodata",
			elapsed: time.Millisecond,
		},
		{
			name: "B-109 addresses of other names are no answer", servers: 1, host: "example.com",
			world:   always(found("example.net")),
			asked:   []string{"1 udp example.com.+"},
			want:    "no address: example.com NOERROR [] nodata",
			elapsed: time.Millisecond,
		},
		{
			name: "B-109 SERVFAIL then an answer", servers: 2, host: "example.com",
			world: func(n int, _, _ string, t resolver.Transmission) []any {
				if n <= 2 {
					return []any{code(t.Message, dnsmessage.RCodeServerFailure)}
				}
				return []any{found("example.com")(t.Message)}
			},
			asked:   []string{"1 udp example.com.+", "1 udp example.com.", "2 udp example.com.+"},
			want:    "example.com NOERROR [192.0.2.80] [] ttl 30 from 192.0.2.2:53",
			elapsed: 3 * time.Millisecond,
		},
		{
			name: "B-109 the verdict of the last server counts", servers: 2, host: "example.com",
			world: func(n int, server, _ string, t resolver.Transmission) []any {
				if server == "1" {
					return []any{code(t.Message, dnsmessage.RCodeServerFailure)}
				}
				return []any{code(t.Message, dnsmessage.RCodeRefused)}
			},
			asked: []string{"1 udp example.com.+", "1 udp example.com.", "2 udp example.com.+", "2 udp example.com.",
				"1 udp example.com.", "2 udp example.com."},
			want:    "refused: example.com REFUSED []",
			elapsed: 6 * time.Millisecond,
		},
		{
			name: "B-109 SERVFAIL of all", servers: 1, host: "example.com",
			world:   always(func(q []byte) []byte { return code(q, dnsmessage.RCodeServerFailure) }),
			asked:   []string{"1 udp example.com.+", "1 udp example.com.", "1 udp example.com."},
			want:    "server failure: example.com SERVFAIL []",
			elapsed: 3 * time.Millisecond,
		},
		{
			name: "B-109 another code", servers: 1, host: "example.com",
			world:   always(func(q []byte) []byte { return code(q, 9) }),
			asked:   []string{"1 udp example.com.+", "1 udp example.com.+"},
			want:    "other response code: example.com RCODE9 []",
			elapsed: 2 * time.Millisecond,
		},
		{
			name: "B-109 a lame server, then one that resolves", servers: 2, host: "example.com",
			world: func(n int, server, _ string, t resolver.Transmission) []any {
				if server == "1" {
					return []any{reply(t.Message, func(m *dnsmessage.Message) { m.Authorities = []dnsmessage.Resource{ns("com")} })}
				}
				return []any{found("example.com")(t.Message)}
			},
			asked:   []string{"1 udp example.com.+", "2 udp example.com.+"},
			want:    "example.com NOERROR [192.0.2.80] [] ttl 30 from 192.0.2.2:53",
			elapsed: 2 * time.Millisecond,
		},
		{
			name: "B-109 an authoritative answer is no referral", servers: 1, host: "example.com",
			world: always(func(q []byte) []byte {
				return reply(q, func(m *dnsmessage.Message) {
					m.Authoritative, m.Authorities = true, []dnsmessage.Resource{ns("com")}
				})
			}),
			asked:   []string{"1 udp example.com.+"},
			want:    "no address: example.com NOERROR [] nodata",
			elapsed: time.Millisecond,
		},
		{
			name: "B-109 all lame", servers: 1, host: "example.com",
			world: always(func(q []byte) []byte {
				return reply(q, func(m *dnsmessage.Message) { m.Authorities = []dnsmessage.Resource{ns("com")} })
			}),
			asked:   []string{"1 udp example.com.+", "1 udp example.com.+"},
			want:    "lame server: example.com NOERROR []",
			elapsed: 2 * time.Millisecond,
		},
		{
			name: "B-110 silence: every server in turn, and again without EDNS0", servers: 3, host: "example.com",
			world:   func(int, string, string, resolver.Transmission) []any { return nil },
			asked:   []string{"1 udp example.com.+", "2 udp example.com.+", "3 udp example.com.+", "1 udp example.com.", "2 udp example.com.", "3 udp example.com."},
			want:    "timeout: example.com  []",
			elapsed: 30 * time.Second,
		},
		{
			name: "a server that cannot be reached is passed over at once", servers: 2, host: "example.com",
			world: func(n int, server, _ string, t resolver.Transmission) []any {
				if server == "1" {
					return []any{errBroke}
				}
				return []any{found("example.com")(t.Message)}
			},
			asked:   []string{"1 udp example.com.+", "2 udp example.com.+"},
			want:    "example.com NOERROR [192.0.2.80] [] ttl 30 from 192.0.2.2:53",
			elapsed: 2 * time.Millisecond,
		},
		{
			name: "no server can be reached", servers: 1, host: "example.com",
			world:   func(int, string, string, resolver.Transmission) []any { return []any{errBroke} },
			asked:   []string{"1 udp example.com.+", "1 udp example.com.+"},
			want:    "server unreachable: example.com  []",
			elapsed: 2 * time.Millisecond,
		},
		{
			name: "B-107 FORMERR, then without EDNS0", servers: 2, host: "example.com",
			world: func(n int, _, _ string, t resolver.Transmission) []any {
				if n == 1 {
					return []any{with(code(t.Message, dnsmessage.RCodeFormatError)[:12], 4, 0, 0)}
				}
				return []any{found("example.com")(t.Message)}
			},
			asked:   []string{"1 udp example.com.+", "1 udp example.com."},
			want:    "example.com NOERROR [192.0.2.80] [] ttl 30 from 192.0.2.1:53",
			elapsed: 2 * time.Millisecond,
		},
		{
			name: "B-107 NOTIMP with and without", servers: 1, host: "example.com",
			world:   always(func(q []byte) []byte { return code(q, dnsmessage.RCodeNotImplemented) }),
			asked:   []string{"1 udp example.com.+", "1 udp example.com.", "1 udp example.com."},
			want:    "other response code: example.com NOTIMP []",
			elapsed: 3 * time.Millisecond,
		},
		{
			name: "an OPT record counted as the answer, and none behind it", servers: 1, host: "example.com",
			world: func(n int, _, _ string, t resolver.Transmission) []any {
				if n == 1 {
					return []any{with(t.Message, 2, 0x81, 0x80, 0, 1, 0, 1, 0, 0, 0, 0)}
				}
				return []any{found("example.com")(t.Message)}
			},
			asked:   []string{"1 udp example.com.+", "1 udp example.com."},
			want:    "example.com NOERROR [192.0.2.80] [] ttl 30 from 192.0.2.1:53",
			elapsed: 2 * time.Millisecond,
		},
		{
			name: "a name whose addresses may have stood in the damaged part", servers: 1, host: "example.com",
			world: func(n int, _, _ string, t resolver.Transmission) []any {
				whole := found("example.com")(t.Message)
				if n == 1 {
					return []any{whole[:len(whole)-1]}
				}
				return []any{whole}
			},
			asked:   []string{"1 udp example.com.+", "1 udp example.com."},
			want:    "example.com NOERROR [192.0.2.80] [] ttl 30 from 192.0.2.1:53",
			elapsed: 5*time.Second + time.Millisecond,
		},
		{
			name: "an alias, and its address cut off", servers: 1, host: "www.example.com",
			world: func(n int, _, _ string, t resolver.Transmission) []any {
				if n == 1 {
					whole := records(t.Message, cname("www.example.com", 9, "b.example.com"), a("b.example.com", 9, "192.0.2.80"))
					return []any{whole[:len(whole)-1]}
				}
				return []any{found("b.example.com")(t.Message)}
			},
			asked:   []string{"1 udp www.example.com.+", "1 udp b.example.com.+"},
			want:    "www.example.com NOERROR [192.0.2.80] [b.example.com] ttl 9 from 192.0.2.1:53",
			elapsed: 2 * time.Millisecond,
		},
		{
			name: "B-106 truncated: the same server by TCP", servers: 2, host: "example.com",
			world: func(n int, _, _ string, t resolver.Transmission) []any {
				if t.Transport == resolver.UDP {
					return []any{reply(t.Message, func(m *dnsmessage.Message) {
						m.Truncated, m.Answers = true, []dnsmessage.Resource{a("example.com", 1, "192.0.2.66")}
					})}
				}
				return []any{found("example.com")(t.Message)}
			},
			asked:   []string{"1 udp example.com.+", "1 tcp example.com.+"},
			want:    "example.com NOERROR [192.0.2.80] [] ttl 30 from 192.0.2.1:53",
			elapsed: 2 * time.Millisecond,
		},
		{
			name: "B-106 no TCP at the first server, so the next by UDP", servers: 2, host: "example.com",
			world: func(n int, server, _ string, t resolver.Transmission) []any {
				switch {
				case server == "2":
					return []any{found("example.com")(t.Message)}
				case t.Transport == resolver.UDP:
					return []any{reply(t.Message, func(m *dnsmessage.Message) { m.Truncated = true })}
				}
				return []any{errBroke}
			},
			asked:   []string{"1 udp example.com.+", "1 tcp example.com.+", "2 udp example.com.+"},
			want:    "example.com NOERROR [192.0.2.80] [] ttl 30 from 192.0.2.2:53",
			elapsed: 3 * time.Millisecond,
		},
		{
			name: "B-106 truncated by TCP too", servers: 1, host: "example.com",
			world: always(func(q []byte) []byte {
				return reply(q, func(m *dnsmessage.Message) { m.Truncated = true })
			}),
			asked:   []string{"1 udp example.com.+", "1 tcp example.com.+", "1 udp example.com.+", "1 tcp example.com.+"},
			want:    "bad answer: example.com NOERROR []",
			elapsed: 4 * time.Millisecond,
		},
		{
			name: "B-106 silence by TCP says nothing about EDNS0", servers: 1, host: "example.com",
			world: func(_ int, _, _ string, t resolver.Transmission) []any {
				if t.Transport == resolver.TCP {
					return nil
				}
				return []any{reply(t.Message, func(m *dnsmessage.Message) { m.Truncated = true })}
			},
			asked:   []string{"1 udp example.com.+", "1 tcp example.com.+", "1 udp example.com.+", "1 tcp example.com.+"},
			want:    "timeout: example.com  []",
			elapsed: 10 * time.Second,
		},
		{
			name: "B-108 a chain, its links in reverse", servers: 1, host: "www.example.com",
			world: always(func(q []byte) []byte {
				return records(q, a("c.example.net", 50, "192.0.2.82"), a("c.example.net", 60, "192.0.2.81"), a("c.example.net", 60, "192.0.2.82"),
					cname("b.example.net", 40, "C.example.net"), cname("www.example.com", 70, "b.example.net"))
			}),
			asked:   []string{"1 udp www.example.com.+"},
			want:    "www.example.com NOERROR [192.0.2.82 192.0.2.81] [b.example.net C.example.net] ttl 40 from 192.0.2.1:53",
			elapsed: time.Millisecond,
		},
		{
			name: "B-108 a chain out of the message", servers: 2, host: "www.example.com",
			world: func(n int, _, qname string, t resolver.Transmission) []any {
				if qname == "www.example.com." {
					if n == 1 {
						return nil
					}
					return []any{records(t.Message, cname("www.example.com", 20, "b.example.net"))}
				}
				return []any{found("b.example.net")(t.Message)}
			},
			asked:   []string{"1 udp www.example.com.+", "2 udp www.example.com.+", "2 udp b.example.net.+"},
			want:    "www.example.com NOERROR [192.0.2.80] [b.example.net] ttl 20 from 192.0.2.2:53",
			elapsed: 5*time.Second + 2*time.Millisecond,
		},
		{
			name: "B-108 the code belongs to the end of the chain", servers: 1, host: "www.example.com",
			world: always(func(q []byte) []byte {
				return reply(q, func(m *dnsmessage.Message) {
					m.RCode, m.Answers = dnsmessage.RCodeNameError, []dnsmessage.Resource{cname("www.example.com", 20, "gone.example.net")}
				})
			}),
			asked:   []string{"1 udp www.example.com.+"},
			want:    "no such name: gone.example.net (which www.example.com stands for) NXDOMAIN [gone.example.net]",
			elapsed: time.Millisecond,
		},
		{
			name: "B-108 an SOA says that the end of the chain has no address", servers: 1, host: "www.example.com",
			world: always(func(q []byte) []byte {
				return reply(q, func(m *dnsmessage.Message) {
					m.Answers = []dnsmessage.Resource{cname("www.example.com", 20, "b.example.net")}
					m.Authorities = []dnsmessage.Resource{soa("example.net")}
				})
			}),
			asked:   []string{"1 udp www.example.com.+"},
			want:    "no address: b.example.net (which www.example.com stands for) NOERROR [b.example.net] nodata",
			elapsed: time.Millisecond,
		},
		{
			name: "B-108 a circle in one message", servers: 1, host: "www.example.com",
			world: always(func(q []byte) []byte {
				return records(q, cname("www.example.com", 1, "b.example.com"), cname("b.example.com", 1, "WWW.example.com"))
			}),
			asked:   []string{"1 udp www.example.com.+"},
			want:    "bad answer: b.example.com (which www.example.com stands for) NOERROR [b.example.com]",
			elapsed: time.Millisecond,
		},
		{
			name: "B-108 a circle over two messages", servers: 1, host: "www.example.com",
			world: func(_ int, _, qname string, t resolver.Transmission) []any {
				if qname == "www.example.com." {
					return []any{records(t.Message, cname(qname, 1, "b.example.com"))}
				}
				return []any{records(t.Message, cname(qname, 1, "www.example.com"))}
			},
			asked:   []string{"1 udp www.example.com.+", "1 udp b.example.com.+"},
			want:    "bad answer: b.example.com (which www.example.com stands for) NOERROR [b.example.com]",
			elapsed: 2 * time.Millisecond,
		},
		{
			name: "B-112 a chain to a name that never leaves the host", servers: 1, host: "www.example.com",
			world:   always(func(q []byte) []byte { return records(q, cname("www.example.com", 1, "x.localhost")) }),
			asked:   []string{"1 udp www.example.com.+"},
			want:    "bad answer: www.example.com NOERROR []",
			elapsed: time.Millisecond,
		},
		{
			name: "B-108 a chain to the root", servers: 1, host: "www.example.com",
			world:   always(func(q []byte) []byte { return records(q, cname("www.example.com", 1, ".")) }),
			asked:   []string{"1 udp www.example.com.+"},
			want:    "bad answer: www.example.com NOERROR []",
			elapsed: time.Millisecond,
		},
		{
			name: "H-13 nothing received is handed out raw", servers: 1, host: "www.example.com",
			world: always(func(q []byte) []byte {
				evil := "\x1b]0;\x9b\u202e\r\n\x00\"\\.example.com"
				return records(q, cname("www.example.com", 1, evil), a(evil, 2, "192.0.2.80"))
			}),
			asked:   []string{"1 udp www.example.com.+"},
			want:    `www.example.com NOERROR [192.0.2.80] [\027]0;\155\226\128\174\013\010\000"\092.example.com] ttl 1 from 192.0.2.1:53`,
			elapsed: time.Millisecond,
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := run(t, config(test.servers), test.host, test.world)
			if !slices.Equal(s.asked, test.asked) {
				t.Errorf("asked %q\n want %q", s.asked, test.asked)
			}
			if got := outcome(s); got != test.want {
				t.Errorf(" got %s\nwant %s", got, test.want)
			}
			if s.elapsed != test.elapsed || s.Duration != test.elapsed || s.Clock != stamp.User {
				t.Errorf("it took %v and says %v by the %v clock, want %v", s.elapsed, s.Duration, s.Clock, test.elapsed)
			}
			if s.Attempts != len(test.asked) || s.Source != resolver.DNS {
				t.Errorf("%d attempts, source %v", s.Attempts, s.Source)
			}
		})
	}
}

// outcome puts a result into one line.
func outcome(s session) string {
	if s.err == nil {
		return fmt.Sprintf("%s %s %v %v ttl %d from %v", s.Name, s.RCode, s.Addresses, s.CNAME, s.TTL, s.Server)
	}
	about := s.err.Name
	if s.err.Alias != "" {
		about += " (which " + s.err.Alias + " stands for)"
	}
	line := fmt.Sprintf("%v: %s %s %v", s.err.Kind, about, s.RCode, s.CNAME)
	if s.NoData {
		line += " nodata"
	}
	return line
}

func TestB108_SixteenLinks(t *testing.T) {
	for links, ok := range map[int]bool{1: true, 16: true, 17: false, 200: false} {
		chain := func(q []byte) []byte {
			var list []dnsmessage.Resource
			for i := range links {
				list = append(list, cname(fmt.Sprintf("n%d.example.com", i), 9, fmt.Sprintf("n%d.example.com", i+1)))
			}
			return records(q, append(list, a(fmt.Sprintf("n%d.example.com", links), 9, "192.0.2.80"))...)
		}
		s := run(t, config(1), "n0.example.com", always(chain))
		if ok != (s.err == nil) || !ok && s.err.Kind != resolver.BadAnswer {
			t.Errorf("%d links: %v", links, s.err)
		}
		if want := min(links, 16); len(s.CNAME) != want {
			t.Errorf("%d links: the chain has %d, want %d", links, len(s.CNAME), want)
		}
		one := run(t, config(1), "n0.example.com", func(n int, _, qname string, t resolver.Transmission) []any {
			if n > links {
				return []any{records(t.Message, a(qname, 9, "192.0.2.80"))}
			}
			return []any{records(t.Message, cname(qname, 9, fmt.Sprintf("n%d.example.com", n)))}
		})
		if ok != (one.err == nil) || len(one.asked) != min(links+1, 17) {
			t.Errorf("%d links, each in a message: %d queries, %v", links, len(one.asked), one.err)
		}
	}
}

func TestB110_SearchList(t *testing.T) {
	zone := map[string]func([]byte) []byte{}
	for _, n := range []string{"a.corp.example.", "x.y.example.com.", "only.test."} {
		zone[n] = func(q []byte) []byte { return records(q, a(n, 30, "192.0.2.80")) }
	}
	zone["empty.corp.example."] = func(q []byte) []byte { return records(q) }
	zone["sick.corp.example."] = func(q []byte) []byte { return code(q, dnsmessage.RCodeServerFailure) }
	silent := "mute.corp.example."
	world := func(_ int, _, qname string, t resolver.Transmission) []any {
		if qname == silent {
			return nil
		}
		if answer, ok := zone[qname]; ok {
			return []any{answer(t.Message)}
		}
		return []any{code(t.Message, dnsmessage.RCodeNameError)}
	}
	for _, test := range []struct {
		host  string
		ndots int
		asked string
		want  string
	}{
		{"a", 1, "a.corp.example.", "a.corp.example NOERROR [192.0.2.80] [] ttl 30 from 192.0.2.1:53"},
		{"a.", 1, "a.", "no such name: a NXDOMAIN []"},
		{"a", 0, "a. a.corp.example.", "a.corp.example NOERROR [192.0.2.80] [] ttl 30 from 192.0.2.1:53"},
		{"x.y", 1, "x.y. x.y.corp.example. x.y.example.com.", "x.y.example.com NOERROR [192.0.2.80] [] ttl 30 from 192.0.2.1:53"},
		{"only.test", 2, "only.test.corp.example. only.test.example.com. only.test.", "only.test NOERROR [192.0.2.80] [] ttl 30 from 192.0.2.1:53"},
		{"only.test", 1, "only.test.", "only.test NOERROR [192.0.2.80] [] ttl 30 from 192.0.2.1:53"},
		{"nope", 1, "nope.corp.example. nope.example.com. nope.", "no such name: nope NXDOMAIN []"},
		{"empty", 1, "empty.corp.example. empty.example.com. empty.", "no such name: empty NXDOMAIN []"},
		{"sick", 1, "sick.corp.example. sick.corp.example. sick.corp.example. sick.example.com. sick.", "no such name: sick NXDOMAIN []"},
		{"mute", 1, "mute.corp.example. mute.corp.example.", "timeout: mute.corp.example  []"},
		{"mute", 0, "mute. mute.corp.example. mute.corp.example.", "no such name: mute NXDOMAIN []"},
	} {
		c := config(1)
		c.Search, c.Ndots = []string{"corp.example", "example.com", "invalid"}, test.ndots
		s := run(t, c, test.host, world)
		var asked []string
		for _, line := range s.asked {
			asked = append(asked, strings.TrimSuffix(strings.Fields(line)[2], "+"))
		}
		if got := strings.Join(asked, " "); got != test.asked || outcome(s) != test.want {
			t.Errorf("%s, ndots %d: asked %s, %s\n want %s, %s", test.host, test.ndots, got, outcome(s), test.asked, test.want)
		}
	}
}

func TestB110_TheServerThatAnsweredIsAskedOn(t *testing.T) {
	c := config(2)
	c.Search = []string{"a.example"}
	s := run(t, c, "www", func(_ int, server, _ string, t resolver.Transmission) []any {
		if server == "1" {
			return nil
		}
		return []any{code(t.Message, dnsmessage.RCodeNameError)}
	})
	if want := []string{"1 udp www.a.example.+", "2 udp www.a.example.+", "2 udp www.+"}; !slices.Equal(s.asked, want) {
		t.Errorf("asked %q, want %q", s.asked, want)
	}
}

func TestB110_RotateAndUseTCP(t *testing.T) {
	c := config(3)
	c.Rotate, c.UseTCP = true, true
	first := map[string]int{}
	for range 300 {
		s := run(t, c, "example.com", always(func(q []byte) []byte { return records(q, a("example.com", 1, "192.0.2.80")) }))
		first[s.asked[0]]++
	}
	for _, server := range []string{"1", "2", "3"} {
		if n := first[server+" tcp example.com.+"]; n < 50 {
			t.Errorf("server %s was the first %d times of 300: %v", server, n, first)
		}
	}
}

func TestH19_NoMoreThan64Queries(t *testing.T) {
	c := config(3)
	c.Attempts = 5
	for i := range 40 {
		c.Search = append(c.Search, fmt.Sprintf("d%d.example.com", i))
	}
	s := run(t, c, "www", always(func(q []byte) []byte { return code(q, dnsmessage.RCodeServerFailure) }))
	if len(s.asked) != 64 || s.err == nil {
		t.Errorf("%d queries, %v", len(s.asked), s.err)
	}
}

// Slow answers of every kind, one after the other: the whole is bounded.
func TestH19_WholeTimeIsBounded(t *testing.T) {
	c := config(2)
	c.Search = []string{"a.example", "b.example", "c.example", "d.example"}
	late := 0
	start := time.Unix(5000, 0)
	now := start
	q := resolver.NewQuery(c, "www", resolver.A, rand.Reader, nil)
	for {
		tr, more := q.Next(now)
		if !more {
			break
		}
		q.Sent(stamp.Stamp{User: now}, netip.AddrPort{})
		if limit := start.Add(20 * time.Second); tr.Deadline.After(limit) {
			t.Errorf("query %d may take until %v", late+1, tr.Deadline.Sub(start))
		}
		now = tr.Deadline.Add(-time.Millisecond)
		q.HandleMessage(code(tr.Message, dnsmessage.RCodeNameError), stamp.Stamp{User: now})
		late++
	}
	if _, err := q.Result(); late != 5 || kind(err) != resolver.NoSuchName {
		t.Errorf("%d queries in %v, %v", late, now.Sub(start), err)
	}
	late, now = 0, start
	q = resolver.NewQuery(c, "www", resolver.A, rand.Reader, nil)
	for {
		tr, more := q.Next(now)
		if !more {
			break
		}
		q.Sent(stamp.Stamp{User: now}, netip.AddrPort{})
		now = tr.Deadline
		q.HandleMessage(code(tr.Message, dnsmessage.RCodeNameError), stamp.Stamp{User: now})
		late++
	}
	if _, err := q.Result(); late != 4 || kind(err) != resolver.Timeout {
		t.Errorf("%d queries, %v", late, err)
	}
}

func kind(err error) resolver.ErrorKind {
	if e := (*resolver.Error)(nil); errors.As(err, &e) {
		return e.Kind
	}
	return 0
}

func TestB101_TenThousandForgeries(t *testing.T) {
	wrong := map[string]func(*dnsmessage.Message){
		"wrong ID":       func(m *dnsmessage.Message) { m.ID++ },
		"wrong question": func(m *dnsmessage.Message) { m.Questions[0].Name = name("example.net") },
		"not a response": func(m *dnsmessage.Message) { m.Response = false },
		"wrong opcode":   func(m *dnsmessage.Message) { m.OpCode = 4 },
	}
	s := run(t, config(1), "example.com", func(_ int, _, _ string, tr resolver.Transmission) []any {
		var list []any
		for _, edit := range wrong {
			forged := reply(tr.Message, func(m *dnsmessage.Message) {
				edit(m)
				m.Answers = []dnsmessage.Resource{a("example.com", 1, "203.0.113.66")}
			})
			for range 2000 {
				list = append(list, forged)
			}
		}
		for range 2000 {
			list = append(list, []byte("short"))
		}
		return append(list, records(tr.Message, a("example.com", 1, "192.0.2.80")))
	})
	if want := []netip.Addr{netip.MustParseAddr("192.0.2.80")}; !slices.Equal(s.Addresses, want) || s.err != nil {
		t.Errorf("%v, %v", s.Addresses, s.err)
	}
	want := map[string]int{"wrong ID": 2000, "wrong question": 2000, "not a response": 2000, "wrong opcode": 2000, "malformed": 2000}
	if !reflect.DeepEqual(s.Ignored, want) {
		t.Errorf("ignored %v, want %v", s.Ignored, want)
	}
	if len(s.Events) != 1+len(want)+1 || len(s.asked) != 1 {
		t.Errorf("%d events, %d queries", len(s.Events), len(s.asked))
	}
}

func TestB103_SecondAnswer(t *testing.T) {
	first := func(q []byte) []byte {
		return records(q, a("example.com", 1, "192.0.2.80"), a("example.com", 1, "192.0.2.81"))
	}
	nothing := func(q []byte) []byte { return records(q) }
	for _, test := range []struct {
		name     string
		first    func(q []byte) []byte
		second   func(q []byte) []byte
		conflict bool
	}{
		{"no such name, after no address", nothing, func(q []byte) []byte { return code(q, dnsmessage.RCodeNameError) }, true},
		{"the same", first, first, false},
		{"the same in another order", first, func(q []byte) []byte {
			return records(q, a("example.com", 9, "192.0.2.81"), a("example.com", 9, "192.0.2.80"))
		}, false},
		{"another address", first, func(q []byte) []byte { return records(q, a("example.com", 1, "203.0.113.66")) }, true},
		{"another code", first, func(q []byte) []byte { return code(q, dnsmessage.RCodeNameError) }, true},
		{"of another query", first, func(q []byte) []byte { return with(code(q, dnsmessage.RCodeNameError), 0, ^q[0]) }, false},
	} {
		s := run(t, config(1), "example.com", func(_ int, _, _ string, tr resolver.Transmission) []any {
			return []any{test.first(tr.Message), test.second(tr.Message)}
		})
		last := s.events[len(s.events)-1]
		if s.Conflict != test.conflict || (last.Kind == resolver.AnswerConflict) != test.conflict || (len(s.Addresses) == 2) != (s.err == nil) {
			t.Errorf("%s: conflict %v, %v, last event %v", test.name, s.Conflict, s.Addresses, last.Kind)
		}
	}
}

func TestEventsTellTheWholeStory(t *testing.T) {
	s := run(t, config(2), "www.example.com", func(n int, _, qname string, tr resolver.Transmission) []any {
		switch n {
		case 1:
			return []any{[]byte("\x00")}
		case 2:
			return []any{errBroke}
		case 3:
			return []any{reply(tr.Message, func(m *dnsmessage.Message) { m.Truncated = true })}
		}
		return []any{records(tr.Message, cname(qname, 7, "b.example"), a("b.example", 9, "192.0.2.80"))}
	})
	var got []string
	for _, e := range s.events {
		line := fmt.Sprintf("%d %v %v %v :%d %s", e.Attempt, e.Kind, e.Transport, e.Server.Addr(), e.Local.Port(), e.Name)
		if e.RCode != "" {
			line += fmt.Sprintf(" %s tc=%v %v %v %d", e.RCode, e.Truncated, e.Addresses, e.CNAME, e.TTL)
		}
		if e.Reason != "" {
			line += ": " + e.Reason
		}
		if sent := e.Sent.User; e.Stamp.User.Before(sent) || sent.IsZero() {
			t.Errorf("%s at %v, of a query sent at %v", line, e.Stamp.User, sent)
		}
		var m dnsmessage.Message
		if message := e.Kind == resolver.QuerySent || e.RCode != ""; message && (m.Unpack(e.Octets) != nil || m.Response != (e.RCode != "")) {
			t.Errorf("%s: % x", line, e.Octets)
		}
		got = append(got, line)
	}
	want := []string{
		"1 query udp 192.0.2.1 :40001 www.example.com",
		"1 ignored udp 192.0.2.1 :40001 www.example.com: malformed",
		"1 no answer udp 192.0.2.1 :40001 www.example.com: no answer in time; what came did not answer the query: malformed",
		"2 query udp 192.0.2.2 :40002 www.example.com",
		"2 failed udp 192.0.2.2 :40002 www.example.com: it broke",
		"3 query udp 192.0.2.1 :40003 www.example.com",
		"3 answer udp 192.0.2.1 :40003 www.example.com NOERROR tc=true [] [] 0",
		"4 query tcp 192.0.2.1 :40004 www.example.com",
		"4 answer tcp 192.0.2.1 :40004 www.example.com NOERROR tc=false [192.0.2.80] [b.example] 7",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	if !reflect.DeepEqual(s.events, s.Events) {
		t.Error("the result has other events than were told")
	}
}

func TestStampedAfterwards(t *testing.T) {
	start := time.Unix(5000, 0)
	at := func(us int) time.Time { return start.Add(time.Duration(us) * time.Microsecond) }
	q := resolver.NewQuery(config(1), "example.com", resolver.A, rand.Reader, nil)
	tr, _ := q.Next(start)
	q.Stamped(at(1)) // of nothing that was sent
	q.Sent(stamp.Stamp{User: at(10)}, netip.AddrPort{})
	q.Stamped(at(15))
	q.HandleMessage(records(tr.Message, a("example.com", 1, "192.0.2.80")), stamp.Stamp{User: at(900), Kernel: at(415)})
	r, err := q.Result()
	if err != nil || r.Duration != 400*time.Microsecond || r.Clock != stamp.Kernel {
		t.Errorf("%v by the %v clock, %v", r.Duration, r.Clock, err)
	}
	if want := (stamp.Stamp{User: at(10), Kernel: at(15)}); r.Events[0].Stamp != want || r.Events[1].Sent != want {
		t.Errorf("query at %v, answer to %v, want %v", r.Events[0].Stamp, r.Events[1].Sent, want)
	}
}

func TestStop(t *testing.T) {
	start := time.Unix(5000, 0)
	q := resolver.NewQuery(config(1), "example.com", resolver.A, rand.Reader, nil)
	q.Next(start)
	q.Sent(stamp.Stamp{User: start}, netip.AddrPort{})
	q.Stop(errBroke, start.Add(time.Second))
	if _, more := q.Next(start.Add(time.Second)); more {
		t.Error("it goes on")
	}
	r, err := q.Result()
	if kind(err) != resolver.Interrupted || !errors.Is(err, errBroke) || r.Duration != time.Second || r.Name != "example.com" {
		t.Errorf("%+v, %v", r, err)
	}
}

func TestNothingToAsk(t *testing.T) {
	for _, test := range []struct {
		c    resolver.Config
		host string
		want resolver.ErrorKind
	}{
		{resolver.Config{}, "example.com", resolver.BadConfig},
		{config(1), "x.localhost", resolver.NoSuchName},
		{config(1), "x.invalid.", resolver.NoSuchName},
		{config(1), "a..b", resolver.BadName},
		{config(1), ".", resolver.BadName},
	} {
		s := run(t, test.c, test.host, nil)
		if s.err == nil || s.err.Kind != test.want || len(s.asked) != 0 || s.RCode != "" {
			t.Errorf("%q: %v, asked %v", test.host, s.err, s.asked)
		}
	}
}

func TestB100_IDsComeFromTheSource(t *testing.T) {
	q := resolver.NewQuery(config(1), "example.com", resolver.A, bytes.NewReader([]byte{0xa1, 0xb2, 1, 2, 0xc3, 0xd4, 3, 4}), nil)
	now := time.Unix(5000, 0)
	for _, want := range []uint16{0xa1b2, 0xc3d4} {
		tr, _ := q.Next(now)
		if got := parse(tr.Message).ID; got != want {
			t.Errorf("ID %#04x, want %#04x", got, want)
		}
		now = tr.Deadline
	}
	q = resolver.NewQuery(config(1), "example.com", resolver.A, iotest.ErrReader(errBroke), nil)
	if _, more := q.Next(now); more {
		t.Error("a query without a random ID")
	}
	if _, err := q.Result(); kind(err) != resolver.LocalFault || !errors.Is(err, errBroke) {
		t.Errorf("error %v", err)
	}
}

func TestB123_IDsAreUniform(t *testing.T) {
	const n = 100_000
	var high, low, difference [256]float64
	last := uint16(0)
	now := time.Unix(5000, 0)
	for range n / 2 {
		q := resolver.NewQuery(config(1), "example.com", resolver.A, rand.Reader, nil)
		for range 2 {
			tr, _ := q.Next(now)
			id := uint16(tr.Message[0])<<8 | uint16(tr.Message[1])
			high[id>>8]++
			low[id&0xff]++
			difference[(id-last)>>8]++
			last = id
		}
	}
	for what, bins := range map[string][256]float64{"high octets": high, "low octets": low, "differences": difference} {
		chi := 0.0
		for _, count := range bins {
			chi += math.Pow(count-n/256.0, 2) / (n / 256.0)
		}
		// 255 degrees of freedom: beyond 400 lies less than one run in ten million.
		if chi > 400 {
			t.Errorf("%s of %d IDs: chi-square %.0f", what, n, chi)
		}
	}
}
