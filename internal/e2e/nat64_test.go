//go:build linux

package e2e_test

import (
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"golang.org/x/net/dns/dnsmessage"

	"tcpprobe/internal/exit"
	"tcpprobe/internal/nat64"
	"tcpprobe/internal/netlab"
	"tcpprobe/internal/netlab/labtest"
)

// dns64 is a name server that makes IPv6 addresses of IPv4 addresses.
type dns64 struct {
	server string       // as --dns names it
	asked  atomic.Int32 // how often, for ipv4only.arpa
}

// startDNS64 starts a name server at the server's own address and a port, for names that have IPv4 addresses alone. Without a
// prefix it makes none.
func startDNS64(t *testing.T, h *netlab.Host, port, prefix string) *dns64 {
	t.Helper()
	d := &dns64{server: net.JoinHostPort("2001:db8:3::53", port)}
	conn, err := h.ListenPacket("udp", d.server)
	must(t, err)
	t.Cleanup(func() { conn.Close() })
	names := map[string][]string{
		"ipv4only.arpa.": {"192.0.0.170", "192.0.0.171"},
		"v4.lab.test.":   {"192.0.2.80"},
		"ten.lab.test.":  {"10.3.0.80"},
	}
	go func() {
		for b := make([]byte, 1500); ; {
			size, from, err := conn.ReadFrom(b)
			if err != nil {
				return // it is closed
			}
			var m dnsmessage.Message
			if err := m.Unpack(b[:size]); err != nil {
				t.Error(err)
				return
			}
			question := m.Questions[0]
			if question.Name.String() == "ipv4only.arpa." {
				d.asked.Add(1)
			}
			m.Response, m.Additionals = true, nil
			for _, address := range names[question.Name.String()] {
				v4 := netip.MustParseAddr(address)
				r := dnsmessage.Resource{Header: dnsmessage.ResourceHeader{Name: question.Name, Class: dnsmessage.ClassINET, TTL: 60}}
				switch {
				case question.Type == dnsmessage.TypeA:
					r.Body = &dnsmessage.AResource{A: v4.As4()}
				case prefix == "":
					continue
				default:
					a, _ := nat64.Embed(netip.MustParsePrefix(prefix), v4)
					r.Body = &dnsmessage.AAAAResource{AAAA: a.As16()}
				}
				m.Answers = append(m.Answers, r)
			}
			octets, err := m.Pack()
			if err == nil {
				_, err = conn.WriteTo(octets, from)
			}
			if err != nil {
				t.Error(err)
			}
		}
	}()
	return d
}

// translated builds the network of both families, in which the server answers for all addresses behind two prefixes.
func translated(t *testing.T) *labtest.Network {
	t.Helper()
	n := labtest.DualStack(t)
	for _, prefix := range []string{"64:ff9b::/96", "2001:db8:64::/96"} {
		inHost(t, n.R2, "-6 route add "+prefix+" via 2001:db8:3::80")
		inHost(t, n.Server, "-6 route add local "+prefix+" dev lo")
	}
	return n
}

// inHost runs ip(8) in a host.
func inHost(t *testing.T, h *netlab.Host, args string) {
	t.Helper()
	if out, err := h.Command(t.Context(), "ip", strings.Fields(args)...).CombinedOutput(); err != nil {
		t.Fatalf("ip %s: %v\n%s", args, err, out)
	}
}

// checkNAT64 says what is wrong with what a handshake says of a translator.
func checkNAT64(t *testing.T, p probeLine, prefix, address, synthesized string) {
	t.Helper()
	want := nat64Line{prefix, address, synthesized}
	if p.NAT64 == nil || *p.NAT64 != want {
		t.Errorf("%s: nat64 %+v, want %+v", p.Target, p.NAT64, want)
	}
}

// checkPhrases says what is missing of what a run says, however its lines are wrapped, which depends on how long times are.
func checkPhrases(t *testing.T, r ran, phrases ...string) {
	t.Helper()
	said := strings.Join(strings.Fields(r.stdout), " ")
	for _, phrase := range phrases {
		if !strings.Contains(said, phrase) {
			t.Errorf("exit code %d; there is no %q in\n%s", r.code, phrase, r.stdout)
		}
	}
}

