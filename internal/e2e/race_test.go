//go:build linux

package e2e_test

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"tcpprobe/internal/exit"
	"tcpprobe/internal/netlab/labtest"
	"tcpprobe/rawip"
	"tcpprobe/tcphdr"
)

// raceLine is a line of type race.
type raceLine struct {
	Type, Target, Winner, Verdict string
	Families                      []struct {
		Family, Address, Outcome string
		Started                  *time.Duration `json:"started_ns"`
		Connected                *time.Duration `json:"connected_ns"`
		RTT                      *time.Duration `json:"rtt_ns"`
	}
	Browser *time.Duration `json:"browser_delay_ns"`
	Plain   *time.Duration `json:"plain_delay_ns"`
}

// TestRace: the addresses of a name begin one after the other, and none is cancelled.
func TestRace(t *testing.T) {
	t.Parallel()
	n := labtest.DualStack(t)
	labtest.Nft(t, n.R1, `table ip6 refuse {
		chain forward {
			type filter hook forward priority filter
			ip6 daddr 2001:db8:3::80 tcp dport 81 reject with icmpv6 admin-prohibited
		}
	}`)
	swallow(t, n.R2, "2001:db8:3::99/128")
	for _, test := range []struct {
		name, args string
		code       int
		winner     string
		outcomes   []string
		text       string
		late       bool // the winner began second
	}{
		{"both", "dual.lab.test:80", exit.Established, "ipv6", []string{"established", "established"}, "ESTABLISHED  dual.lab.test:80  IPv6 wins by 2", false},
		{"both, required", "--require both dual.lab.test:80", exit.Established, "ipv6", []string{"established", "established"}, "IPv6 wins", false},
		{"dead IPv6", "-W 700ms dead6.lab.test:80", exit.Established, "ipv4", []string{"timeout", "established"}, "IPv4 wins, IPv6 is announced", true},
		{"dead IPv6, required", "-W 700ms --require both dead6.lab.test:80", exit.Mixed, "ipv4", []string{"timeout", "established"}, "loses 127 s", true},
		{"all refused", "dual.lab.test:82", exit.Refused, "", []string{"refused", "refused"}, "REFUSED  dual.lab.test:82  no address was established", false},
		{"another each", "dual.lab.test:81", exit.Mixed, "", []string{"unreachable", "refused"}, "no address was established", false},
		{"one family", "www.lab.test:80", exit.Established, "ipv4", []string{"established"}, "there is only IPv4", false},
		{"one family, both required", "--require both www.lab.test:80", exit.Mixed, "ipv4", []string{"established"}, "there is only IPv4", false},
		{"no name", "nosuch.lab.test:80", exit.DNS, "", nil, "DNS_ERROR  nosuch.lab.test:80  does not exist", false},
	} {
		args := append([]string{labDNS, "--race"}, strings.Fields(test.args)...)
		r := tcpprobe(t, n.Client, args...)
		if r.code != test.code || !strings.Contains(strings.Join(strings.Fields(r.stdout), " "), strings.Join(strings.Fields(test.text), " ")) || r.stderr != "" {
			t.Errorf("%s: exit code %d, want %d and %q in\n%s%s", test.name, r.code, test.code, test.text, r.stdout, r.stderr)
		}
		for line := range strings.Lines(r.stdout) {
			if len([]rune(strings.TrimSuffix(line, "\n"))) > 80 {
				t.Errorf("%s: more than 80 columns: %s", test.name, line)
			}
		}
		r = tcpprobe(t, n.Client, append(args, "--json")...)
		validate(t, r.stdout)
		var line raceLine
		decode(t, r.stdout, &line)
		if r.code != test.code || line.Type != "race" || line.Winner != test.winner || len(line.Families) != len(test.outcomes) {
			t.Errorf("%s: exit code %d, %s", test.name, r.code, r.stdout)
			continue
		}
		for i, f := range line.Families {
			if f.Outcome != test.outcomes[i] || (f.Connected != nil) != (f.Outcome == "established") {
				t.Errorf("%s: %+v", test.name, f)
			}
		}
		if len(line.Families) == 2 {
			if gap := *line.Families[1].Started - *line.Families[0].Started; gap < 150*time.Millisecond {
				t.Errorf("%s: the second began %v after the first", test.name, gap)
			}
		}
		if test.late && (*line.Browser < 150*time.Millisecond || *line.Plain < 127*time.Second) {
			t.Errorf("%s: a browser loses %v, a plain client %v", test.name, *line.Browser, *line.Plain)
		}
	}
	for _, test := range []struct {
		args           string
		code           int
		shown, failing bool
	}{
		{"-qq dual.lab.test:80", exit.Established, false, false},
		{"-qq dual.lab.test:82", exit.Refused, true, false},
		{"-qq --require both www.lab.test:80", exit.Mixed, true, false},
		{"--only failed dual.lab.test:80", exit.Established, false, false},
		{"--only open dual.lab.test:80", exit.Established, true, false},
		{"--only open --json dual.lab.test:82", exit.Refused, false, false},
		{"-q -W 1500ms --fail-on syn_retransmitted dead6.lab.test:80", exit.Mixed, true, true},
		{"-q --fail-on syn_retransmitted dual.lab.test:80", exit.Established, true, false},
	} {
		r := tcpprobe(t, n.Client, append([]string{labDNS, "--race"}, strings.Fields(test.args)...)...)
		if r.code != test.code || (r.stdout != "") != test.shown || strings.HasSuffix(r.stderr, ": --fail-on syn_retransmitted: in 1 handshake\n") != test.failing {
			t.Errorf("%s: exit code %d, want %d\n%s%s", test.args, r.code, test.code, r.stdout, r.stderr)
		}
	}
	r := tcpprobe(t, n.Client, labDNS, "--race=50ms", "--json", "dead6.lab.test:80", "-W", "400ms")
	var line raceLine
	decode(t, r.stdout, &line)
	if r.code != exit.Established || *line.Browser >= 200*time.Millisecond && *line.Families[1].Started >= 200*time.Millisecond {
		t.Errorf("50 ms apart: %s", r.stdout)
	}
}

