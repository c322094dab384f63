//go:build linux

package e2e_test

import (
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"tcpprobe/internal/exit"
	"tcpprobe/internal/netlab"
	"tcpprobe/internal/netlab/labtest"
)

// silence has a host drop every segment to port 80.
const silence = `table inet silence {
	chain input {
		type filter hook input priority filter
		tcp dport 80 drop
	}
}`

func TestInterfaceLost(t *testing.T) {
	t.Parallel()
	for name, lose := range map[string]func(h *netlab.Host) error{
		"down":    func(h *netlab.Host) error { return h.SetLink("eth0", false) },
		"deleted": func(h *netlab.Host) error { return h.DeleteLink("eth0") },
	} {
		for _, send := range []string{"link", "ip"} {
			t.Run(name+" "+send, func(t *testing.T) {
				t.Parallel()
				a, b := labtest.DualPair(t)
				labtest.Nft(t, b, silence)
				var running []*running // in both families
				for _, peer := range peers {
					p := start(t, a, peer+":80", "-W=20s", "--send", send)
					p.await(t, "SYN      [000010]")
					running = append(running, p)
				}
				must(t, lose(a))
				lost := time.Now()
				for i, p := range running {
					r := p.end(t)
					if took := time.Since(lost); r.code != exit.System || !strings.Contains(r.stdout, "LOCAL_ERROR  "+peers[i]+":80") || took > time.Second {
						t.Errorf("%s: exit code %d after %v, want %d at once:\n%s", peers[i], r.code, took, exit.System, r.stdout)
					}
				}
			})
		}
	}
	inBoth(t, func(t *testing.T, i int) {
		a, _ := labtest.DualPair(t)
		p := start(t, a, peers[i]+":80", "-c=0", "-i=20ms")
		p.await(t, "seq=3  refused")
		must(t, a.SetLink("eth0", false))
		p.await(t, "no_route")
		must(t, a.SetLink("eth0", true))
		p.await(t, "refused") // it goes on
		must(t, p.cmd.Process.Signal(os.Interrupt))
		if r := p.end(t); r.code != exit.Mixed {
			t.Errorf("exit code %d, want %d", r.code, exit.Mixed)
		}
	})
}

// TestHeldBack: a SYN that the kernel's IP keeps, because nobody answers for the next hop, did not go unanswered: it never left.
func TestHeldBack(t *testing.T) {
	t.Parallel()
	a, b := labtest.DualPair(t)
	labtest.Nft(t, b, "table inet deaf {\n chain input {\n type filter hook input priority 0; policy drop;\n meta l4proto icmpv6 accept\n }\n}\n")
	inBoth(t, func(t *testing.T, i int) {
		silent := []string{"10.0.0.9", "2001:db8::9"}[i]
		p := probeOnce(t, a, exit.NoNextHop, []string{"arp_timeout", "ndp_timeout"}[i], "--send=ip", "-W=1s", []string{"10.0.0.9:80", "[2001:db8::9]:80"}[i])
		if p.Reason != silent+" is silent on eth0." {
			t.Errorf("the reason is %q", p.Reason)
		}
		// What left and was dropped by the other end is a timeout.
		probeOnce(t, a, exit.Timeout, "timeout", "--send=ip", "-W=1s", peers[i]+":80")
	})
}

// TestNextHopAnnounced: a next hop that announces its new MAC costs nothing: the kernel's connections would follow it, too.
func TestNextHopAnnounced(t *testing.T) {
	t.Parallel()
	inBoth(t, func(t *testing.T, i int) {
		a, b := labtest.DualPair(t)
		must(t, b.Sysctl("net/ipv4/conf/all/arp_notify", "1"))
		must(t, b.Sysctl("net/ipv6/conf/all/ndisc_notify", "1"))
		p := start(t, a, peers[i]+":7", "-c=0", "-i=20ms", "--send=link", "--json")
		p.await(t, `"seq":9,`)
		must(t, b.Command(t.Context(), "ip", "link", "set", "eth0", "address", "02:11:22:33:44:55").Run())
		p.await(t, `"seq":99,`)
		must(t, p.cmd.Process.Signal(os.Interrupt))
		r := p.end(t)
		if r.code != exit.Refused || !strings.Contains(r.stdout, "next_hop_moved") || strings.Contains(r.stdout, `"outcome":"timeout"`) {
			t.Errorf("exit code %d, want %d:\n%s", r.code, exit.Refused, r.stdout)
		}
	})
}

// TestNextHopReplaced: a next hop that comes back with another MAC, as a gateway does that another one takes over from,
// costs no more than the handshakes under way.
func TestNextHopReplaced(t *testing.T) {
	t.Parallel()
	inBoth(t, func(t *testing.T, i int) {
		a, b := labtest.DualPair(t)
		p := start(t, a, peers[i]+":7", "-c=0", "-i=50ms", "-W=200ms", "--send=link")
		p.await(t, "seq=2  refused")
		must(t, b.Command(t.Context(), "ip", "link", "set", "eth0", "address", "02:11:22:33:44:55").Run())
		p.await(t, "timeout")
		p.await(t, "refused")
		must(t, p.cmd.Process.Signal(os.Interrupt))
		if r := p.end(t); r.code != exit.Mixed {
			t.Errorf("exit code %d, want %d", r.code, exit.Mixed)
		}
	})
}

