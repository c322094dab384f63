//go:build linux

package e2e_test

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"tcpprobe/internal/netlab"
	"tcpprobe/internal/netlab/labtest"
)

// limited gives routers the limit for ICMP errors that Linux has by default: to an address one in a second, after six at once.
func limited(t *testing.T, routers ...*netlab.Host) {
	t.Helper()
	for _, router := range routers {
		must(t, router.Sysctl("net/ipv4/icmp_ratelimit", "1000"))
		must(t, router.Sysctl("net/ipv4/icmp_ratemask", "6168"))
	}
}

// limitedHop is what --json says of a hop, as far as runs are to agree on it.
type limitedHop struct {
	Type, Outcome string
	TTL           int
	Replies       []struct {
		From string
		ICMP struct{ Type, Code int }
	}
}

// pathOf runs a trace, and returns its hops and outcome in a line.
func pathOf(t *testing.T, n *labtest.Network, args ...string) string {
	t.Helper()
	r := tcpprobe(t, n.Client, append([]string{"trace", "--json"}, args...)...)
	var words []string
	for line := range strings.Lines(r.stdout) {
		validate(t, line)
		var hop limitedHop
		decode(t, line, &hop)
		switch {
		case hop.Type == "trace":
			words = append(words, hop.Outcome)
		case len(hop.Replies) == 0:
			words = append(words, fmt.Sprintf("%d:*", hop.TTL))
		default:
			reply := hop.Replies[0]
			words = append(words, fmt.Sprintf("%d:%s/%d/%d", hop.TTL, reply.From, reply.ICMP.Type, reply.ICMP.Code))
		}
	}
	return strings.Join(words, " ")
}

// TestTraceUnderLimits: however little routers may say just now, one run says what the other does. The runs follow at once
// on each other, so that each finds the routers as silent as the one before has left them.
func TestTraceUnderLimits(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		target string
		runs   int
		want   string
	}{
		"open":             {"10.3.0.80:80", 12, "1:10.1.0.1/11/0 2:10.2.0.2/11/0 3:10.3.0.80/0/0 established"},
		"rejected by R1":   {"10.9.2.1:80", 4, "1:10.1.0.1/3/13 unreachable"},
		"rejected by R2":   {"10.9.1.1:80", 4, "1:10.1.0.1/11/0 2:10.2.0.2/3/1 unreachable"},
		"dropped by R2":    {"10.3.0.80:1001", 3, "1:10.1.0.1/11/0 2:10.2.0.2/11/0 timeout"},
		"reset by R2":      {"10.3.0.80:1100", 6, "1:10.1.0.1/11/0 2:10.2.0.2/11/0 3:10.3.0.80/0/0 refused"},
		"forbidden by R2":  {"10.3.0.80:1014", 4, "1:10.1.0.1/11/0 2:10.2.0.2/11/0 3:10.2.0.2/3/13 unreachable"},
		"rejected by host": {"10.3.0.80:1013", 4, "1:10.1.0.1/11/0 2:10.2.0.2/11/0 3:10.3.0.80/3/3 unreachable"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			n := labtest.Journey(t)
			limited(t, n.R1, n.R2, n.Server)
			must(t, n.R1.Route(netlab.Route{Dst: netip.MustParsePrefix("10.9.2.0/24"), Type: netlab.Prohibit}))
			must(t, n.R2.Route(netlab.Route{Dst: netip.MustParsePrefix("10.9.1.0/24"), Type: netlab.Unreachable}))
			labtest.Nft(t, n.R2, strings.ReplaceAll(portRules, "1013", "1014"))
			labtest.Nft(t, n.Server, `table ip rules {
				chain input {
					type filter hook input priority filter
					tcp dport 1013 reject with icmp port-unreachable
				}
			}`)
			for run := range test.runs {
				if got := pathOf(t, n, test.target, "-W=500ms"); got != test.want {
					t.Errorf("run %d: %s, want %s", run+1, got, test.want)
				}
			}
		})
	}
}

