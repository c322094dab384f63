//go:build linux

package e2e_test

import (
	"strings"
	"testing"

	"tcpprobe/internal/exit"
	"tcpprobe/internal/netlab/labtest"
)

// TestTraceChanges has the first router change what it forwards: the second one's quote shows it.
func TestTraceChanges(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		rule string
		args []string
		want []string // lines behind the verdict
	}{
		"nothing": {"ip ttl 255 accept", nil, nil},
		"DSCP":    {"ip dscp set cs0", []string{"--dscp=46"}, []string{"changed: dscp 46 -> 0 between hop 1, 10.1.0.1, and hop 2, 10.2.0.2"}},
		"ECN":     {"ip ecn set ect0", nil, []string{"changed: ecn 0 -> 2 between hop 1, 10.1.0.1, and hop 2, 10.2.0.2"}},
		"MSS": {"tcp flags syn tcp option maxseg size set 1300", nil, []string{
			"changed: mss 1460 -> 1300 between hop 1, 10.1.0.1, and hop 2, 10.2.0.2",
		}},
		"stripped": {"reset tcp option timestamp", nil, []string{
			"changed: timestamps", "-> absent between hop 1, 10.1.0.1, and hop 2, 10.2.0.2",
			"the SYN,ACK is without timestamps: not wanted there, or taken out on the way",
		}},
		"window": {"tcp window set 4096", nil, []string{"changed: window 64240 -> 4096 between hop 1, 10.1.0.1, and hop 2, 10.2.0.2"}},
		"DF":     {"ip frag-off set 0", nil, []string{"changed: df true -> false between hop 1, 10.1.0.1, and hop 2, 10.2.0.2"}},
		"ID":     {"ip id set 7", nil, []string{"changed: id", "-> 7 between hop 1, 10.1.0.1, and hop 2, 10.2.0.2"}},
	} {
		t.Run(name, func(t *testing.T) {
			n := labtest.Journey(t)
			labtest.Nft(t, n.R1, `table ip mangle {
				chain postrouting {
					type filter hook postrouting priority mangle
					ip daddr 10.3.0.80 `+test.rule+`
				}
			}`)
			r := tcpprobe(t, n.Client, append([]string{"trace", "-W=500ms", "10.3.0.80:80"}, test.args...)...)
			if r.code != exit.Established {
				t.Fatalf("exit code %d", r.code)
			}
			_, below, _ := strings.Cut(r.stdout, "ESTABLISHED")
			below = strings.Join(strings.Fields(below), " ")
			for _, want := range test.want {
				if !strings.Contains(below, want) {
					t.Errorf("%q is not in %q", want, below)
				}
			}
			if n := strings.Count(below, "changed:"); n != min(len(test.want), 1) {
				t.Errorf("%d changes in %q", n, below)
			}
			for line := range strings.Lines(r.stdout) {
				if columns := len([]rune(strings.TrimSuffix(line, "\n"))); columns > 80 {
					t.Errorf("%d columns: %s", columns, line)
				}
			}
		})
	}
}

// TestTraceThroughNAT: what a router translates is translated back in what is quoted of it, and the path is found all the
// same.
func TestTraceThroughNAT(t *testing.T) {
	t.Parallel()
	n := labtest.Journey(t)
	labtest.Nft(t, n.R1, `table ip nat {
		chain prerouting {
			type nat hook prerouting priority dstnat
			ip daddr 10.99.0.80 dnat to 10.3.0.80
		}
		chain postrouting {
			type nat hook postrouting priority srcnat
			ip daddr 10.3.0.80 masquerade
		}
	}`)
	r := tcpprobe(t, n.Client, "trace", "-W=500ms", "10.99.0.80:80")
	want := "a router, by NAT"
	if r.code != exit.Established || !strings.Contains(r.stdout, " 3  10.99.0.80") || strings.Contains(r.stdout, "changed: source") || !strings.Contains(strings.Join(strings.Fields(r.stdout), " "), want) {
		t.Errorf("exit code %d\n%s", r.code, r.stdout)
	}
}

// TestCompareSYNChanges: what is changed, and in which kinds of SYN.
func TestCompareSYNChanges(t *testing.T) {
	t.Parallel()
	n := labtest.Journey(t)
	labtest.Nft(t, n.R1, `table ip mangle {
		chain postrouting {
			type filter hook postrouting priority mangle
			tcp flags syn tcp option maxseg size set 1300
			reset tcp option fastopen
		}
	}`)
	r := tcpprobe(t, n.Client, "trace", "--compare-syn", "-W=500ms", "10.3.0.80:80")
	text := strings.Join(strings.Fields(r.stdout), " ")
	for _, want := range []string{
		"changed: mss 1460 -> 1300 between hop 1, 10.1.0.1, and hop 2, 10.2.0.2: nots, linux, ecn, accecn, tfo.",
		"changed: mss 8960 -> 1300 between hop 1, 10.1.0.1, and hop 2, 10.2.0.2: bigmss.",
		"changed: fast open present -> absent between hop 1, 10.1.0.1, and hop 2, 10.2.0.2: tfo.",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is not in\n%s", want, r.stdout)
		}
	}
	for line := range strings.Lines(tcpprobe(t, n.Client, "trace", "--compare-syn", "-W=500ms", "10.3.0.80:80", "--json").stdout) {
		validate(t, line)
	}
}
