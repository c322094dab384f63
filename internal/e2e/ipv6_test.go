//go:build linux

package e2e_test

import (
	"fmt"
	"slices"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"tcpprobe/internal/exit"
	"tcpprobe/internal/netlab/labtest"
)

// TestExtensionHeaders: a server that puts extension headers in front of its SYN-ACK is heard by both ways to send.
func TestExtensionHeaders(t *testing.T) {
	t.Parallel()
	n := labtest.DualStack(t)
	padding := string([]byte{0, 0, 1, 4, 0, 0, 0, 0}) // an options header with nothing but PadN
	for port, options := range map[int][]int{7001: {unix.IPV6_DSTOPTS}, 7002: {unix.IPV6_HOPOPTS}, 7003: {unix.IPV6_HOPOPTS, unix.IPV6_DSTOPTS}} {
		listener, err := n.Server.Listen("tcp", fmt.Sprintf("[2001:db8:3::80]:%d", port))
		must(t, err)
		t.Cleanup(func() { listener.Close() })
		raw, err := listener.(syscall.Conn).SyscallConn()
		must(t, err)
		must(t, raw.Control(func(fd uintptr) {
			for _, option := range options {
				if err := unix.SetsockoptString(int(fd), unix.SOL_IPV6, option, padding); err != nil {
					t.Fatalf("option %d: %v", option, err)
				}
			}
		}))
		for _, send := range []string{"link", "ip"} {
			p := probeOnce(t, n.Client, exit.Established, "established", "--send", send, "--close", "rst", fmt.Sprintf("[2001:db8:3::80]:%d", port))
			if p.TCP.SYNSent != 1 || len(p.Findings) != 0 {
				t.Errorf("options %v by %s: %d SYNs, findings %v", options, send, p.TCP.SYNSent, p.Findings)
			}
		}
	}
}

// TestRepathed: where the first flow label leads into a black hole, and the next does not, the handshake succeeds and says so.
func TestRepathed(t *testing.T) {
	t.Parallel()
	n := labtest.DualStack(t)
	// The router drops each first SYN of a connection, as a broken path would.
	labtest.Nft(t, n.R1, `table ip6 broken {
		set seen { type ipv6_addr . inet_service; flags dynamic; timeout 1m; }
		chain forward {
			type filter hook forward priority filter
			tcp dport 80 tcp flags & (syn | ack) == syn ip6 saddr . tcp sport @seen accept
			tcp dport 80 tcp flags & (syn | ack) == syn add @seen { ip6 saddr . tcp sport } drop
		}
	}`)
	for _, test := range []struct {
		args []string
		want bool
	}{{nil, true}, {[]string{"--flow-label", "0x12345"}, false}} {
		p := probeOnce(t, n.Client, exit.Established, "established", append(test.args, "[2001:db8:3::80]:80")...)
		if p.TCP.AnsweredSYN != 2 || slices.Contains(p.Findings, "repathed") != test.want || !slices.Contains(p.Findings, "syn_retransmitted") {
			t.Errorf("%v: SYN %d, findings %v", test.args, p.TCP.AnsweredSYN, p.Findings)
		}
	}
	if r := tcpprobe(t, n.Client, "-v", "[2001:db8:3::80]:80"); r.code != exit.Established || !strings.Contains(r.stdout, "another flow label") {
		t.Errorf("exit code %d: %s", r.code, r.stdout)
	}
}
