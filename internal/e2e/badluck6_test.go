//go:build linux

package e2e_test

import (
	"fmt"
	"net/netip"
	"os"
	"slices"
	"strings"
	"testing"

	"tcpprobe/internal/exit"
	"tcpprobe/internal/netlab"
	"tcpprobe/internal/netlab/labtest"
)

// ipCommand runs lines of ip(8) on a host and returns what the last one says.
func ipCommand(t *testing.T, h *netlab.Host, lines ...string) (said string) {
	t.Helper()
	labtest.NeedTool(t, "ip")
	for _, line := range lines {
		out, err := h.Command(t.Context(), "ip", strings.Fields(line)...).CombinedOutput()
		if err != nil {
			t.Fatalf("ip %s: %v\n%s", line, err, out)
		}
		said = string(out)
	}
	return said
}

// nothingLeft says so if a run left a socket behind, or had the kernel reset what it was about.
func nothingLeft(t *testing.T, h *netlab.Host, resets int) {
	t.Helper()
	if listens, packets := traces(t, h); listens != 0 || packets != 0 {
		t.Errorf("%d listening and %d packet sockets are left", listens, packets)
	}
	if n := labtest.SNMP(t, h)["Tcp.OutRsts"] - resets; n != 0 {
		t.Errorf("the kernel sent %d resets", n)
	}
}

// TestAddressesOfBadLuck: whatever became of this host's IPv6 addresses, there is one clear line and the right exit code.
func TestAddressesOfBadLuck(t *testing.T) {
	t.Parallel()
	type setUp func(t *testing.T, n *labtest.Network)
	ip := func(lines ...string) setUp {
		return func(t *testing.T, n *labtest.Network) { ipCommand(t, n.Client, lines...) }
	}
	eth0 := func(setting, value string) setUp {
		return func(t *testing.T, n *labtest.Network) { must(t, n.Client.Sysctl("net/ipv6/conf/eth0/"+setting, value)) }
	}
	all := func(steps ...setUp) setUp {
		return func(t *testing.T, n *labtest.Network) {
			for _, step := range steps {
				step(t, n)
			}
		}
	}
	// untilThere waits for an address of which ip(8) says the word.
	untilThere := func(word string) setUp {
		return func(t *testing.T, n *labtest.Network) {
			until(t, func() bool { return ipCommand(t, n.Client, "-6 -o addr show dev eth0 "+word) != "" })
		}
	}
	// The detection of duplicates goes on for longer than any test, unless it finds one.
	tentative := all(eth0("accept_dad", "1"), eth0("dad_transmits", "600"), ip("-6 addr add 2001:db8:1::7/64 dev eth0"))
	theirs := func(t *testing.T, n *labtest.Network) {
		must(t, n.R1.Address("eth0", netip.MustParsePrefix("2001:db8:1::7/64")))
	}
	duplicate := all(theirs, tentative, untilThere("dadfailed"))
	temporary := all(eth0("use_tempaddr", "2"), ip("-6 addr add 2001:db8:1::7/64 dev eth0 mngtmpaddr"), untilThere("temporary"))
	many := func(t *testing.T, n *labtest.Network) {
		for i := range 30 {
			must(t, n.Client.Address("eth0", netip.MustParsePrefix(fmt.Sprintf("2001:db8:1::1:%x/64", i))))
		}
	}
	const far = "[2001:db8:3::80]:80"
	for _, test := range []struct {
		name    string
		setUp   setUp
		args    string
		code    int
		outcome string
		want    string // in the reason, or a finding; "" for none
	}{
		{"tentative", tentative, "-S 2001:db8:1::7 " + far, exit.System, "local_error", "2001:db8:1::7 is no source: it is tentative"},
		{"tentative target", tentative, "-W 500ms [2001:db8:1::7]:80", exit.System, "local_error", "2001:db8:1::7 is an address of this host that cannot be used: it is tentative"},
		{"tentative target, until the kernel gives up", tentative, "-W 30s [2001:db8:1::7]:80", exit.System, "local_error", "it is tentative"},
		{"duplicate target", duplicate, "-W 500ms -I eth0 [2001:db8:1::7]:80", exit.System, "local_error", "another host on the link has it"},
		{"tentative, not needed", tentative, far, exit.Established, "established", ""},
		{"duplicate", duplicate, "-S 2001:db8:1::7 " + far, exit.System, "local_error", "2001:db8:1::7 is no source: another host on the link has it"},
		{"duplicate, not needed", duplicate, far, exit.Established, "established", ""},
		{"switched off", eth0("disable_ipv6", "1"), far, exit.NoNextHop, "no_route", "this host has no IPv6 address"},
		{"switched off, asked for", eth0("disable_ipv6", "1"), "-I eth0 " + far, exit.NoNextHop, "no_route", "IPv6 is switched off on eth0 (net.ipv6.conf.eth0.disable_ipv6)"},
		{"switched off, not needed", eth0("disable_ipv6", "1"), labDNS + " dual.lab.test:80", exit.Established, "established", ""},
		{"link-local alone", ip("-6 addr del 2001:db8:1::2/64 dev eth0", "-6 route replace default via fe80::1 dev eth0"), far, exit.Unreachable, "unreachable", "link_local_source"},
		{"link-local and no route", ip("-6 addr del 2001:db8:1::2/64 dev eth0", "-6 route del default"), far, exit.NoNextHop, "no_route", "this host has none but link-local IPv6 addresses"},
		{"temporary", temporary, far, exit.Established, "established", ""},
		{"30 addresses", many, far, exit.Established, "established", ""},
		{"the last of 30 addresses", many, "-S 2001:db8:1::1:1d " + far, exit.Established, "established", ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			n := labtest.DualStack(t)
			test.setUp(t, n)
			resets := labtest.SNMP(t, n.Client)["Tcp.OutRsts"]
			for _, send := range []string{"link", "ip", "connect"} {
				p := probeOnce(t, n.Client, test.code, test.outcome, append([]string{"--send", send}, strings.Fields(test.args)...)...)
				if test.want != "" && !strings.Contains(p.Reason, test.want) && !slices.Contains(p.Findings, test.want) {
					t.Errorf("%s: reason %q, findings %q; want %q", send, p.Reason, p.Findings, test.want)
				}
				if test.want == "" && len(p.Findings) != 0 {
					t.Errorf("%s: findings %q", send, p.Findings)
				}
				if test.args == far && p.TCP != nil {
					// The source is the kernel's.
					_, source, _ := strings.Cut(ipCommand(t, n.Client, "-6 route get 2001:db8:3::80"), " src ")
					source, _, _ = strings.Cut(source, " ")
					if local, err := netip.ParseAddrPort(p.TCP.Local); err != nil || local.Addr().WithZone("").String() != source {
						t.Errorf("%s: sent from %s, the kernel would from %s", send, p.TCP.Local, source)
					}
				}
			}
			nothingLeft(t, n.Client, resets)
		})
	}
}

