//go:build linux

package e2e_test

import (
	"bytes"
	"errors"
	"net/netip"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"golang.org/x/net/dns/dnsmessage"
	"golang.org/x/sys/unix"

	"tcpprobe/internal/exit"
	"tcpprobe/internal/netlab"
	"tcpprobe/internal/netlab/labtest"
)

// families are the two families in which everything is done that is done here.
var families = []string{"ipv4", "ipv6"}

// peers are the addresses of b in labtest.DualPair, as they stand in front of a port, and farServers those of Server in labtest.DualStack.
var (
	peers      = []string{"10.0.0.2", "[2001:db8::2]"}
	farServers = []string{"10.3.0.80", "[2001:db8:3::80]"}
)

// inBoth runs a test in each family, side by side, with its number and its name.
func inBoth(t *testing.T, test func(t *testing.T, i int)) {
	t.Helper()
	for i, family := range families {
		t.Run(family, func(t *testing.T) {
			t.Parallel()
			test(t, i)
		})
	}
}

// In both families every target ends as it should, by frames and by the kernel's IP, and the kernel resets nothing.
func TestBothFamilies(t *testing.T) {
	t.Parallel()
	n := labtest.DualStack(t)
	for _, h := range []*netlab.Host{n.Client, n.R1} {
		listener, err := h.Listen("tcp", ":7000")
		must(t, err)
		defer listener.Close()
	}
	for _, r := range []netlab.Route{
		{Dst: netip.MustParsePrefix("10.8.0.0/16"), Type: netlab.Unreachable},
		{Dst: netip.MustParsePrefix("2001:db8:8::/48"), Type: netlab.Unreachable},
		{Dst: netip.MustParsePrefix("10.7.0.0/16"), NextHop: netip.MustParseAddr("10.1.0.99")},
		{Dst: netip.MustParsePrefix("2001:db8:7::/48"), NextHop: netip.MustParseAddr("2001:db8:1::99")},
	} {
		must(t, n.Client.Route(r))
	}
	for _, r := range []netlab.Route{
		{Dst: netip.MustParsePrefix("10.9.1.0/24"), Type: netlab.Unreachable}, {Dst: netip.MustParsePrefix("2001:db8:9:1::/64"), Type: netlab.Unreachable},
		{Dst: netip.MustParsePrefix("10.9.2.0/24"), Type: netlab.Prohibit}, {Dst: netip.MustParsePrefix("2001:db8:9:2::/64"), Type: netlab.Prohibit},
		{Dst: netip.MustParsePrefix("10.9.3.0/24"), Type: netlab.Blackhole}, {Dst: netip.MustParsePrefix("2001:db8:9:3::/64"), Type: netlab.Blackhole},
	} {
		must(t, n.R1.Route(r))
	}
	resets := labtest.SNMP(t, n.Client)["Tcp.OutRsts"]
	for _, test := range []struct {
		name    string
		targets [2]string // by IPv4 and by IPv6; "" for none
		args    string
		code    int
		outcome string
		send    string
		icmp    [2][2]int // type and code
	}{
		{"far", [2]string{"10.3.0.80:80", "[2001:db8:3::80]:80"}, "", exit.Established, "established", "link", [2][2]int{}},
		{"far, by IP", [2]string{"10.3.0.80:80", "[2001:db8:3::80]:80"}, "--send ip", exit.Established, "established", "ip", [2][2]int{}},
		{"far, another way to end", [2]string{"10.3.0.80:80", "[2001:db8:3::80]:80"}, "--close rst --flow-label 74565", exit.Established, "established", "link", [2][2]int{}},
		{"neighbour", [2]string{"10.1.0.1:7000", "[2001:db8:1::1]:7000"}, "--close rst", exit.Established, "established", "link", [2][2]int{}},
		{"neighbour, by IP", [2]string{"10.1.0.1:7000", "[2001:db8:1::1]:7000"}, "--close rst --send ip", exit.Established, "established", "ip", [2][2]int{}},
		{"link-local", [2]string{"", "[fe80::1%eth0]:7000"}, "--close rst", exit.Established, "established", "link", [2][2]int{}},
		{"link-local, by IP", [2]string{"", "[fe80::1%eth0]:7000"}, "--close rst --send ip", exit.Established, "established", "ip", [2][2]int{}},
		{"link-local, by the interface", [2]string{"", "[fe80::1]:7000"}, "--close rst -I eth0", exit.Established, "established", "link", [2][2]int{}},
		{"loopback", [2]string{"127.0.0.1:7000", "[::1]:7000"}, "--close rst", exit.Established, "established", "ip", [2][2]int{}},
		{"own", [2]string{"10.1.0.2:7000", "[2001:db8:1::2]:7000"}, "--close rst", exit.Established, "established", "ip", [2][2]int{}},
		{"own link-local", [2]string{"", "[fe80::2%eth0]:7000"}, "--close rst", exit.Established, "established", "ip", [2][2]int{}},
		{"refused", [2]string{"10.3.0.80:81", "[2001:db8:3::80]:81"}, "", exit.Refused, "refused", "link", [2][2]int{}},
		{"loopback, in frames", [2]string{"127.0.0.1:7000", "[::1]:7000"}, "--send link", exit.System, "local_error", "", [2][2]int{}},
		{"own, in frames", [2]string{"10.1.0.2:7000", "[2001:db8:1::2]:7000"}, "--send link", exit.System, "local_error", "", [2][2]int{}},
		{"refused by loopback", [2]string{"127.0.0.1:81", "[::1]:81"}, "", exit.Refused, "refused", "ip", [2][2]int{}},
		{"silence", [2]string{"10.9.3.1:80", "[2001:db8:9:3::1]:80"}, "-W 300ms", exit.Timeout, "timeout", "link", [2][2]int{}},
		{"unreachable", [2]string{"10.9.1.1:80", "[2001:db8:9:1::1]:80"}, "", exit.Unreachable, "unreachable", "link", [2][2]int{{3, 1}, {1, 0}}},
		{"unreachable, by IP", [2]string{"10.9.1.1:80", "[2001:db8:9:1::1]:80"}, "--send ip", exit.Unreachable, "unreachable", "ip", [2][2]int{{3, 1}, {1, 0}}},
		{"prohibited", [2]string{"10.9.2.1:80", "[2001:db8:9:2::1]:80"}, "", exit.Unreachable, "unreachable", "link", [2][2]int{{3, 13}, {1, 1}}},
		{"no hops left", [2]string{"10.3.0.80:80", "[2001:db8:3::80]:80"}, "--ttl 1", exit.Unreachable, "unreachable", "link", [2][2]int{{11, 0}, {3, 0}}},
		{"no route", [2]string{"10.8.0.1:80", "[2001:db8:8::1]:80"}, "", exit.NoNextHop, "no_route", "", [2][2]int{}},
		{"silent neighbour", [2]string{"10.1.0.98:80", "[2001:db8:1::98]:80"}, "", exit.NoNextHop, "silent", "", [2][2]int{}},
		{"silent gateway", [2]string{"10.7.0.1:80", "[2001:db8:7::1]:80"}, "", exit.NoNextHop, "silent", "", [2][2]int{}},
	} {
		for i, family := range families {
			if test.targets[i] == "" {
				continue
			}
			t.Run(test.name+"/"+family, func(t *testing.T) {
				outcome := test.outcome
				if outcome == "silent" {
					outcome = [2]string{"arp_timeout", "ndp_timeout"}[i]
				}
				p := probeOnce(t, n.Client, test.code, outcome, append(strings.Fields(test.args), test.targets[i])...)
				if p.Family != family || p.Target != test.targets[i] {
					t.Errorf("family %s of %s", p.Family, p.Target)
				}
				if hops := [2]*neighborLine{p.ARP, p.NDP}; test.send != "" && (hops[i] == nil || hops[1-i] != nil) {
					t.Errorf("arp %+v, ndp %+v", p.ARP, p.NDP)
				}
				if test.send != "" && p.TCP.Send != test.send {
					t.Errorf("sent by %s, want %s", p.TCP.Send, test.send)
				}
				if want := test.icmp[i]; want != [2]int{} && (len(p.ICMP) != 1 || p.ICMP[0].Type != want[0] || p.ICMP[0].Code != want[1]) {
					t.Errorf("ICMP %+v, want %v", p.ICMP, want)
				}
			})
		}
	}
	if after := labtest.SNMP(t, n.Client)["Tcp.OutRsts"]; after != resets+2 { // those of port 81 of loopback, which are the answers
		t.Errorf("the kernel sent %d resets, want 2", after-resets)
	}
}

