//go:build linux

package cli

import (
	"fmt"
	"net"
	"net/netip"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"golang.org/x/net/dns/dnsmessage"

	"tcpprobe/internal/exit"
	"tcpprobe/internal/netlab"
	"tcpprobe/internal/netlab/labtest"
)

// labDNS names the lab's server, so that no test asks another.
const labDNS = "--dns=10.3.0.53"

// timeless replaces what differs from run to run: times, which are all printed with three decimals or as a sum of SYNs,
// and where the last line breaks for them.
func timeless(text string) string {
	text = strings.ReplaceAll(text, "\n  (", "  (")
	text = regexp.MustCompile(`(?m) +\d+\.\d{3} ms`).ReplaceAllString(text, " T ms")
	return regexp.MustCompile(`(?m)(^ *)?\b\d+\.\d{3}\b`).ReplaceAllString(text, "T")
}

// checkText checks what a run printed, but for the times, and its exit code.
func checkText(t *testing.T, r ran, code int, want string) {
	t.Helper()
	if got := timeless(r.stdout); got != strings.TrimPrefix(want, "\n") || r.code != code || r.stderr != "" {
		t.Errorf("exit code %d, want %d; stderr %q; stdout, but for the times:\n%s\nwant%s", r.code, code, r.stderr, got, want)
	}
	for line := range strings.Lines(r.stdout) {
		if n := utf8.RuneCountInString(strings.TrimSuffix(line, "\n")); n > 80 {
			t.Errorf("a line of %d columns: %s", n, line)
		}
	}
}

func TestLadder(t *testing.T) {
	t.Parallel()
	n := labtest.Journey(t)
	t.Run("established", func(t *testing.T) {
		// A server that has not closed yet may acknowledge our FIN before it sends its own.
		r := tcpprobe(t, n.Client, labDNS, "www.lab.test:80")
		r.stdout = regexp.MustCompile(`(?m)^.*FIN_WAIT2\n`).ReplaceAllString(r.stdout, "")
		checkText(t, r, 0, `
T  DNS  ──▶  A? www.lab.test                ask 10.3.0.53
T  DNS  ◀──  A 10.3.0.80                    ttl 0 T ms
T  IP        via 10.1.0.1 on eth0, from 10.1.0.2
T  ARP  ──▶  who has 10.1.0.1
T  ARP  ◀──  10.1.0.1 is at 02:00:0a:01:00:01 T ms
T  TCP  ──▶  SYN      [000010]  mss 1460 ws 7 sack ts
T  TCP  ◀──  SYN,ACK  [010010]  mss 1460 ws 10 sack ts  ttl 62 T ms
T  TCP  ──▶  ACK      [010000]  ESTABLISHED T ms
T  TCP  ──▶  FIN,ACK  [010001]
T  TCP  ◀──  FIN,ACK  [010001] T ms
T  TCP  ──▶  ACK      [010000]  TIME_WAIT
ESTABLISHED  www.lab.test:80  rtt T ms  connect T ms  (dns T, arp T)
`)
	})
	t.Run("refused", func(t *testing.T) {
		checkText(t, tcpprobe(t, n.Client, "10.3.0.80:81"), 1, `
T  IP        via 10.1.0.1 on eth0, from 10.1.0.2
T  ARP  ──▶  who has 10.1.0.1
T  ARP  ◀──  10.1.0.1 is at 02:00:0a:01:00:01 T ms
T  TCP  ──▶  SYN      [000010]  mss 1460 ws 7 sack ts
T  TCP  ◀──  RST,ACK  [010100]  ttl 62 T ms
REFUSED  10.3.0.80:81  reset after T ms
  A RST in its name: nothing listens on port 81, or a firewall sent it.
`)
	})
	t.Run("no such name", func(t *testing.T) {
		checkText(t, tcpprobe(t, n.Client, labDNS, "nobody.lab.test:80"), 4, `
T  DNS  ──▶  A? nobody.lab.test             ask 10.3.0.53
T  DNS  ◀──  NXDOMAIN T ms
DNS_ERROR  nobody.lab.test:80  does not exist, says 10.3.0.53 (NXDOMAIN)
  No segment was sent, since there is no address to send it to.
  Next: look at the spelling, or ask another server with --dns SERVER.
`)
	})
	t.Run("quiet", func(t *testing.T) {
		checkText(t, tcpprobe(t, n.Client, labDNS, "-q", "www.lab.test:80", "www.lab.test:81"), 6, `
ESTABLISHED  www.lab.test:80  rtt T ms  connect T ms
REFUSED  www.lab.test:81  reset after T ms
`)
	})
	t.Run("another locale", func(t *testing.T) {
		cmd := program(t.Context(), n.Client, "10.3.0.80:80")
		cmd.Env = append(cmd.Env, "LC_ALL=", "LC_CTYPE=", "LANG=C")
		r := finish(t, cmd)
		if i := strings.IndexFunc(r.stdout, func(r rune) bool { return r >= utf8.RuneSelf }); r.code != 0 || i >= 0 {
			t.Errorf("exit code %d; not ASCII: %q", r.code, r.stdout[max(i, 0):])
		}
		for _, want := range []string{"TCP  -->  SYN  ", "TCP  <--  SYN,ACK  "} {
			if !strings.Contains(r.stdout, want) {
				t.Errorf("there is no %q", want)
			}
		}
	})
	t.Run("color", func(t *testing.T) {
		sgr := regexp.MustCompile("\x1b\\[[0-9;]*m")
		plain := tcpprobe(t, n.Client, "10.3.0.80:81", "--color=never")
		colored := tcpprobe(t, n.Client, "10.3.0.80:81", "--color=always")
		if sgr.MatchString(plain.stdout) || !sgr.MatchString(colored.stdout) {
			t.Errorf("color where there should be none, or none where there should be:\n%q\n%q", plain.stdout, colored.stdout)
		}
		if got, want := timeless(sgr.ReplaceAllString(colored.stdout, "")), timeless(plain.stdout); got != want {
			t.Errorf("with color:\n%s\nwithout:\n%s", got, want)
		}
	})
	t.Run("verbose", func(t *testing.T) {
		r := tcpprobe(t, n.Client, "10.3.0.80:80", "-v")
		for _, want := range []string{"options   mss 1460, sackok, ts val ", "ecr 0, nop, ws 7 (×128)", "DF ttl 64 tos 0x00 len 60", "clock     kernel"} {
			if !strings.Contains(r.stdout, want) {
				t.Errorf("there is no %q", want)
			}
		}
	})
}