// A handshake through a translator says so, and whom it is with, by whatever prefix the network has.
func TestThroughNAT64(t *testing.T) {
	t.Parallel()
	n := translated(t)
	own, well, none := startDNS64(t, n.Server, "5301", "2001:db8:64::/96"), startDNS64(t, n.Server, "5302", "64:ff9b::/96"), startDNS64(t, n.Server, "5303", "")
	const target = "[64:ff9b::c000:250]:80"
	for _, send := range []string{"link", "ip", "connect"} {
		p := probeOnce(t, n.Client, exit.Established, "established", "--send", send, "--dns", none.server, target)
		checkNAT64(t, p, "64:ff9b::/96", "192.0.2.80", "64:ff9b::c000:250")
	}
	for args, want := range map[string]string{
		target:                               "\n  through NAT64 64:ff9b::/96: 192.0.2.80 behind it\n",
		target + " -c2 -i50ms":               "\nthrough NAT64 64:ff9b::/96: 192.0.2.80 behind it\n",
		"v4.lab.test:80 --dns " + own.server: "\n  through NAT64 2001:db8:64::/96: 192.0.2.80 behind it\n",
	} {
		if r := tcpprobe(t, n.Client, strings.Fields(args)...); r.code != exit.Established || !strings.Contains(r.stdout, want) {
			t.Errorf("%s: exit code %d, want %q in\n%s", args, r.code, want, r.stdout)
		}
	}
	own.asked.Store(0)
	l := probeJSON(t, n.Client, "--dns", own.server, "-6", "-c2", "-i50ms", "v4.lab.test:80")
	for _, p := range l.probes {
		checkNAT64(t, p, "2001:db8:64::/96", "192.0.2.80", "2001:db8:64::c000:250")
	}
	if asked := own.asked.Load(); asked != 1 || len(l.probes) != 2 {
		t.Errorf("%d handshakes, asked %d times for ipv4only.arpa, want once", len(l.probes), asked)
	}
	p := probeOnce(t, n.Client, exit.Established, "established", "--dns", well.server, "-6", "v4.lab.test:80")
	checkNAT64(t, p, "64:ff9b::/96", "192.0.2.80", "64:ff9b::c000:250")
	checkPhrases(t, tcpprobe(t, n.Client, "trace", target),
		" 3 64:ff9b::c000:250 ", "ESTABLISHED [64:ff9b::c000:250]:80 3 hops",
		"through NAT64 64:ff9b::/96 between hop 2, 2001:db8:2::2, and hop 3, 64:ff9b::c000:250: 192.0.2.80 behind it")
	p = probeOnce(t, n.Client, exit.Established, "established", labDNS, "dual.lab.test:80")
	if asked := well.asked.Load() + none.asked.Load(); p.NAT64 != nil || asked != 0 {
		t.Errorf("nat64 %+v of a name with addresses of its own; asked %d times where the prefix is known", p.NAT64, asked)
	}
}