// IPv4 by an IPv6 next hop (RTA_VIA, RFC 9229) is asked for by NDP and sent as IPv4, whoever sends it, also from a host that has no address on
// the link but its link-local one.
func TestIPv4ByIPv6NextHop(t *testing.T) {
	t.Parallel()
	n := labtest.DualStack(t)
	ipCommand(t, n.Client, "route del default", "route add 10.3.0.0/24 via inet6 fe80::1 dev eth0", "route add 10.7.0.0/24 via inet6 fe80::99 dev eth0",
		"addr add 192.0.2.1/32 dev lo", "route add 10.3.0.53/32 via inet6 fe80::1 dev eth0 src 192.0.2.1")
	ipCommand(t, n.R1, "route add 192.0.2.1/32 via inet6 fe80::2 dev eth0")
	ipCommand(t, n.R2, "route add 192.0.2.1/32 via 10.2.0.1")
	for _, test := range []struct{ target, source string }{{"10.3.0.80:80", "10.1.0.2"}, {"10.3.0.53:80", "192.0.2.1"}} {
		for _, send := range []string{"link", "ip", "connect"} {
			p := probeOnce(t, n.Client, exit.Established, "established", "--send", send, test.target)
			if p.Family != "ipv4" || p.TCP.Send != send || p.Route.NextHop != "fe80::1" || p.Route.Source != test.source || p.ARP != nil {
				t.Errorf("%s: %s by %s, route %+v, arp %+v", send, p.Family, p.TCP.Send, p.Route, p.ARP)
			}
			if send == "link" && (p.NDP == nil || p.NDP.Address != "fe80::1" || p.NDP.Source != "ndp" || p.NDP.MAC == "" || !p.NDP.Router) {
				t.Errorf("ndp %+v", p.NDP)
			}
		}
	}
	p := probeOnce(t, n.Client, exit.NoNextHop, "ndp_timeout", "10.7.0.1:80")
	if p.NDP == nil || p.NDP.Address != "fe80::99" || p.NDP.Attempts != 3 || p.ARP != nil {
		t.Errorf("a silent next hop: ndp %+v, arp %+v", p.NDP, p.ARP)
	}
	// What is asked of the link is NDP, and what is sent is IPv4, to the MAC that it found.
	wire := labtest.Wire(t, n.Client, "eth0")
	if r := tcpprobe(t, n.Client, "--close", "rst", "10.3.0.80:80"); r.code != exit.Established || !strings.Contains(r.stdout, "who has fe80::1") {
		t.Errorf("exit code %d\n%s", r.code, r.stdout)
	}
	frames := wire.Tshark(t, "arp || ip.dst == 10.3.0.80 && tcp.flags == 2", "eth.type")
	if len(frames) != 1 || frames[0][0] != "0x0800" {
		t.Errorf("ARP and SYNs: %v; want one SYN, in IPv4", frames)
	}
	if r := tcpprobe(t, n.Client, "trace", "10.3.0.80:80", "-W", "1s"); r.code != exit.Established || !strings.Contains(r.stdout, "3 hops") {
		t.Errorf("a trace: exit code %d\n%s", r.code, r.stdout)
	}
	if r := tcpprobe(t, n.Client, "--explain", "--close", "rst", "10.3.0.80:80"); r.code != exit.Established || !strings.Contains(r.stdout, "neighbor solicitation") {
		t.Errorf("explained: exit code %d\n%s", r.code, r.stdout)
	}
}