// reject has a router answer TCP segments that it forwards to ports 1000 and more with the ICMP error of that code.
const reject = `table ip refusals {
	chain forward {
		type filter hook forward priority filter
		tcp dport 1000 reject with icmp net-unreachable
		tcp dport 1001 reject with icmp host-unreachable
		tcp dport 1002 reject with icmp prot-unreachable
		tcp dport 1003 reject with icmp port-unreachable
		tcp dport 1009 reject with icmp net-prohibited
		tcp dport 1010 reject with icmp host-prohibited
		tcp dport 1013 reject with icmp admin-prohibited
		tcp dport 1100 reject with tcp reset
	}
}`

func TestUnreachable(t *testing.T) {
	t.Parallel()
	n := labtest.Journey(t)
	labtest.Nft(t, n.R1, reject)
	for _, test := range []struct {
		code int
		name string
	}{
		{0, "network unreachable"},
		{1, "host unreachable"},
		{2, "protocol unreachable"},
		{3, "port unreachable"},
		{9, "network prohibited"},
		{10, "host prohibited"},
		{13, "administratively prohibited"},
	} {
		for _, send := range []string{"link", "ip"} {
			t.Run(fmt.Sprintf("3 %d %s", test.code, send), func(t *testing.T) {
				target := fmt.Sprintf("10.3.0.80:%d", 1000+test.code)
				p := probeOnce(t, n.Client, exit.Unreachable, "unreachable", "--send", send, target)
				if len(p.ICMP) != 1 {
					t.Fatalf("%d ICMP errors, want 1", len(p.ICMP))
				}
				i := p.ICMP[0]
				if i.From != "10.1.0.1" || i.Type != 3 || i.Code != test.code || !strings.Contains(i.Name, test.name) || i.Hops != 1 {
					t.Errorf("%s %d/%d %q, %d hops; want 10.1.0.1 3/%d %q, 1 hop", i.From, i.Type, i.Code, i.Name, i.Hops, test.code, test.name)
				}
				if p.TCP.SYNSent != 1 || p.TCP.RTT == nil || *p.TCP.RTT <= 0 {
					t.Errorf("%d SYNs, rtt %v; want 1 and a time", p.TCP.SYNSent, p.TCP.RTT)
				}
			})
		}
	}
	t.Run("reset by a firewall", func(t *testing.T) {
		probeOnce(t, n.Client, exit.Refused, "refused", "10.3.0.80:1100")
	})

	for prefix, kind := range map[string]netlab.RouteType{
		"10.9.1.0/24": netlab.Unreachable, "10.9.2.0/24": netlab.Prohibit, "10.9.3.0/24": netlab.Blackhole,
	} {
		must(t, n.R2.Route(netlab.Route{Dst: netip.MustParsePrefix(prefix), Type: kind}))
	}
	for address, code := range map[string]int{"10.9.1.1": 1, "10.9.2.1": 13} {
		p := probeOnce(t, n.Client, exit.Unreachable, "unreachable", address+":80")
		if len(p.ICMP) != 1 || p.ICMP[0].Code != code || p.ICMP[0].From != "10.2.0.2" {
			t.Errorf("%s: %+v, want 3/%d from 10.2.0.2", address, p.ICMP, code)
		}
	}
	p := probeOnce(t, n.Client, exit.Timeout, "timeout", "10.9.3.1:80", "-W", "100ms")
	if p.TCP.SYNSent != 1 || p.ICMP != nil || p.TCP.RTT != nil {
		t.Errorf("from a black hole: %d SYNs, ICMP %+v, rtt %v", p.TCP.SYNSent, p.ICMP, p.TCP.RTT)
	}
}

