//go:build linux

package e2e_test

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"tcpprobe/internal/exit"
	"tcpprobe/internal/netlab"
	"tcpprobe/internal/netlab/labtest"
)

// TestConnectOutcomes: what connect(2) says, with who sent the ICMP error behind it.
func TestConnectOutcomes(t *testing.T) {
	t.Parallel()
	n := labtest.Journey(t)
	labtest.Nft(t, n.R1, reject)
	serve(t, n.Client, "127.0.0.1:80")
	for prefix, kind := range map[string]netlab.RouteType{
		"10.9.1.0/24": netlab.Unreachable, "10.9.2.0/24": netlab.Prohibit, "10.9.3.0/24": netlab.Blackhole,
	} {
		must(t, n.Client.Route(netlab.Route{Dst: netip.MustParsePrefix(prefix), Type: kind}))
	}
	for _, test := range []struct {
		name, target, outcome string
		code                  int
		icmp                  string // from, type and code
	}{
		{"established", "10.3.0.80:80", "established", exit.Established, ""},
		{"a RST", "10.3.0.80:81", "refused", exit.Refused, ""},
		{"prohibited", "10.3.0.80:1013", "unreachable", exit.Unreachable, "10.1.0.1 3/13"},
		{"port unreachable", "10.3.0.80:1003", "unreachable", exit.Unreachable, "10.1.0.1 3/3"},
		{"loopback", "127.0.0.1:80", "established", exit.Established, ""},
		{"unreachable route", "10.9.1.1:80", "no_route", exit.NoNextHop, ""},
		{"prohibit route", "10.9.2.1:80", "no_route", exit.NoNextHop, ""},
		{"blackhole route", "10.9.3.1:80", "no_route", exit.NoNextHop, ""},
		{"nobody on the link", "10.1.0.77:80", "arp_timeout", exit.NoNextHop, ""},
	} {
		p := probeOnce(t, n.Client, test.code, test.outcome, "--send=connect", "-W=900ms", test.target)
		icmp := ""
		for _, m := range p.ICMP {
			icmp = fmt.Sprintf("%s %d/%d", m.From, m.Type, m.Code)
		}
		if icmp != test.icmp {
			t.Errorf("%s: ICMP %q, want %q", test.name, icmp, test.icmp)
		}
		if p.TCP != nil && (p.TCP.Send != "connect" || len(p.TCP.Segments) != 0) {
			t.Errorf("%s: %+v", test.name, p.TCP)
		}
	}
}

// TestConnectWithoutCapability: the first minute of those who have no right to raw sockets.
func TestConnectWithoutCapability(t *testing.T) {
	t.Parallel()
	n := labtest.Journey(t)
	r := runPrepared(t, n.Client, withoutRaw, "10.3.0.80:80")
	first, _, _ := strings.Cut(r.stdout, "\n")
	if r.code != exit.Established || !strings.HasPrefix(first, "No CAP_NET_RAW: ") || !strings.Contains(first, "connect") || len(first) > 80 {
		t.Errorf("exit code %d, stderr %q:\n%s", r.code, r.stderr, r.stdout)
	}
	r = runPrepared(t, n.Client, withoutRaw, "--json", "10.3.0.80:80")
	l := parseLines(t, r)
	if len(l.probes) != 1 || l.probes[0].TCP.Send != "connect" || l.probes[0].Outcome != "established" {
		t.Errorf("exit code %d, stderr %q:\n%s", r.code, r.stderr, r.stdout)
	}
	for _, args := range [][]string{{"-q"}, {"-c=2", "-i=10ms"}, {"-o=mermaid"}, {"--diagram=-"}} {
		if r := runPrepared(t, n.Client, withoutRaw, append(args, "10.3.0.80:80")...); r.code != exit.Established || !strings.Contains(r.stdout+r.stderr, "10.3.0.80:80") {
			t.Errorf("%q: exit code %d, stderr %q:\n%s", args, r.code, r.stderr, r.stdout)
		}
	}
}

// TestConnectMany: one poller waits for hundreds of handshakes.
func TestConnectMany(t *testing.T) {
	t.Parallel()
	n := labtest.Journey(t)
	var targets strings.Builder
	for port := range 400 {
		fmt.Fprintf(&targets, "10.3.0.80:%d\n", 80+port)
	}
	cmd := program(t.Context(), n.Client, "--send=connect", "--targets=-", "--rate=0", "-W=10s")
	cmd.Stdin = strings.NewReader(targets.String())
	began := time.Now()
	r := finish(t, cmd)
	if refused := strings.Count(r.stdout, "REFUSED  "); r.code != exit.Mixed || refused < 390 || refused+strings.Count(r.stdout, "ESTABLISHED  ") != 400 {
		t.Errorf("exit code %d after %v, %d refused, stderr %q", r.code, time.Since(began), refused, r.stderr)
	}
}

