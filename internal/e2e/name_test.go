//go:build linux

package e2e_test

import (
	"net"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/dns/dnsmessage"

	"tcpprobe/internal/exit"
	"tcpprobe/internal/netlab/labtest"
)

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

// TestNameMovesAndFails: in a series a name is looked up again when its TTL is over. Where that fails it is one handshake that
// failed, and the next one asks again.
func TestNameMovesAndFails(t *testing.T) {
	t.Parallel()
	n := labtest.Journey(t)
	must(t, n.Server.Address("eth0", netip.MustParsePrefix("10.3.0.81/24")))
	var queries int
	answerDNS(t, n, func(conn net.PacketConn, from net.Addr, query dnsmessage.Message) {
		queries++
		answer := reply(query, [4]byte{10, 3, 0, 80})
		switch queries {
		case 1:
		case 2:
			answer.Answers, answer.RCode = nil, dnsmessage.RCodeNameError
		default:
			answer = reply(query, [4]byte{10, 3, 0, 81})
		}
		for i := range answer.Answers {
			answer.Answers[i].Header.TTL = 1
		}
		packed, err := answer.Pack()
		if err != nil {
			t.Error(err)
		}
		conn.WriteTo(packed, from)
	})
	l := probeJSON(t, n.Client, "--dns=10.3.0.54", "moving.test:80", "-c=3", "-i=1200ms", "--close=rst")
	var ended []string
	for _, p := range l.probes {
		remote := ""
		if p.TCP != nil {
			remote = p.TCP.Remote
		}
		ended = append(ended, p.Outcome+" "+remote)
	}
	want := []string{"established 10.3.0.80:80", "dns_error ", "established 10.3.0.81:80"}
	if l.code != exit.Mixed || !slices.Equal(ended, want) {
		t.Errorf("exit code %d, %q; want %d, %q", l.code, ended, exit.Mixed, want)
	}
	if s := l.summaries[0]; s.Sent != 3 || s.Established != 2 {
		t.Errorf("the summary: %+v", s)
	}
}

// TestAllWithinMaxTargets: the addresses of a name count as targets.
func TestAllWithinMaxTargets(t *testing.T) {
	t.Parallel()
	n := labtest.Journey(t)
	p := probeOnce(t, n.Client, exit.System, "local_error", labDNS, "--all", "--max-targets=2", "multi.lab.test:80")
	if !strings.Contains(p.Reason, "more than the 2 targets") {
		t.Errorf("%s", p.Reason)
	}
	if l := probeJSON(t, n.Client, labDNS, "--all", "--max-targets=3", "multi.lab.test:80", "-W=300ms", "--retries=0"); len(l.probes) != 3 {
		t.Errorf("%d handshakes, want 3", len(l.probes))
	}
}