// TestUnreachableByOurselves: on the IP path the kernel looks for the next hop, and says to itself that it found none.
func TestUnreachableByOurselves(t *testing.T) {
	t.Parallel()
	a, _ := labtest.Pair(t)
	r := tcpprobe(t, a, "--send=ip", "-W=10s", "10.0.0.99:80")
	want := "UNREACHABLE  10.0.0.99:80  host unreachable, says this host\n"
	if advice := "The kernel asked the link for the next hop"; r.code != exit.Unreachable || !strings.Contains(r.stdout, want) || !strings.Contains(r.stdout, advice) {
		t.Errorf("exit code %d, want %d and %q", r.code, exit.Unreachable, want)
	}
}

func TestICMPReport(t *testing.T) {
	t.Parallel()
	n := labtest.Journey(t)
	labtest.Nft(t, n.R1, reject)
	labtest.Nft(t, n.R1, `table ip first {
		chain forward {
			type filter hook forward priority filter
			tcp dport 80 tcp flags & (syn | ack) == syn numgen inc mod 2 == 0 reject with icmp host-unreachable
		}
	}`)
	t.Run("then nothing", func(t *testing.T) {
		p := probeOnce(t, n.Client, exit.Unreachable, "unreachable", "--icmp=report", "-W", "1500ms", "10.3.0.80:1013")
		if len(p.ICMP) != 2 || p.ICMP[0].Code != 13 || p.ICMP[1].Code != 13 || p.TCP.SYNSent != 2 {
			t.Errorf("%d SYNs, ICMP %+v; want 2 SYNs and 3/13 for each", p.TCP.SYNSent, p.ICMP)
		}
	})
	t.Run("then an answer", func(t *testing.T) {
		p := probeOnce(t, n.Client, exit.Established, "established", "--icmp=report", "10.3.0.80:80")
		if !slices.Contains(p.Findings, "icmp_then_answer") || len(p.ICMP) != 1 || p.TCP.AnsweredSYN != 2 {
			t.Errorf("findings %q, ICMP %+v, answered SYN %d; want icmp_then_answer, one, 2", p.Findings, p.ICMP, p.TCP.AnsweredSYN)
		}
	})
	t.Run("or the end", func(t *testing.T) {
		probeOnce(t, n.Client, exit.Unreachable, "unreachable", "10.3.0.80:80")
	})
}

func TestNoNextHop(t *testing.T) {
	t.Parallel()
	a, _ := labtest.Pair(t)
	must(t, a.Route(netlab.Route{Dst: netip.MustParsePrefix("10.7.0.0/16"), NextHop: netip.MustParseAddr("10.0.0.99")}))

	p := probeOnce(t, a, exit.NoNextHop, "arp_timeout", "10.7.0.1:80")
	if p.ARP == nil || p.ARP.Address != "10.0.0.99" || p.ARP.Attempts != 3 || p.ARP.MAC != "" || p.TCP != nil {
		t.Errorf("a silent gateway: arp %+v, tcp %+v", p.ARP, p.TCP)
	}
	p = probeOnce(t, a, exit.NoNextHop, "no_route", "10.8.0.1:80")
	if p.Route != nil || p.ARP != nil || p.TCP != nil {
		t.Errorf("no route: route %+v, arp %+v, tcp %+v", p.Route, p.ARP, p.TCP)
	}
}