// A real translator is told of in a handshake and in a trace, with the routers behind it.
func TestTranslatorInTrace(t *testing.T) {
	if !isRoot(t) {
		t.Skip("tayga sets its interface up as root of the system alone")
	}
	t.Parallel()
	n := labtest.DualStack(t)
	names := startDNS64(t, n.Server, "5301", "2001:db8:64::/96")
	labtest.NeedTool(t, "tayga")
	dir := t.TempDir()
	config := filepath.Join(dir, "tayga.conf")
	must(t, os.WriteFile(config, []byte("tun-device nat64\nipv4-addr 192.168.255.1\nprefix 2001:db8:64::/96\ndynamic-pool 192.168.255.0/24\ndata-dir "+dir+"\n"), 0o600))
	if out, err := n.R1.Command(t.Context(), "tayga", "--config", config, "--mktun").CombinedOutput(); err != nil {
		t.Fatalf("tayga --mktun: %v\n%s", err, out)
	}
	inHost(t, n.R1, "link set nat64 up")
	inHost(t, n.R1, "route add 192.168.255.0/24 dev nat64")
	inHost(t, n.R1, "-6 route add 2001:db8:64::/96 dev nat64")
	labtest.Start(t, n.R1, "Dynamic pool", "sh", "-c", "exec stdbuf -oL tayga -d --config "+config+" >&2")
	p := probeOnce(t, n.Client, exit.Established, "established", "--dns", names.server, "-6", "ten.lab.test:80")
	checkNAT64(t, p, "2001:db8:64::/96", "10.3.0.80", "2001:db8:64::a03:50")
	checkPhrases(t, tcpprobe(t, n.Client, "trace", "--flow-label=74565", "-6", "--dns", names.server, "ten.lab.test:80"),
		"192.168.255.1 behind NAT64 3 2001:db8:64::a01:1 ", "10.1.0.1 behind NAT64 4 2001:db8:64::a02:2 ", "10.2.0.2 behind NAT64 5 2001:db8:64::a03:50 ",
		"through NAT64 2001:db8:64::/96 between hop 1, 2001:db8:1::1, and hop 2, 2001:db8:64::c0a8:ff01: 10.3.0.80 behind it",
		"flow label 0x12345 -> 0x00000")
}

// A host with IPv6 alone is told by which address it reaches an IPv4 address, if its network has a translator.
func TestNoRouteButNAT64(t *testing.T) {
	t.Parallel()
	n := translated(t)
	own, well, none := startDNS64(t, n.Server, "5301", "2001:db8:64::/96"), startDNS64(t, n.Server, "5302", "64:ff9b::/96"), startDNS64(t, n.Server, "5303", "")
	inHost(t, n.R1, "route add unreachable 192.0.2.0/24")
	inHost(t, n.Client, "route add unreachable 192.0.2.0/24")
	p := probeOnce(t, n.Client, exit.NoNextHop, "no_route", "--dns", own.server, "192.0.2.80:80")
	if asked := own.asked.Load(); p.NAT64 != nil || asked != 0 {
		t.Errorf("nat64 %+v on a host with IPv4, asked %d times", p.NAT64, asked)
	}
	inHost(t, n.Client, "addr flush dev eth0 scope global")
	inHost(t, n.Client, "-6 addr replace 2001:db8:1::2/64 dev eth0 nodad")
	inHost(t, n.Client, "-6 route replace default via fe80::1 dev eth0")
	for _, send := range []string{"link", "ip", "connect"} {
		p := probeOnce(t, n.Client, exit.NoNextHop, "no_route", "--send", send, "--dns", own.server, "192.0.2.80:80")
		checkNAT64(t, p, "2001:db8:64::/96", "192.0.2.80", "2001:db8:64::c000:250")
		r := tcpprobe(t, n.Client, "--send", send, "--dns", well.server, "192.0.2.80:80")
		_, next, _ := strings.Cut(r.stdout, "\n  Next: tcpprobe ")
		if next != "[64:ff9b::c000:250]:80\n" || r.code != exit.NoNextHop {
			t.Errorf("%s: exit code %d, next %q in\n%s", send, r.code, next, r.stdout)
		}
		probeOnce(t, n.Client, exit.Established, "established", "--send", send, strings.TrimSpace(next))
	}
	for server, target := range map[*dns64]string{none: "192.0.2.80:80", well: "10.3.0.80:80"} {
		server.asked.Store(0)
		r := tcpprobe(t, n.Client, "--dns", server.server, target)
		if r.code != exit.NoNextHop || !strings.Contains(r.stdout, "\n  Next: ip route;") || server.asked.Load() != 1 {
			t.Errorf("%s: exit code %d, asked %d times\n%s", target, r.code, server.asked.Load(), r.stdout)
		}
	}
	l := probeJSON(t, n.Client, "--dns", "[2001:db8:3::53]:5309", "192.0.2.80:80") // where nobody listens
	if len(l.probes) != 1 || l.probes[0].Outcome != "no_route" || l.probes[0].NAT64 != nil {
		t.Errorf("%+v", l.probes)
	}
}