// TestAddressLost: what waits for an answer to an address that is taken away ends at once, and a series goes on with what is there.
func TestAddressLost(t *testing.T) {
	t.Parallel()
	const lost = "-6 addr del 2001:db8:1::2/64 dev eth0"
	for _, send := range []string{"link", "ip"} {
		t.Run(send, func(t *testing.T) {
			t.Parallel()
			n := labtest.DualStack(t)
			swallow(t, n.R1, "2001:db8:9::/48")
			p := start(t, n.Client, "[2001:db8:9::1]:80", "-W", "10m", "--retries", "0", "--send", send)
			p.await(t, "SYN      [000010]")
			ipCommand(t, n.Client, lost)
			if r := p.end(t); r.code != exit.System || !strings.Contains(r.stdout, "LOCAL_ERROR  [2001:db8:9::1]:80") || !strings.Contains(r.stdout, "2001:db8:1::2") {
				t.Errorf("exit code %d, want %d:\n%s", r.code, exit.System, r.stdout)
			}
			nothingLeft(t, n.Client, 0)
		})
	}
	t.Run("in a series", func(t *testing.T) {
		t.Parallel()
		n := labtest.DualStack(t)
		p := start(t, n.Client, "[2001:db8:3::80]:80", "-c", "0", "-i", "50ms", "--close", "rst")
		p.await(t, "seq=3  established")
		ipCommand(t, n.Client, lost)
		p.await(t, "unreachable") // from the link-local address that is left
		must(t, n.Client.Address("eth0", netip.MustParsePrefix("2001:db8:1::2/64")))
		p.await(t, "established") // it goes on
		must(t, p.cmd.Process.Signal(os.Interrupt))
		if r := p.end(t); r.code != exit.Mixed {
			t.Errorf("exit code %d, want %d", r.code, exit.Mixed)
		}
	})
}