// loseEverySecond has a router lose the first SYN that it forwards, and every second one from there.
const loseEverySecond = `table ip lose {
	chain forward {
		type filter hook forward priority filter
		tcp flags & (syn | ack) == syn numgen inc mod 2 == 0 drop
	}
}`

func TestEverySecondSYNLost(t *testing.T) {
	t.Parallel()
	n := labtest.Journey(t)
	labtest.Nft(t, n.R1, loseEverySecond)
	for _, send := range []string{"link", "ip"} {
		p := probeOnce(t, n.Client, exit.Established, "established", "--send", send, "10.3.0.80:80")
		tcp := p.TCP
		if tcp.SYNSent != 2 || tcp.AnsweredSYN != 2 || tcp.Ambiguous || !slices.Equal(p.Findings, []string{"syn_retransmitted"}) {
			t.Errorf("%d SYNs, number %d answered, ambiguous %v, findings %q", tcp.SYNSent, tcp.AnsweredSYN, tcp.Ambiguous, p.Findings)
		}
		if *tcp.RTT <= 0 || *tcp.RTT > int64(500*time.Millisecond) || *tcp.Connect < int64(time.Second) {
			t.Errorf("rtt %d ns, connect %d ns; want far less than a second, and more than one", *tcp.RTT, *tcp.Connect)
		}
	}
}

// TestNoResetByTheKernel shows that the guard holds: in a thousand handshakes the kernel takes no part.
func TestNoResetByTheKernel(t *testing.T) {
	t.Parallel()
	n := labtest.Journey(t)
	for _, test := range []struct {
		count int
		args  []string
	}{
		{1000, nil},
		{100, []string{"--close=rst"}},
		{100, []string{"--close=half"}},
		{100, []string{"--send=ip"}},
		{100, []string{"--close=none"}}, // the last, since the server keeps its side of these
	} {
		before := labtest.SNMP(t, n.Client)
		args := append([]string{"10.3.0.80:80", "-i=1ms", fmt.Sprintf("-c%d", test.count)}, test.args...)
		l := probeJSON(t, n.Client, args...)
		after := labtest.SNMP(t, n.Client)
		if resets := after["Tcp.OutRsts"] - before["Tcp.OutRsts"]; resets != 0 {
			t.Errorf("%q: the kernel sent %d RSTs", args, resets)
		}
		if l.code != 0 || len(l.probes) != test.count || l.summaries[0].Established != test.count || l.summaries[0].Loss != 0 {
			t.Errorf("%q: exit code %d, %d handshakes, %+v", args, l.code, len(l.probes), l.summaries)
		}
		for _, p := range l.probes {
			if p.Outcome != "established" || p.TCP.SYNSent != 1 || len(p.Findings) != 0 {
				t.Errorf("%q: number %d: %s: %s, findings %q", args, p.Seq, p.Outcome, p.Reason, p.Findings)
				break
			}
		}
	}
}