// A name of both families goes by the address that getaddrinfo(3) hands out first, whatever the host has to send from.
func TestOrderOfAddresses(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		setUp []string // lines of ip(8)
		want  string
	}{
		"global":          {nil, "2001:db8:3::80"},
		"no IPv6 route":   {[]string{"-6 route del default"}, "10.3.0.80"},
		"deprecated":      {[]string{"-6 addr change 2001:db8:1::2/64 dev eth0 preferred_lft 0"}, "10.3.0.80"},
		"unique local":    {[]string{"-6 addr del 2001:db8:1::2/64 dev eth0", "-6 addr add fd00:1::2/64 dev eth0 nodad", "-6 route replace default via fe80::1 dev eth0"}, "10.3.0.80"},
		"link-local":      {[]string{"-6 addr del 2001:db8:1::2/64 dev eth0", "-6 route replace default via fe80::1 dev eth0"}, "10.3.0.80"},
		"no IPv4":         {[]string{"addr flush dev eth0 scope global", "-6 addr replace 2001:db8:1::2/64 dev eth0 nodad", "-6 route replace default via fe80::1 dev eth0"}, "2001:db8:3::80"},
		"no IPv4 route":   {[]string{"route del default"}, "2001:db8:3::80"},
		"neither's route": {[]string{"route del default", "-6 route del default"}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			n := labtest.DualStack(t)
			for _, line := range test.setUp {
				if out, err := n.Client.Command(t.Context(), "ip", strings.Fields(line)...).CombinedOutput(); err != nil {
					t.Fatalf("ip %s: %v\n%s", line, err, out)
				}
			}
			l := parseLines(t, runPrepared(t, n.Client, dualInHosts, "--json", "-W", "500ms", "--send", "ip", "dual.lab.test:80"))
			if len(l.probes) != 1 {
				t.Fatalf("%d handshakes", len(l.probes))
			}
			p := l.probes[0]
			if want := getent(t, n.Client, "dual.lab.test"); !slices.Equal(p.DNS.Addresses, want) {
				t.Errorf("addresses %q, getent has %q", p.DNS.Addresses, want)
			}
			if test.want != "" && (p.Address != test.want || p.Outcome != "established") {
				t.Errorf("%s with %s, want it with %s", p.Outcome, p.Address, test.want)
			}
		})
	}
}