// TestConnectIPv6: the same for IPv6.
func TestConnectIPv6(t *testing.T) {
	t.Parallel()
	n := labtest.DualStack(t)
	labtest.Nft(t, n.R1, `table ip6 t {
	chain c {
		type filter hook forward priority 0
		tcp dport 1001 reject with icmpv6 admin-prohibited
		tcp dport 1004 reject with icmpv6 port-unreachable
	}
}`)
	for _, test := range []struct {
		target, outcome string
		code            int
		icmp            string
	}{
		{"[2001:db8:3::80]:80", "established", exit.Established, ""},
		{"[2001:db8:3::80]:81", "refused", exit.Refused, ""},
		{"six.lab.test:80", "established", exit.Established, ""},
		{"[2001:db8:3::80]:1001", "unreachable", exit.Unreachable, "2001:db8:1::1 1/1"},
		{"[2001:db8:3::80]:1004", "unreachable", exit.Unreachable, "2001:db8:1::1 1/4"},
		{"[fe80::1%eth0]:81", "refused", exit.Refused, ""},
		{"[::1]:81", "refused", exit.Refused, ""},
		{"[2001:db8:1::77]:80", "ndp_timeout", exit.NoNextHop, ""},
	} {
		p := probeOnce(t, n.Client, test.code, test.outcome, "--send=connect", "-W=900ms", "--dns=10.3.0.53", test.target)
		icmp := ""
		for _, m := range p.ICMP {
			icmp = fmt.Sprintf("%s %d/%d", m.From, m.Type, m.Code)
		}
		if icmp != test.icmp || p.TCP != nil && p.TCP.Send != "connect" {
			t.Errorf("%s: ICMP %q, want %q; %+v", test.target, icmp, test.icmp, p.TCP)
		}
	}
	if _, l := compareSend(t, n.Client, exit.Established, "nowhere", "[2001:db8:3::80]:80"); l.Address != "2001:db8:3::80" {
		t.Errorf("address %s", l.Address)
	}
}

// withoutNetlink takes CAP_NET_RAW from the thread whose child becomes the program, and has its kernel know no netlink, as in some
// sandboxes.
func withoutNetlink() error {
	const loadNumber, loadFirst = 0, 16 // offsets of nr and of args[0], on a machine whose first octet is the lowest, in struct seccomp_data
	filter := []unix.SockFilter{
		{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS, K: loadNumber},
		{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, K: unix.SYS_SOCKET, Jf: 3},
		{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS, K: loadFirst},
		{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, K: unix.AF_NETLINK, Jf: 1},
		{Code: unix.BPF_RET | unix.BPF_K, K: unix.SECCOMP_RET_ERRNO | uint32(unix.EAFNOSUPPORT)},
		{Code: unix.BPF_RET | unix.BPF_K, K: unix.SECCOMP_RET_ALLOW},
	}
	program := unix.SockFprog{Len: uint16(len(filter)), Filter: &filter[0]}
	return errors.Join(withoutRaw(), unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0),
		unix.Prctl(unix.PR_SET_SECCOMP, unix.SECCOMP_MODE_FILTER, uintptr(unsafe.Pointer(&program)), 0, 0))
}

// TestConnectWithoutNetlink: what netlink would have told is absent, and the handshake is made all the same. Frames need it.
func TestConnectWithoutNetlink(t *testing.T) {
	n := labtest.Journey(t)
	for _, target := range []string{"10.3.0.80:80", "www.lab.test:80"} {
		l := parseLines(t, runPrepared(t, n.Client, withoutNetlink, "--json", "--dns=10.3.0.53", target))
		if len(l.probes) != 1 || l.code != exit.Established || l.probes[0].TCP.Send != "connect" || l.probes[0].Route != nil {
			t.Errorf("exit code %d, stderr %q:\n%s", l.code, l.stderr, l.stdout)
		}
	}
	if r := runPrepared(t, n.Client, withoutNetlink, "-c=2", "-i=10ms", "10.3.0.80:81"); r.code != exit.Refused || strings.Count(r.stdout, "refused ") != 2 {
		t.Errorf("exit code %d, stderr %q:\n%s", r.code, r.stderr, r.stdout)
	}
	if r := runPrepared(t, n.Client, withoutNetlink, "--send=ip", "10.3.0.80:81"); r.code != exit.NotPermitted {
		t.Errorf("exit code %d, stderr %q:\n%s", r.code, r.stderr, r.stdout)
	}
}