func TestNames(t *testing.T) {
	t.Parallel()
	n := labtest.Journey(t)
	t.Run("alias", func(t *testing.T) {
		d := probeOnce(t, n.Client, exit.Established, "established", labDNS, "alias.lab.test:80").DNS
		if d.Source != "dns" || d.Server != "10.3.0.53:53" || !slices.Equal(d.CNAME, []string{"www.lab.test"}) || !slices.Equal(d.Addresses, []string{"10.3.0.80"}) {
			t.Errorf("%+v", d)
		}
	})
	t.Run("no address", func(t *testing.T) {
		p := probeOnce(t, n.Client, exit.DNS, "dns_error", labDNS, "text.lab.test:80")
		if p.DNS.RCode != "NOERROR" || p.TCP != nil {
			t.Errorf("%+v", p.DNS)
		}
	})
	t.Run("no such name", func(t *testing.T) {
		if d := probeOnce(t, n.Client, exit.DNS, "dns_error", labDNS, "nobody.lab.test:80").DNS; d.RCode != "NXDOMAIN" {
			t.Errorf("%+v", d)
		}
	})
	t.Run("refused by the server", func(t *testing.T) {
		if d := probeOnce(t, n.Client, exit.DNS, "dns_error", labDNS, "www.elsewhere.test:80").DNS; d.RCode != "REFUSED" {
			t.Errorf("%+v", d)
		}
	})
	t.Run("no server there", func(t *testing.T) {
		probeOnce(t, n.Client, exit.DNS, "dns_error", "--dns=10.3.0.80", "--dns-tries=1", "www.lab.test:80")
	})
	t.Run("literal", func(t *testing.T) {
		if d := probeOnce(t, n.Client, exit.Established, "established", "10.3.0.80:80").DNS; d != nil && d.Source != "literal" {
			t.Errorf("%+v", d)
		}
	})
	t.Run("every address", func(t *testing.T) {
		must(t, n.Server.Address("eth0", netip.MustParsePrefix("10.3.0.81/24")))
		must(t, n.Server.Address("eth0", netip.MustParsePrefix("10.3.0.82/24")))
		l := probeJSON(t, n.Client, labDNS, "--all", "multi.lab.test:80")
		var remotes []string
		for _, p := range l.probes {
			remotes = append(remotes, p.TCP.Remote)
		}
		slices.Sort(remotes)
		if want := []string{"10.3.0.80:80", "10.3.0.81:80", "10.3.0.82:80"}; l.code != 0 || !slices.Equal(remotes, want) {
			t.Errorf("exit code %d, handshakes with %q; want 0, %q", l.code, remotes, want)
		}
		// Each address has its own ladder.
		r := tcpprobe(t, n.Client, labDNS, "--all", "multi.lab.test:80")
		if strings.Count(r.stdout, "ESTABLISHED  multi.lab.test:80") != 3 || strings.Contains(r.stdout, "answers SYN") {
			t.Errorf("want three ladders, one SYN in each:\n%s", r.stdout)
		}
	})
}

// answerDNS has a server of our own answer queries at 10.3.0.54.
func answerDNS(t *testing.T, n *labtest.Network, answer func(conn net.PacketConn, from net.Addr, query dnsmessage.Message)) {
	t.Helper()
	must(t, n.Server.Address("eth0", netip.MustParsePrefix("10.3.0.54/24")))
	conn, err := n.Server.ListenPacket("udp4", "10.3.0.54:53")
	must(t, err)
	t.Cleanup(func() { conn.Close() })
	go func() {
		buffer := make([]byte, 512)
		for {
			n, from, err := conn.ReadFrom(buffer)
			if err != nil {
				return
			}
			var query dnsmessage.Message
			if err := query.Unpack(buffer[:n]); err != nil {
				t.Error(err)
				return
			}
			answer(conn, from, query)
		}
	}()
}

// reply returns an answer to a query: that its name has the address.
func reply(query dnsmessage.Message, address [4]byte) dnsmessage.Message {
	query.Response = true
	query.Additionals = nil
	query.Answers = []dnsmessage.Resource{{
		Header: dnsmessage.ResourceHeader{Name: query.Questions[0].Name, Class: dnsmessage.ClassINET, TTL: 60},
		Body:   &dnsmessage.AResource{A: address},
	}}
	return query
}

func TestLyingServer(t *testing.T) {
	t.Parallel()
	n := labtest.Journey(t)
	other, err := n.Server.ListenPacket("udp4", "10.3.0.80:53")
	must(t, err)
	defer other.Close()
	answerDNS(t, n, func(conn net.PacketConn, from net.Addr, query dnsmessage.Message) {
		lie, truth := [4]byte{10, 3, 0, 99}, [4]byte{10, 3, 0, 80}
		send := func(conn net.PacketConn, m dnsmessage.Message) {
			b, err := m.Pack()
			if err == nil {
				_, err = conn.WriteTo(b, from)
			}
			if err != nil {
				t.Error(err)
			}
		}
		wrongID := reply(query, lie)
		wrongID.ID ^= 1
		wrongQuestion := reply(query, lie)
		wrongQuestion.Questions = slices.Clone(query.Questions)
		wrongQuestion.Questions[0].Name = dnsmessage.MustNewName("ftp.lab.test.")
		notAnAnswer := reply(query, lie)
		notAnAnswer.Response = false
		send(conn, wrongID)
		send(conn, wrongQuestion)
		send(conn, notAnAnswer)
		send(other, reply(query, lie)) // from another address
		send(conn, reply(query, truth))
	})
	p := probeOnce(t, n.Client, exit.Established, "established", "--dns=10.3.0.54", "www.lab.test:80")
	if !slices.Equal(p.DNS.Addresses, []string{"10.3.0.80"}) || p.DNS.Attempts != 1 {
		t.Errorf("%+v", p.DNS)
	}
}

