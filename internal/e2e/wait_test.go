//go:build linux

package e2e_test

import (
	"net"
	"strings"
	"sync/atomic"
	"testing"

	"golang.org/x/net/dns/dnsmessage"

	"tcpprobe/internal/exit"
	"tcpprobe/internal/netlab/labtest"
)

// TestWaitForPort: --wait tries again until the port is open, and then it is over.
func TestWaitForPort(t *testing.T) {
	t.Parallel()
	a, b := labtest.Pair(t)
	p := start(t, a, "--wait=10m", "-i=20ms", "10.0.0.2:80")
	p.await(t, "seq=3  refused")
	serve(t, b, "10.0.0.2:80")
	r := p.end(t)
	if r.code != exit.Established || strings.Count(r.stdout, "  established ") != 1 || !strings.Contains(r.stdout, "handshakes: 1 established, ") || r.stderr != "" {
		t.Errorf("exit code %d, stderr %q", r.code, r.stderr)
	}
	// What is open is not tried twice, and of several targets each is waited for.
	if r := tcpprobe(t, a, "--wait=10m", "10.0.0.2:80", "-q"); r.code != exit.Established || !strings.Contains(r.stdout, "\n1 handshake: 1 established;") {
		t.Errorf("exit code %d, stdout %q", r.code, r.stdout)
	}
	p = start(t, a, "--wait=10m", "-i=20ms", "10.0.0.2:80", "10.0.0.2:81")
	p.await(t, "10.0.0.2:81  seq=3  refused")
	serve(t, b, "10.0.0.2:81")
	if r := p.end(t); r.code != exit.Established || strings.Count(r.stdout, "  established ") != 2 {
		t.Errorf("two targets: exit code %d, stderr %q", r.code, r.stderr)
	}
}

// TestWaitForName: a name that does not resolve yet is asked for again.
func TestWaitForName(t *testing.T) {
	t.Parallel()
	n := labtest.Journey(t)
	var known atomic.Bool
	answerDNS(t, n, func(conn net.PacketConn, from net.Addr, query dnsmessage.Message) {
		answer := reply(query, [4]byte{10, 3, 0, 80})
		if !known.Load() {
			answer.Answers, answer.RCode = nil, dnsmessage.RCodeNameError
		}
		packed, err := answer.Pack()
		if err == nil {
			_, err = conn.WriteTo(packed, from)
		}
		if err != nil {
			t.Error(err)
		}
	})
	p := start(t, n.Client, "--wait=10m", "-i=20ms", "--dns=10.3.0.54", "new.test:80")
	p.await(t, "seq=2  dns_error")
	known.Store(true)
	if r := p.end(t); r.code != exit.Established || strings.Count(r.stdout, "  established ") != 1 || r.stderr != "" {
		t.Errorf("exit code %d, stderr %q", r.code, r.stderr)
	}
}

// TestWaitIsOver: when the time is over, the exit code is that of the last handshake, of each target.
func TestWaitIsOver(t *testing.T) {
	t.Parallel()
	a, b := labtest.Pair(t)
	labtest.Nft(t, b, silence)
	serve(t, b, "10.0.0.2:90")
	sink, err := b.ListenPacket("udp4", "10.0.0.2:53")
	must(t, err)
	defer sink.Close()
	for _, test := range []struct {
		args string
		code int
		want string
	}{
		{"10.0.0.2:7", exit.Refused, " refused; "},
		{"10.0.0.2:80", exit.Timeout, "\n1 handshake: 0 established, 1 timeout; "},
		{"10.0.0.2:80 -W 50ms", exit.Timeout, " timeout; "},
		{"10.0.0.2:7 --send connect", exit.Refused, " refused; "},
		{"10.0.0.2:80 --send connect", exit.Timeout, "\n1 handshake: 0 established, 1 timeout; "},
		{"10.0.0.77:80", exit.NoNextHop, "\n1 handshake: 0 established, 1 failed; "},
		{"www.lab.test:80 --dns 10.0.0.2", exit.DNS, "\n1 handshake: 0 established, 1 failed; "},
		{"10.9.9.9:80", exit.NoNextHop, " failed; "},
		{"10.0.0.2:90 10.0.0.2:7", exit.Mixed, "1 established"},
		{"10.0.0.2:90 10.0.0.2:7 --require any", exit.Established, "1 established"},
		{"10.0.0.2:80 10.0.0.77:80", exit.Mixed, "1 timeout"},
	} {
		r := tcpprobe(t, a, append([]string{"--wait=700ms", "-i=50ms", "-q"}, strings.Fields(test.args)...)...)
		if r.code != test.code || !strings.Contains(r.stdout, test.want) {
			t.Errorf("%s: exit code %d, want %d; %q is not in\n%s%s", test.args, r.code, test.code, test.want, r.stdout, r.stderr)
		}
	}
}