func TestFirewallOfOurOwn(t *testing.T) {
	t.Parallel()
	for _, verdict := range []string{"drop", "reject", "reject with tcp reset", "reject with icmpx admin-prohibited"} {
		a, _ := labtest.DualPair(t)
		labtest.Nft(t, a, `table inet output {
			chain output {
				type filter hook output priority filter
				tcp dport 7 `+verdict+`
			}
		}`)
		for _, peer := range peers {
			p := probeOnce(t, a, exit.System, "local_error", "--send=ip", peer+":7")
			if !strings.Contains(p.Reason, "operation not permitted") {
				t.Errorf("%s: the reason is %q", verdict, p.Reason)
			}
			// Frames of our own pass it by.
			probeOnce(t, a, exit.Refused, "refused", "--send=link", peer+":7")
		}
	}
}

func TestNoRoomToSend(t *testing.T) {
	t.Parallel()
	a, _ := labtest.DualPair(t)
	for _, peer := range []string{"10.0.0.2", "2001:db8::2"} {
		must(t, a.Neighbor("eth0", netip.MustParseAddr(peer), [6]byte{0x02, 0x00, 10, 0, 0, 2}, true))
	}
	// A queue with room for a single octet.
	if output, err := a.Command(t.Context(), "tc", "qdisc", "replace", "dev", "eth0", "root", "bfifo", "limit", "1").CombinedOutput(); err != nil {
		t.Fatalf("tc: %v\n%s", err, output)
	}
	for _, peer := range peers {
		p := probeOnce(t, a, exit.System, "local_error", peer+":7")
		if !strings.Contains(p.Reason, "no buffer space available") {
			t.Errorf("%s: the reason is %q", peer, p.Reason)
		}
	}
}

func TestResolvConf(t *testing.T) {
	t.Parallel()
	n := labtest.Journey(t)
	etc := func(fill func() error) func() error { return func() error { return ownEtc(fill) } }
	text := func(name, text string) func() error {
		return func() error { return os.WriteFile(filepath.Join("/etc", name), []byte(text), 0o644) }
	}
	for _, test := range []struct {
		name string
		fill func() error
		args []string
		code int
		want string
	}{
		{"a directory", func() error { return os.Mkdir("/etc/resolv.conf", 0o755) }, []string{"www.lab.test:80"}, exit.Configuration, "Next: look at /etc/resolv.conf, or name a server with --dns SERVER."},
		{"a directory, not needed", func() error { return os.Mkdir("/etc/resolv.conf", 0o755) }, []string{"10.3.0.80:80"}, 0, "ESTABLISHED"},
		{"a directory, not needed for an address of three numbers", func() error { return os.Mkdir("/etc/resolv.conf", 0o755) }, []string{"10.3.80:80"}, 0, "ESTABLISHED  10.3.80:80"},
		{"a directory, passed by", func() error { return os.Mkdir("/etc/resolv.conf", 0o755) }, []string{labDNS, "www.lab.test:80"}, 0, "ESTABLISHED"},
		{"none", func() error { return nil }, []string{"www.lab.test:80", "--dns-tries=1", "--dns-timeout=200ms"}, exit.DNS, "127.0.0.1"},
		{"search", text("resolv.conf", "nameserver 10.3.0.53\nsearch lab.test\n"), []string{"www:80"}, 0, "ESTABLISHED  www:80"},
		{"the second server", text("resolv.conf", "nameserver 10.3.0.80\nnameserver 10.3.0.53\noptions timeout:1\n"), []string{"www.lab.test:80"}, 0, "ESTABLISHED"},
		{"hosts", text("hosts", "10.3.0.80 web\n"), []string{"WEB:80"}, 0, "ESTABLISHED  WEB:80"},
		{"a link to nowhere", func() error { return os.Symlink("/run/nowhere", "/etc/resolv.conf") }, []string{"www.lab.test:80", "--dns-tries=1"}, exit.DNS, "/etc/resolv.conf is a link to /run/nowhere"},
		{"a server with its port", text("resolv.conf", "nameserver 10.3.0.53:53\n"), []string{"www.lab.test:80", "--dns-tries=1"}, exit.DNS, "10.3.0.53:53"},
		{"hosts, a number", text("hosts", "10.3.0.80 web.1\n"), []string{"web.1:80"}, 0, "ESTABLISHED  web.1:80"},
		{"hosts, one of two", text("hosts", "0.0.0.0 web\n10.3.0.80 web\n"), []string{"web:80"}, 0, "ESTABLISHED  web:80"},
		{"hosts, no host", text("hosts", "0.0.0.0 blocked\n"), []string{"blocked:80"}, exit.DNS, "Next: look at /etc/hosts, where the address is from."},
	} {
		r := runPrepared(t, n.Client, etc(test.fill), test.args...)
		if r.code != test.code || !strings.Contains(r.stdout+r.stderr, test.want) {
			t.Errorf("%s: exit code %d, want %d and %q\n%s%s", test.name, r.code, test.code, test.want, r.stdout, r.stderr)
		}
	}
}

func TestNoSingleHost(t *testing.T) {
	t.Parallel()
	a, _ := labtest.Pair(t)
	for _, target := range []string{"10.0.0.255:80", "127.255.255.255:80"} {
		wire := labtest.Wire(t, a, "eth0")
		r := tcpprobe(t, a, "-W=300ms", target)
		if r.code != exit.NoNextHop || !strings.Contains(r.stdout, "broadcast address") {
			t.Errorf("%s: exit code %d\n%s", target, r.code, r.stdout)
		}
		if rows := wire.Tshark(t, "tcp", "frame.number"); len(rows) != 0 {
			t.Errorf("%s: %d segments left", target, len(rows))
		}
	}
}