func TestSlowServer(t *testing.T) {
	t.Parallel()
	n := labtest.Journey(t)
	queries := 0
	answerDNS(t, n, func(conn net.PacketConn, from net.Addr, query dnsmessage.Message) {
		if queries++; queries%2 == 1 {
			return
		}
		m := reply(query, [4]byte{10, 3, 0, 80})
		b, err := m.Pack()
		if err == nil {
			_, err = conn.WriteTo(b, from)
		}
		if err != nil {
			t.Error(err)
		}
	})
	args := []string{"--dns=10.3.0.54", "--dns-timeout=300ms", "www.lab.test:80"}
	p := probeOnce(t, n.Client, exit.Established, "established", args...)
	if p.DNS.Attempts != 2 || p.TCP.SYNSent != 1 || *p.TCP.Connect > int64(200*time.Millisecond) {
		t.Errorf("%d queries, %d SYNs, connect %d ns: the lookup must not count as the handshake", p.DNS.Attempts, p.TCP.SYNSent, *p.TCP.Connect)
	}
	p = probeOnce(t, n.Client, exit.DNS, "dns_error", append(args, "--dns-tries=1")...)
	if p.DNS.Attempts != 1 || p.DNS.RCode != "" {
		t.Errorf("%+v", p.DNS)
	}
}

func TestSeries(t *testing.T) {
	t.Parallel()
	n := labtest.Journey(t)
	t.Run("text", func(t *testing.T) {
		r := tcpprobe(t, n.Client, labDNS, "-c3", "-i", "10ms", "www.lab.test:80")
		r.stdout = regexp.MustCompile(`(SYNs, 0 lost; ).*|(mdev = ).*|(jitter ).*`).ReplaceAllString(r.stdout, "${1}${2}${3}T")
		checkText(t, r, 0, `
www.lab.test:80 (10.3.0.80) from 10.1.0.2 on eth0 via 10.1.0.1
seq=1  established T ms  ttl=62
seq=2  established T ms  ttl=62
seq=3  established T ms  ttl=62
--- www.lab.test:80 (10.3.0.80) ---
3 handshakes: 3 established; 3 SYNs, 0 lost; T
rtt min/avg/p50/p99/max/mdev = T
jitter T
`)
	})
	t.Run("JSON", func(t *testing.T) {
		l := probeJSON(t, n.Client, labDNS, "-c", "20", "-i", "5ms", "www.lab.test:80", "10.3.0.80:81")
		if l.code != exit.Mixed || len(l.probes) != 40 || len(l.summaries) != 2 {
			t.Fatalf("exit code %d, %d handshakes, %d summaries; want 6, 40, 2", l.code, len(l.probes), len(l.summaries))
		}
		// The targets are probed side by side: each has its numbers, and its summary.
		slices.SortStableFunc(l.probes, func(a, b probeLine) int { return strings.Compare(b.Target, a.Target) })
		slices.SortFunc(l.summaries, func(a, b summaryLine) int { return strings.Compare(b.Target, a.Target) })
		for i, p := range l.probes {
			if p.Seq != i%20+1 {
				t.Errorf("handshake %d has number %d", i, p.Seq)
			}
		}
		s := l.summaries[0]
		if s.Target != "www.lab.test:80" || s.Sent != 20 || s.Established != 20 || s.Refused != 0 {
			t.Errorf("%+v", s)
		}
		var low, high, sum int64
		for _, p := range l.probes[:20] {
			rtt := *p.TCP.RTT
			if low == 0 || rtt < low {
				low = rtt
			}
			high = max(high, rtt)
			sum += rtt
		}
		if s.RTT.Min != low || s.RTT.Max != high || s.RTT.Avg-sum/20 > 1 || sum/20-s.RTT.Avg > 1 {
			t.Errorf("min %d, avg %d, max %d ns; want %d, %d, %d", s.RTT.Min, s.RTT.Avg, s.RTT.Max, low, sum/20, high)
		}
		if s := l.summaries[1]; s.Target != "10.3.0.80:81" || s.Sent != 20 || s.Refused != 20 {
			t.Errorf("%+v", s)
		}
	})
	t.Run("interval", func(t *testing.T) {
		l := probeJSON(t, n.Client, "-c", "3", "-i", "0.2", "10.3.0.80:80")
		if d := time.Duration(l.summaries[0].Duration); d < 395*time.Millisecond || d > 900*time.Millisecond {
			t.Errorf("three handshakes, 200 ms apart, took %v", d)
		}
	})
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