// A name of two families is probed by the first address alone, dead or not, and what else there is is said. With --all both are.
func TestDualStackName(t *testing.T) {
	t.Parallel()
	n := labtest.DualStack(t)
	swallow(t, n.R2, "2001:db8:3::99/128")
	for _, dns := range []string{"--dns=10.3.0.53", "--dns=2001:db8:3::53", "--dns=[2001:db8:3::53]:53"} {
		p := probeOnce(t, n.Client, exit.Established, "established", dns, "dual.lab.test:80")
		if p.Address != "2001:db8:3::80" || !slices.Equal(p.DNS.Addresses, []string{"2001:db8:3::80", "10.3.0.80"}) || p.DNS.Attempts != 2 {
			t.Errorf("address %s, dns %+v", p.Address, p.DNS)
		}
		if q := p.DNS.Queries; len(q) != 2 || q[0].Type != "AAAA" || q[0].RCode != "NOERROR" || !slices.Equal(q[0].Addresses, []string{"2001:db8:3::80"}) ||
			q[1].Type != "A" || !slices.Equal(q[1].Addresses, []string{"10.3.0.80"}) {
			t.Errorf("queries %+v", q)
		}
	}
	for _, test := range []struct {
		args string
		code int
		want string
	}{
		{"dual.lab.test:80", exit.Established, "\n  also 10.3.0.80: --all probes both\n"},
		{"dual.lab.test:80 -c 2 -i 50ms", exit.Established, "\nalso 10.3.0.80: --all probes both\n"},
		{"dead6.lab.test:80 -W 1s", exit.Timeout, "\n  also 10.3.0.80: --all probes both\n"},
		{"www.lab.test:80 -6", exit.DNS, "it\n  has an IPv4 address, 10.3.0.80\n"},
		{"six.lab.test:80 -4", exit.DNS, "it\n  has an IPv6 address, 2001:db8:3::80\n"},
	} {
		r := tcpprobe(t, n.Client, append([]string{labDNS}, strings.Fields(test.args)...)...)
		if r.code != test.code || !strings.Contains(r.stdout, test.want) {
			t.Errorf("%s: exit code %d, want %d and %q in\n%s", test.args, r.code, test.code, test.want, r.stdout)
		}
	}
	for args, want := range map[string][]string{
		"dual.lab.test:80 --all":               {"established 10.3.0.80", "established 2001:db8:3::80"},
		"dead6.lab.test:80 --all -W 1s":        {"established 10.3.0.80", "timeout 2001:db8:3::99"},
		"dead6.lab.test:80 --all -4":           {"established 10.3.0.80"},
		"dual.lab.test:80 -4":                  {"established 10.3.0.80"},
		"dual.lab.test:80 -6":                  {"established 2001:db8:3::80"},
		"dual.lab.test:80 -S 10.1.0.2":         {"established 10.3.0.80"},
		"dual.lab.test:80 -S 2001:db8:1::2":    {"established 2001:db8:3::80"},
		"dual.lab.test:80 -S [2001:db8:1::2]":  {"established 2001:db8:3::80"},
		"[2001:db8:3::80]:80 -S 2001:db8:1::2": {"established 2001:db8:3::80"},
	} {
		var got []string
		for _, p := range probeJSON(t, n.Client, append([]string{labDNS}, strings.Fields(args)...)...).probes {
			got = append(got, p.Outcome+" "+p.Address)
		}
		if slices.Sort(got); !slices.Equal(got, want) {
			t.Errorf("%s: %q, want %q", args, got, want)
		}
	}
	if r := tcpprobe(t, n.Client, labDNS, "-q", "dual.lab.test:80"); strings.Contains(r.stdout, "also") {
		t.Errorf("quiet: %s", r.stdout)
	}
}