// TestRaceAgainst: a family that is dead, slow or refusing loses the race, and what it costs is said; which of the two it is makes the
// difference, since IPv6 begins.
func TestRaceAgainst(t *testing.T) {
	t.Parallel()
	const slowness = 2 * time.Second // far more than the quarter of a second that the second family begins later
	well := forge(func(ip rawip.Datagram, syn tcphdr.Header, _ []byte) [][]byte {
		return [][]byte{accept(ip, syn, nil, 0)}
	})
	tests := []struct {
		name                  string
		bad                   forge
		outcome, said         string
		plainLeast, plainMost time.Duration // what a client loses that takes the addresses in order, if it begins with this one
	}{
		{"dead", func(rawip.Datagram, tcphdr.Header, []byte) [][]byte { return nil }, "timeout", "announced in the DNS and silent", 127 * time.Second, 128 * time.Second},
		{"slow", func(ip rawip.Datagram, syn tcphdr.Header, d []byte) [][]byte {
			time.Sleep(slowness)
			return well(ip, syn, d)
		}, "established", "", slowness / 2, 30 * time.Second},
		{"refusing", func(ip rawip.Datagram, syn tcphdr.Header, _ []byte) [][]byte {
			segment, _ := tcphdr.Header{
				SrcPort: syn.DstPort, DstPort: syn.SrcPort, Ack: syn.Seq.Add(1), Flags: tcphdr.RST | tcphdr.ACK,
			}.Append(nil, ip.Dst, ip.Src, nil)
			return [][]byte{datagramOf(53, ip.Dst, ip.Src, rawip.ProtocolTCP, segment)}
		}, "refused", "refused", 0, time.Second},
	}
	for _, test := range tests {
		for i, bad := range families {
			t.Run(test.name+" "+bad, func(t *testing.T) {
				t.Parallel()
				a, b := routedPair(t)
				for j := range families { // each has a host of its own, so that the other does not wait for the slow one
					hostileRouter(t, b, func(datagram []byte) [][]byte {
						ip, syn, ok := synOf(datagram)
						switch {
						case !ok || ip.Is6() != (j == 1):
							return nil
						case i == j:
							return test.bad(ip, syn, datagram)
						}
						return well(ip, syn, datagram)
					})
				}
				hosts := fmt.Sprintf("%v race.test\n%v race.test\n", numberedTarget("ipv4", 1), numberedTarget("ipv6", 1))
				run := func(args ...string) ran {
					return runPrepared(t, a, func() error {
						return ownEtc(func() error { return os.WriteFile("/etc/hosts", []byte(hosts), 0o644) })
					}, append([]string{"--race", "--close", "rst", "--retries", "0", "-W", "4s", "race.test:80"}, args...)...)
				}
				r := run("--json")
				validate(t, r.stdout)
				var line raceLine
				decode(t, r.stdout, &line)
				winner := families[1-i]
				if r.code != exit.Established || line.Winner != winner || len(line.Families) != 2 || line.Browser == nil || line.Plain == nil {
					t.Fatalf("exit code %d: %s%s", r.code, r.stdout, r.stderr)
				}
				for _, f := range line.Families {
					want := "established"
					if f.Family == bad {
						want = test.outcome
					}
					if f.Outcome != want || f.Started == nil || f.Family == bad && test.name == "slow" && *f.RTT < slowness {
						t.Errorf("%+v, want %s", f, want)
					}
				}
				// Neither kind of client waits longer than for the refusal.
				late := *line.Browser >= 150*time.Millisecond
				if test.name == "refusing" {
					late = *line.Browser > 0 && *line.Browser <= *line.Plain
				}
				if bad == "ipv6" && (!late || *line.Plain < test.plainLeast || *line.Plain > test.plainMost) {
					t.Errorf("a browser loses %v, a plain client %v", *line.Browser, *line.Plain)
				}
				if bad == "ipv4" && (*line.Browser != 0 || *line.Plain != 0) {
					t.Errorf("a browser loses %v, a plain client %v, of what begins second", *line.Browser, *line.Plain)
				}
				names := map[string]string{"ipv4": "IPv4", "ipv6": "IPv6"}
				want := names[winner] + " wins by "
				if test.said != "" {
					want = names[winner] + " wins, " + names[bad] + " is " + test.said
				}
				if text := run(); text.code != exit.Established || !strings.Contains(strings.Join(strings.Fields(text.stdout), " "), want) {
					t.Errorf("exit code %d, want %q in\n%s", text.code, want, text.stdout)
				}
			})
		}
	}
}
