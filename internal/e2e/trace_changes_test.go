//go:build linux

package e2e_test

import (
	"net/netip"
	"strings"
	"testing"

	"tcpprobe/internal/exit"
	"tcpprobe/internal/netlab/labtest"
)

// TestTraceChanges has the first router change what it forwards: the second one's quote shows it.
func TestTraceChanges(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		rule, rule6 string // of IPv4 and of IPv6; the latter is "" where that has no such field
		args        []string
		want        []string // lines behind the verdict
	}{
		"nothing": {"ip ttl 255 accept", "ip6 hoplimit 255 accept", nil, nil},
		"DSCP":    {"ip dscp set cs0", "ip6 dscp set cs0", []string{"--dscp=46"}, []string{"changed: dscp 46 -> 0 between hop 1, 10.1.0.1, and hop 2, 10.2.0.2"}},
		"ECN":     {"ip ecn set ect0", "ip6 ecn set ect0", nil, []string{"changed: ecn 0 -> 2 between hop 1, 10.1.0.1, and hop 2, 10.2.0.2"}},
		"MSS": {"tcp flags syn tcp option maxseg size set 1300", "tcp flags syn tcp option maxseg size set 1300", nil, []string{
			"changed: mss 1460 -> 1300 between hop 1, 10.1.0.1, and hop 2, 10.2.0.2",
		}},
		"stripped": {"reset tcp option timestamp", "reset tcp option timestamp", nil, []string{
			"changed: timestamps", "-> absent between hop 1, 10.1.0.1, and hop 2, 10.2.0.2",
			"the SYN,ACK is without timestamps: not wanted there, or taken out on the way",
		}},
		"window":     {"tcp window set 4096", "tcp window set 4096", nil, []string{"changed: window 64240 -> 4096 between hop 1, 10.1.0.1, and hop 2, 10.2.0.2"}},
		"DF":         {"ip frag-off set 0", "", nil, []string{"changed: df true -> false between hop 1, 10.1.0.1, and hop 2, 10.2.0.2"}},
		"ID":         {"ip id set 7", "", nil, []string{"changed: id", "-> 7 between hop 1, 10.1.0.1, and hop 2, 10.2.0.2"}},
		"flow label": {"", "ip6 flowlabel set 7", nil, []string{"changed: flow label", "-> 0x00007 between hop 1, 10.1.0.1, and hop 2, 10.2.0.2"}},
	} {
		t.Run(name, func(t *testing.T) {
			n := labtest.DualStack(t)
			for i, rule := range []string{"ip daddr 10.3.0.80 " + test.rule, "ip6 daddr 2001:db8:3::80 " + test.rule6} {
				if strings.HasSuffix(rule, " ") {
					continue
				}
				labtest.Nft(t, n.R1, `table `+[]string{"ip", "ip6"}[i]+` mangle {
					chain postrouting {
						type filter hook postrouting priority mangle
						`+rule+`
					}
				}`)
				r := tcpprobe(t, n.Client, append([]string{"trace", "-W=500ms", farServers[i] + ":80"}, test.args...)...)
				if r.code != exit.Established {
					t.Fatalf("exit code %d", r.code)
				}
				_, below, _ := strings.Cut(r.stdout, "ESTABLISHED")
				below = strings.Join(strings.Fields(below), " ")
				for _, want := range test.want {
					if want := inFamily(i, want); !strings.Contains(below, want) {
						t.Errorf("%q is not in %q", want, below)
					}
				}
				if n := strings.Count(below, "changed:"); n != min(len(test.want), 1) {
					t.Errorf("%d changes in %q", n, below)
				}
				checkLines(t, r.stdout)
			}
		})
	}
}

// TestTraceThroughNAT: what a router translates is translated back in what is quoted of it, and the path is found all the
// same.
func TestTraceThroughNAT(t *testing.T) {
	t.Parallel()
	n := labtest.DualStack(t)
	labtest.Nft(t, n.R1, `table inet nat {
		chain prerouting {
			type nat hook prerouting priority dstnat
			ip daddr 10.99.0.80 dnat ip to 10.3.0.80
			ip6 daddr 2001:db8:99::80 dnat ip6 to 2001:db8:3::80
		}
		chain postrouting {
			type nat hook postrouting priority srcnat
			ip daddr 10.3.0.80 masquerade
			ip6 daddr 2001:db8:3::80 masquerade
		}
	}`)
	for _, address := range []string{"10.99.0.80", "2001:db8:99::80"} {
		target := netip.AddrPortFrom(netip.MustParseAddr(address), 80).String()
		r := tcpprobe(t, n.Client, "trace", "-W=500ms", target)
		want := "a router, by NAT"
		if r.code != exit.Established || !strings.Contains(r.stdout, " 3  "+address) || strings.Contains(r.stdout, "changed: source") || !strings.Contains(strings.Join(strings.Fields(r.stdout), " "), want) {
			t.Errorf("exit code %d\n%s", r.code, r.stdout)
		}
	}
}

// TestCompareSYNChanges: what is changed, and in which kinds of SYN.
func TestCompareSYNChanges(t *testing.T) {
	t.Parallel()
	n := labtest.DualStack(t)
	labtest.Nft(t, n.R1, `table inet mangle {
		chain postrouting {
			type filter hook postrouting priority mangle
			tcp flags syn tcp option maxseg size set 1300
			reset tcp option fastopen
		}
	}`)
	inBoth(t, func(t *testing.T, i int) {
		r := tcpprobe(t, n.Client, "trace", "--compare-syn", "-W=500ms", farServers[i]+":80")
		text := strings.Join(strings.Fields(r.stdout), " ")
		for _, want := range []string{
			"changed: mss 1460 -> 1300 between hop 1, 10.1.0.1, and hop 2, 10.2.0.2: nots, linux, ecn, accecn, tfo.",
			"changed: mss 8960 -> 1300 between hop 1, 10.1.0.1, and hop 2, 10.2.0.2: bigmss.",
			"changed: fast open present -> absent between hop 1, 10.1.0.1, and hop 2, 10.2.0.2: tfo.",
		} {
			if want := inFamily(i, want); !strings.Contains(text, want) {
				t.Errorf("%q is not in\n%s", want, r.stdout)
			}
		}
		for line := range strings.Lines(tcpprobe(t, n.Client, "trace", "--compare-syn", "-W=500ms", farServers[i]+":80", "--json").stdout) {
			validate(t, line)
		}
	})
}