// A source that no router sends further is said, whoever makes the handshake, and only for targets beyond the link.
func TestLinkLocalSource(t *testing.T) {
	t.Parallel()
	n := labtest.DualStack(t)
	for _, send := range []string{"link", "ip", "connect"} {
		p := probeOnce(t, n.Client, exit.Refused, "refused", "--send", send, "[fe80::1%eth0]:81")
		if slices.Contains(p.Findings, "link_local_source") {
			t.Errorf("%s to a neighbour: %q", send, p.Findings)
		}
	}
	for _, send := range []string{"link", "ip"} {
		p := probeOnce(t, n.Client, exit.Unreachable, "unreachable", "--send", send, "-S", "fe80::2", "[2001:db8:3::80]:80")
		if !slices.Contains(p.Findings, "link_local_source") || len(p.ICMP) != 1 || p.ICMP[0].Type != 1 || p.ICMP[0].Code != 2 {
			t.Errorf("%s beyond the link: %q, ICMP %+v", send, p.Findings, p.ICMP)
		}
	}
}

// The name server may have a link-local address alone.
func TestLinkLocalNameServer(t *testing.T) {
	t.Parallel()
	n := labtest.DualStack(t)
	conn, err := n.R1.ListenPacket("udp", "[fe80::1%eth0]:53")
	must(t, err)
	t.Cleanup(func() { conn.Close() })
	go func() {
		for b := make([]byte, 1500); ; {
			size, from, err := conn.ReadFrom(b)
			if err != nil {
				return // it is closed
			}
			var query dnsmessage.Message
			if err := query.Unpack(b[:size]); err != nil {
				t.Error(err)
				return
			}
			answer := reply(query, [4]byte{10, 3, 0, 80})
			if query.Questions[0].Type == dnsmessage.TypeAAAA {
				answer.Answers = nil
			}
			octets, err := answer.Pack()
			if err == nil {
				_, err = conn.WriteTo(octets, from)
			}
			if err != nil {
				t.Error(err)
			}
		}
	}()
	for _, server := range []string{"fe80::1%eth0", "[fe80::1%eth0]:53"} {
		p := probeOnce(t, n.Client, exit.Established, "established", "--dns", server, "www.lab.test:80")
		if p.DNS.Server != "[fe80::1%eth0]:53" {
			t.Errorf("%+v", p.DNS)
		}
	}
	r := runPrepared(t, n.Client, func() error {
		return ownEtc(func() error { return os.WriteFile("/etc/resolv.conf", []byte("nameserver fe80::1%eth0\n"), 0o644) })
	}, "www.lab.test:80")
	if r.code != exit.Established || !strings.Contains(r.stdout, "ask fe80::1%eth0") {
		t.Errorf("exit code %d\n%s%s", r.code, r.stdout, r.stderr)
	}
}

// dualInHosts gives the thread an /etc in which dual.lab.test has an address of each family.
func dualInHosts() error {
	if err := unix.Unshare(unix.CLONE_NEWNS); err != nil {
		return err
	}
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return err
	}
	if err := unix.Mount("tmpfs", "/etc", "tmpfs", 0, ""); err != nil {
		return err
	}
	return errors.Join(
		os.WriteFile("/etc/hosts", []byte("10.3.0.80 dual.lab.test\n2001:db8:3::80 dual.lab.test\n"), 0o644),
		os.WriteFile("/etc/host.conf", []byte("multi on\n"), 0o644),
		os.WriteFile("/etc/nsswitch.conf", []byte("hosts: files\n"), 0o644),
	)
}

// getent returns the addresses of a name in the order of getaddrinfo(3).
func getent(t *testing.T, h *netlab.Host, name string) (addresses []string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "getent", "--no-addrconfig", "ahosts", name)
	var out bytes.Buffer
	cmd.Stdout = &out
	err := h.Do(func() error {
		if err := dualInHosts(); err != nil {
			return err
		}
		return cmd.Run()
	})
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(out.String()) {
		if fields := strings.Fields(line); fields[1] == "STREAM" {
			addresses = append(addresses, fields[0])
		}
	}
	return addresses
}