// TestTraceAsksApart: hops that stay silent are asked again one by one, more than a second apart, and not those behind the
// target.
func TestTraceAsksApart(t *testing.T) {
	t.Parallel()
	n := labtest.Journey(t)
	for _, router := range []*netlab.Host{n.R1, n.R2} {
		labtest.Nft(t, router, `table ip silent {
			chain output {
				type filter hook output priority filter
				icmp type time-exceeded drop
			}
		}`)
	}
	wire := labtest.Wire(t, n.Client, "eth0")
	r := tcpprobe(t, n.Client, "trace", "10.3.0.80:80", "-W=400ms", "--retries=2")
	if !strings.Contains(r.stdout, "\n 1  *\n 2  *\n 3  10.3.0.80 ") {
		t.Errorf("exit code %d\n%s", r.code, r.stdout)
	}
	var ttls []string
	var before time.Duration
	for i, row := range wire.Tshark(t, "ip.src == 10.1.0.2 && tcp.flags.syn == 1", "ip.ttl", "frame.time_relative") {
		at, err := time.ParseDuration(row[1] + "s")
		must(t, err)
		if i < 30 {
			before = at
			continue
		}
		ttls = append(ttls, row[0])
		if at-before < time.Second {
			t.Errorf("TTL %s is asked %v after the SYN before it", row[0], at-before)
		}
		before = at
	}
	if want := []string{"1", "1", "2", "2"}; !slices.Equal(ttls, want) {
		t.Errorf("asked again: %v, want %v", ttls, want)
	}
}

// TestTraceRoundsUnderLimits: what a router does not answer is no lost SYN, and rounds that find it silent agree.
func TestTraceRoundsUnderLimits(t *testing.T) {
	t.Parallel()
	n := labtest.Journey(t)
	limited(t, n.R1, n.R2)
	r := tcpprobe(t, n.Client, "trace", "10.3.0.80:80", "-c8", "-i=10ms", "-W=300ms")
	if r.code != 0 || !strings.Contains(r.stdout, "unanswered") || strings.Contains(r.stdout, "lost") || strings.Contains(r.stdout, "rounds") {
		t.Errorf("exit code %d\n%s", r.code, r.stdout)
	}
}

// TestMTUUnderLimits: a router that must not speak just now is no black hole.
func TestMTUUnderLimits(t *testing.T) {
	t.Parallel()
	n := labtest.Journey(t)
	limited(t, n.R1, n.R2)
	narrow(t, n, 1400)
	for range 3 {
		pathOf(t, n, "10.3.0.80:80", "-m1", "-c6", "-i=1ms", "-W=300ms", "--retries=0") // R1 has said all that it may
		if m := traceMTU(t, n, 0); m.MTU != 1400 || m.BlackHole != nil {
			t.Errorf("%+v", m)
		}
	}
}

// TestCompareSYNUnderLimits: a router that rejects each kind of SYN drops none.
func TestCompareSYNUnderLimits(t *testing.T) {
	t.Parallel()
	n := labtest.Journey(t)
	limited(t, n.R1, n.R2)
	must(t, n.R1.Route(netlab.Route{Dst: netip.MustParsePrefix("10.9.2.0/24"), Type: netlab.Prohibit}))
	r := tcpprobe(t, n.Client, "trace", "--compare-syn", "10.9.2.1:80", "-W=300ms")
	if strings.Count(r.stdout, "rejected") < 7 || strings.Contains(r.stdout, "dropped") {
		t.Errorf("exit code %d\n%s", r.code, r.stdout)
	}
}

// TestFlowsUnderLimits: flows that share routers are heard of one after the other.
func TestFlowsUnderLimits(t *testing.T) {
	t.Parallel()
	n := labtest.Multipath(t)
	limited(t, n.R1, n.Upper, n.Lower, n.R2)
	r := tcpprobe(t, n.Client, "trace", "--flows=12", "10.3.0.80:80", "-W=300ms", "--json")
	var all flowsLine
	for line := range strings.Lines(r.stdout) {
		validate(t, line)
		decode(t, line, &all)
		if strings.Contains(line, "null") || strings.Contains(line, `"*"`) {
			t.Errorf("a hop stayed silent: %s", line)
		}
	}
	if r.code != 0 || all.Flows != 12 || all.PartHop != 2 || len(all.Paths) != 2 {
		t.Errorf("exit code %d: %+v", r.code, all)
	}
}
